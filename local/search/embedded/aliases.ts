import type { Index } from './document-index.ts';
import { checkFilter, type Engine, parseAlias } from './engine.ts';
import type { Reply, Request } from './http.ts';
import { resolve } from './indices.ts';
import { isObject, type Json, type JsonObject, list, parseBody } from './json.ts';
import { wildcard } from './mapping.ts';
import { notSpoken, only, refuse } from './refusal.ts';

/** What a list of actions makes of all aliases; applied in one step when every action is sound. */
interface Plan {
  readonly aliases: Map<Index, Map<string, JsonObject>>;
  readonly dropped: Set<Index>;
}

/** Adds and removes aliases and removes indices, all of it or, if one action is refused, none. */
export function updateAliases({ engine, body }: Request): Reply {
  const json = parseBody(body);
  only(['actions'], json, '_aliases');
  const actions = list(json.actions).map(parseAction);
  if (actions.length === 0) throw refuse(400, 'illegal_argument_exception', 'No action specified');
  return applyActions(engine, actions);
}

export function addAlias({ engine, at, body }: Request): Reply {
  return applyActions(engine, [{ kind: 'add', options: { ...parseBody(body), ...names(at) } }]);
}

export function removeAlias({ engine, at }: Request): Reply {
  return applyActions(engine, [{ kind: 'remove', options: names(at) }]);
}

export function getAliases(request: Request): Reply {
  const { at } = request;
  const wanted = (at.alias ?? '*').split(',');
  const found = resolve(request).map(index => {
    const matching = [...index.aliases].filter(([alias]) => wanted.some(name => wildcard(name).test(alias)));
    return [index.name, { aliases: Object.fromEntries(matching) }] as const;
  });
  const missing = wanted.filter(name => !name.includes('*') && !found.some(([, { aliases }]) => name in aliases));
  const shown = found.filter(([, { aliases }]) => at.alias === undefined || Object.keys(aliases).length > 0);
  if (missing.length === 0) return { body: Object.fromEntries(shown) };
  const error = `alias${missing.length > 1 ? 'es' : ''} [${missing.join(',')}] missing`;
  return { status: 404, body: { error, status: 404, ...Object.fromEntries(shown) } };
}

type Action = { readonly kind: 'add' | 'remove' | 'remove_index'; readonly options: JsonObject };

function names(at: Request['at']): JsonObject {
  return { index: at.index as string, alias: at.alias as string };
}

function parseAction(action: Json): Action {
  const [kind = '', options] = Object.entries(isObject(action) ? action : {})[0] ?? [];
  if (!['add', 'remove', 'remove_index'].includes(kind) || !isObject(options)) {
    throw refuse(400, 'x_content_parse_exception', `[alias_action] unknown field [${kind}]`);
  }
  return { kind: kind as Action['kind'], options };
}

function applyActions(engine: Engine, actions: readonly Action[]): Reply {
  const plan: Plan = { aliases: new Map(), dropped: new Set() };
  // Removals come first, so that an alias can take the name of an index that goes in the same step.
  const removals = actions.filter(({ kind }) => kind === 'remove_index');
  for (const { options } of removals) for (const index of indicesOf(engine, options)) plan.dropped.add(index);
  const idle = actions.filter(({ kind, options }) => {
    if (kind === 'add') addAliases(engine, plan, options);
    return kind === 'remove' && !removeAliases(engine, plan, options);
  });
  if (idle.length === actions.length) throw aliasesMissing(idle.flatMap(({ options }) => namesIn(options)));
  checkWriteIndices(engine, plan);
  engine.storage.transaction(() => {
    for (const [index, aliases] of plan.aliases) index.aliases = aliases;
    for (const index of plan.dropped) engine.drop(index);
  });
  return { body: { acknowledged: true } };
}

function indicesOf(engine: Engine, options: JsonObject): Index[] {
  return list(options.indices ?? options.index).flatMap(name => engine.resolve(String(name)));
}

function addAliases(engine: Engine, plan: Plan, options: JsonObject): void {
  const { index: _index, indices: _indices, alias, aliases, ...rest } = options;
  const parsed = parseAlias(rest);
  for (const index of indicesOf(engine, options)) {
    for (const name of list(aliases ?? alias).map(String)) {
      checkFilter(index, name, parsed);
      changed(plan, index).set(checkName(engine, plan, name), parsed);
    }
  }
}

/** Returns whether it says anything: a removal that need not exist looks for its aliases as they are before the request. */
function removeAliases(engine: Engine, plan: Plan, options: JsonObject): boolean {
  const wanted = namesIn(options);
  let removed = 0;
  for (const index of indicesOf(engine, options)) {
    const after = changed(plan, index);
    const known = options.must_exist === undefined ? [...index.aliases.keys()] : [...after.keys()];
    for (const alias of known.filter(each => wanted.some(name => wildcard(name).test(each)))) {
      after.delete(alias);
      removed++;
    }
  }
  if (options.must_exist === true && removed < wanted.length) throw aliasesMissing(wanted);
  return removed > 0 || options.must_exist === false;
}

const namesIn = ({ alias, aliases }: JsonObject) => list(aliases ?? alias).flatMap(name => String(name).split(','));

function changed(plan: Plan, index: Index): Map<string, JsonObject> {
  const after = plan.aliases.get(index) ?? new Map(index.aliases);
  plan.aliases.set(index, after);
  return after;
}

function aliasesMissing(aliases: readonly string[]) {
  return refuse(404, 'aliases_not_found_exception', `aliases [${aliases.join(', ')}] missing`, {
    'resource.id': aliases.length === 1 ? (aliases[0] as string) : aliases,
    'resource.type': 'aliases',
  });
}

function checkName(engine: Engine, plan: Plan, alias: string): string {
  const index = engine.indices.get(alias);
  if (!index || plan.dropped.has(index)) {
    if (/[*,\s"\\<>|?#:/]/.test(alias) || alias === '') throw notSpoken(`alias name [${alias}]`);
    return alias;
  }
  const reason = `Invalid alias name [${alias}], an index exists with the same name as the alias`;
  throw refuse(400, 'invalid_alias_name_exception', reason, { index: alias, index_uuid: index.uuid });
}

function checkWriteIndices(engine: Engine, plan: Plan): void {
  const writers = new Map<string, string[]>();
  for (const index of engine.indices.values()) {
    if (plan.dropped.has(index)) continue;
    for (const [alias, { is_write_index }] of plan.aliases.get(index) ?? index.aliases) {
      if (is_write_index === true) writers.set(alias, [...(writers.get(alias) ?? []), index.name].sort());
    }
  }
  for (const [alias, indices] of writers) {
    if (indices.length < 2) continue;
    throw refuse(
      500,
      'illegal_state_exception',
      `alias [${alias}] has more than one write index [${indices.join(',')}]`,
    );
  }
}

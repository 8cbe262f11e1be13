import { Index } from './document-index.ts';
import { isObject, type Json, type JsonObject } from './json.ts';
import { Mapping, wildcard } from './mapping.ts';
import { compile } from './query-dsl.ts';
import { invalid, noSuchIndex, notSpoken, only, Refusal, refuse } from './refusal.ts';
import { parseSettings, updateSettings } from './settings.ts';
import { Storage } from './storage.ts';

export interface Template {
  readonly name: string;
  readonly index_patterns: readonly string[];
  readonly priority?: number;
  readonly template: { readonly settings?: JsonObject; readonly mappings?: JsonObject; readonly aliases?: JsonObject };
}

/** An index as a search sees it. */
export interface Scope {
  readonly index: Index;
  /** What must match besides the query, if the index is meant through filtered aliases alone. */
  readonly filter: Json | undefined;
}

/** All indices and templates, and the names by which a request may mean them. */
export class Engine {
  readonly storage: Storage;
  readonly indices = new Map<string, Index>();
  readonly templates = new Map<string, Template>();

  constructor(file: string) {
    this.storage = new Storage(file);
    for (const definition of this.storage.definitions()) {
      this.indices.set(definition.name, new Index(this.storage, definition));
    }
    for (const template of this.storage.all('template')) {
      this.templates.set(String(template.name), template as unknown as Template);
    }
  }

  /** Makes an index from a body of settings, mappings and aliases, on top of the template that matches its name. */
  create(name: string, body: JsonObject): Index {
    this.#checkName(name);
    only(['settings', 'mappings', 'aliases'], body, 'the creation of an index');
    const { settings = {}, mappings = {}, aliases = {} } = this.#templateFor(name)?.template ?? {};
    const mapping = isObject(body.mappings) ? new Mapping(mappings).merge(body.mappings) : new Mapping(mappings);
    const index = Index.create(this.storage, {
      name,
      settings: Object.fromEntries(
        updateSettings(updateSettings(new Map(), parseSettings(settings)), parseSettings(body.settings)),
      ),
      mapping: mapping.toJson(),
      aliases: Object.fromEntries(
        Object.entries({ ...aliases, ...(body.aliases as JsonObject) }).map(([alias, options]) => [
          alias,
          parseAlias(options as JsonObject),
        ]),
      ),
    });
    this.indices.set(name, index);
    try {
      for (const [alias, options] of index.aliases) checkFilter(index, alias, options);
    } catch (error) {
      this.drop(index);
      throw error;
    }
    return index;
  }

  drop(index: Index): void {
    this.storage.transaction(() => index.drop());
    this.indices.delete(index.name);
  }

  /** The indices of an alias, in the order of their names. */
  behind(alias: string): Index[] {
    return [...this.indices.values()]
      .filter(index => index.aliases.has(alias))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Indices by an expression such as `a,b*`: names, aliases and patterns; a plain name must be there. */
  resolve(expression: string, options: { ignoreUnavailable?: boolean } = {}): Index[] {
    const found = new Set<Index>();
    for (const part of expression.split(',')) {
      if (part.startsWith('-')) throw notSpoken(`exclusions in [${expression}]`);
      const matches = this.#match(part);
      if (matches.length === 0 && !part.includes('*') && part !== '_all' && !options.ignoreUnavailable) {
        if (part.startsWith('_')) throw invalidName(part, "must not start with '_'.");
        throw noSuchIndex(part);
      }
      for (const index of matches) found.add(index);
    }
    return [...found];
  }

  /** Indices to be searched, each with what the aliases of the expression let see of it. */
  scopes(expression: string, options: { ignoreUnavailable?: boolean } = {}): Scope[] {
    return this.resolve(expression, options).map(index => ({ index, filter: filterOf(index, expression) }));
  }

  /** The one index that a read of a single document means. */
  single(name: string): Index {
    const index = this.indices.get(name);
    if (index) return index;
    const behind = this.behind(name);
    if (behind.length > 1) {
      const names = behind.map(each => each.name).join(', ');
      throw invalid(
        `alias [${name}] has more than one index associated with it [${names}], can't execute a single index op`,
      );
    }
    if (!behind[0]) throw noSuchIndex(name, 'index_expression');
    return behind[0];
  }

  /** The index that a write goes to; one that is not there is made, unless the write cannot mean to. */
  forWriting(name: string, { mayCreate, requireAlias }: { mayCreate: boolean; requireAlias: boolean }): Index {
    const behind = this.behind(name);
    if (requireAlias && behind.length === 0) {
      const reason = `no such index [${name}] and [require_alias] request flag is [true] and [${name}] is not an alias`;
      throw refuse(404, 'index_not_found_exception', reason, { index: name, index_uuid: '_na_' });
    }
    const index = this.indices.get(name);
    if (index) return index;
    const chosen = behind.filter(each => each.aliases.get(name)?.is_write_index === true);
    if (chosen[0]) return chosen[0];
    if (behind.length === 1 && behind[0]?.aliases.get(name)?.is_write_index !== false) return behind[0] as Index;
    if (behind.length > 0) {
      throw invalid(
        `no write index is defined for alias [${name}]. The write index may be explicitly disabled using ` +
          'is_write_index=false or the alias points to multiple indices without one being designated as a write index',
      );
    }
    if (!mayCreate) throw noSuchIndex(name, 'index_expression');
    return this.create(name, {});
  }

  refresh(indices: Iterable<Index>): void {
    for (const index of indices) index.shard.refresh();
  }

  #match(part: string): Index[] {
    const named = this.indices.get(part);
    if (named) return [named];
    if (part === '_all' || part === '*' || part === '') return [...this.indices.values()];
    if (!part.includes('*')) return this.behind(part);
    const pattern = wildcard(part);
    return [...this.indices.values()].filter(
      index => pattern.test(index.name) || [...index.aliases.keys()].some(alias => pattern.test(alias)),
    );
  }

  #templateFor(name: string): Template | undefined {
    const matching = [...this.templates.values()].filter(({ index_patterns }) =>
      index_patterns.some(pattern => wildcard(pattern).test(name)),
    );
    return matching.sort((a, b) => (b.priority ?? 0) - (a.priority ?? 0))[0];
  }

  #checkName(name: string): void {
    const existing = this.indices.get(name);
    if (existing) {
      throw refuse(400, 'resource_already_exists_exception', `index [${name}/${existing.uuid}] already exists`, {
        index: name,
        index_uuid: existing.uuid,
      });
    }
    if (this.behind(name).length > 0) throw invalidName(name, 'already exists as alias');
    if (name !== name.toLowerCase()) throw invalidName(name, 'must be lowercase');
    if (/^[_+-]/.test(name)) throw invalidName(name, "must not start with '_', '-', or '+'");
    if (/[\s"*\\<|,>/?#:]/.test(name))
      throw invalidName(name, 'must not contain the following characters [ , ", *, \\, <, |, ,, >, /, ?]');
  }
}

/** The index by its own name, or by an alias without a filter, is seen whole; otherwise what any of the filters lets through. */
function filterOf(index: Index, expression: string): Json | undefined {
  const parts = expression.split(',');
  const means = (name: string) => parts.some(part => part === '_all' || wildcard(part).test(name));
  if (means(index.name)) return undefined;
  const filters = [...index.aliases].filter(([alias]) => means(alias)).map(([, { filter }]) => filter);
  if (filters.some(filter => filter === undefined)) return undefined;
  return { bool: { should: filters as Json[] } };
}

/** `PUT` of a name that no index may have. */
function invalidName(name: string, why: string) {
  const reason = `Invalid index name [${name}], ${why}`;
  return refuse(400, 'invalid_index_name_exception', reason, { index: name, index_uuid: '_na_' });
}

/** The options of an alias that are spoken: what it lets searches see, and which index writes go to. */
export function parseAlias(options: JsonObject): JsonObject {
  only(['is_write_index', 'filter'], options, 'an alias');
  return {
    ...(isObject(options.filter) && { filter: options.filter }),
    ...(typeof options.is_write_index === 'boolean' && { is_write_index: options.is_write_index }),
  };
}

/** Refuses an alias whose filter is no query of the index. */
export function checkFilter(index: Index, alias: string, { filter }: JsonObject): void {
  if (filter === undefined) return;
  try {
    compile(filter, index);
  } catch (error) {
    if (!(error instanceof Refusal) || error.status === 501) throw error;
    throw refuse(
      400,
      'illegal_argument_exception',
      `failed to parse filter for alias [${alias}]`,
      {},
      {
        type: error.type,
        reason: error.message,
      },
    );
  }
}

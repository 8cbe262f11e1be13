import type { Index } from './document-index.ts';
import type { Scope } from './engine.ts';
import type { Reply, Request } from './http.ts';
import { isTrue } from './http.ts';
import { parseBody } from './json.ts';
import { invalid, refuse } from './refusal.ts';
import { parseUpdate, updateSettings } from './settings.ts';

const ACKNOWLEDGED: Reply = { body: { acknowledged: true } };

export function resolve({ engine, at, params }: Request): Index[] {
  return engine.resolve(at.index ?? '_all', { ignoreUnavailable: isTrue(params, 'ignore_unavailable') });
}

/** What a search of the request's indices sees. */
export function scopes({ engine, at, params }: Request): Scope[] {
  return engine.scopes(at.index ?? '_all', { ignoreUnavailable: isTrue(params, 'ignore_unavailable') });
}

export function createIndex({ engine, at, body }: Request): Reply {
  const { mappings, settings, aliases, ...rest } = parseBody(body);
  const unknown = Object.keys(rest)[0];
  if (unknown !== undefined) throw refuse(400, 'parse_exception', `unknown key [${unknown}] for create index`);
  const index = engine.create(at.index as string, {
    ...(mappings !== undefined && { mappings }),
    ...(settings !== undefined && { settings }),
    ...(aliases !== undefined && { aliases }),
  });
  return { body: { acknowledged: true, shards_acknowledged: true, index: index.name } };
}

export function deleteIndex(request: Request): Reply {
  const { engine, at } = request;
  const names = (at.index as string).split(',');
  const alias = names.find(name => !engine.indices.has(name) && engine.behind(name).length > 0);
  if (alias !== undefined) {
    throw invalid(
      `The provided expression [${alias}] matches an alias, specify the corresponding concrete indices instead.`,
    );
  }
  for (const index of resolve(request)) engine.drop(index);
  return ACKNOWLEDGED;
}

export function getIndex(request: Request): Reply {
  const entries = resolve(request).map(index => [
    index.name,
    {
      aliases: Object.fromEntries(index.aliases),
      mappings: index.mapping.toJson(),
      settings: index.settingsJson,
    },
  ]);
  return { body: Object.fromEntries(entries) };
}

export function getMapping(request: Request): Reply {
  const entries = resolve(request).map(index => [index.name, { mappings: index.mapping.toJson() }]);
  return { body: Object.fromEntries(entries) };
}

/** All or none of the indices change. */
export function putMapping(request: Request): Reply {
  if (request.body.trim() === '') throw refuse(400, 'parse_exception', 'request body is required');
  const json = parseBody(request.body);
  const merged = resolve(request).map(index => [index, index.mapping.merge(json)] as const);
  for (const [index, mapping] of merged) index.mapping = mapping;
  return ACKNOWLEDGED;
}

export function getSettings(request: Request): Reply {
  const entries = resolve(request).map(index => [index.name, { settings: index.settingsJson }]);
  return { body: Object.fromEntries(entries) };
}

export function putSettings(request: Request): Reply {
  const json = parseBody(request.body);
  const updated = resolve(request).map(
    index => [index, updateSettings(index.settings, parseUpdate(json, index))] as const,
  );
  for (const [index, settings] of updated) index.settings = settings;
  return ACKNOWLEDGED;
}

export function refresh(request: Request): Reply {
  const indices = resolve(request);
  request.engine.refresh(indices);
  return { body: { _shards: shardCounts(indices) } };
}

/** How many shards a request to these indices reached. */
export function shardCounts(indices: readonly Index[]): { total: number; successful: number; failed: number } {
  const total = indices.reduce((sum, index) => sum + index.copies, 0);
  const successful = indices.reduce((sum, index) => sum + index.primaries, 0);
  return { total, successful, failed: 0 };
}

import { isObject, type Json, type JsonObject } from './json.ts';
import { invalid, notSpoken } from './refusal.ts';
import { parseDuration } from './times.ts';

/** Settings by their full dotted name; OpenSearch keeps all values as text. */
export type Settings = ReadonlyMap<string, string>;

/** What the engine acts on, and what is kept for its own sake because it tunes only what a stand-in does not have. */
const KNOWN: { readonly [name: string]: 'static' | 'dynamic' } = {
  'index.refresh_interval': 'dynamic',
  'index.merge_on_flush.enabled': 'dynamic',
  'index.gc_deletes': 'dynamic',
  'index.max_result_window': 'dynamic',
  'index.number_of_replicas': 'dynamic',
  'index.auto_expand_replicas': 'dynamic',
  'index.number_of_shards': 'static',
  'index.codec': 'static',
  'index.translog.durability': 'dynamic',
  'index.translog.sync_interval': 'dynamic',
  'index.translog.flush_threshold_size': 'dynamic',
  'index.search.idle.after': 'dynamic',
  'index.mapping.total_fields.limit': 'dynamic',
  'index.priority': 'dynamic',
  'index.search.slowlog.threshold.query.warn': 'dynamic',
  'index.search.slowlog.threshold.fetch.warn': 'dynamic',
  'index.indexing.slowlog.threshold.index.warn': 'dynamic',
  'index.indexing.slowlog.source': 'dynamic',
};

const DURATIONS = ['index.refresh_interval', 'index.gc_deletes', 'index.search.idle.after'];

/** Reads settings in any of the spellings a client may use: nested or dotted, with or without `index.`; null resets one. */
export function parseSettings(json: Json | undefined): Map<string, string | null> {
  const found = new Map<string, string | null>();
  const walk = (value: Json, path: string): void => {
    if (isObject(value)) for (const [key, member] of Object.entries(value)) walk(member, path ? `${path}.${key}` : key);
    else found.set(path.startsWith('index.') ? path : `index.${path}`, value === null ? null : String(value));
  };
  walk(json ?? {}, '');
  for (const [name, value] of found) {
    if (!Object.hasOwn(KNOWN, name)) throw notSpoken(`setting [${name}]`);
    if (value !== null && DURATIONS.includes(name)) parseDuration(value, name);
  }
  return found;
}

/** Settings of a living index: those that shape it cannot change any more. */
export function parseUpdate(json: JsonObject, index: { name: string; uuid: string }): Map<string, string | null> {
  const update = parseSettings(json.settings ?? json);
  const fixed = [...update.keys()].filter(name => KNOWN[name] === 'static');
  if (fixed.length === 0) return update;
  throw invalid(
    `Can't update non dynamic settings [[${fixed.join(', ')}]] for open indices [[${index.name}/${index.uuid}]]`,
  );
}

/** Settings with an update on top. */
export function updateSettings(settings: Settings, update: ReadonlyMap<string, string | null>): Map<string, string> {
  const updated = new Map<string, string | null>([...settings, ...update]);
  return new Map([...updated].filter((entry): entry is [string, string] => entry[1] !== null));
}

/** `{"index": {"refresh_interval": "1s", …}}` from dotted names. */
export function nestSettings(settings: Iterable<readonly [string, string]>): JsonObject {
  const root: { [key: string]: Json } = {};
  for (const [name, value] of settings) {
    const path = name.split('.');
    const last = path.pop() as string;
    let at = root;
    for (const key of path) {
      at[key] ??= {};
      at = at[key] as { [key: string]: Json };
    }
    at[last] = value;
  }
  return root;
}

/** OpenSearch's own defaults. */
export const refreshIntervalMs = (settings: Settings) =>
  parseDuration(settings.get('index.refresh_interval') ?? '1s', 'index.refresh_interval');
export const gcDeletesMs = (settings: Settings) =>
  parseDuration(settings.get('index.gc_deletes') ?? '60s', 'index.gc_deletes');
export const maxResultWindow = (settings: Settings) => Number(settings.get('index.max_result_window') ?? 10_000);
export const shards = (settings: Settings) => Number(settings.get('index.number_of_shards') ?? 1);
/** On one node, replicas that expand by themselves expand to none. */
export const replicas = (settings: Settings) =>
  settings.get('index.auto_expand_replicas')?.startsWith('0')
    ? 0
    : Number(settings.get('index.number_of_replicas') ?? 1);

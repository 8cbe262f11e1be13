import { type Answer, RawJson } from './answer.ts';
import { isObject, type Json, type JsonObject, list } from './json.ts';
import { wildcard } from './mapping.ts';
import { only } from './refusal.ts';

/** Which part of a source goes out; `'none'` and `'all'` need no look inside. */
export type SourceFilter =
  | 'all'
  | 'none'
  | { readonly includes: readonly Pattern[]; readonly excludes: readonly RegExp[] };

interface Pattern {
  /** The path itself, and everything below it. */
  readonly whole: RegExp;
  /** Objects on the way to it. */
  readonly onTheWay: (path: string) => boolean;
}

export function parseSourceFilter(json: Json | undefined): SourceFilter {
  if (json === undefined || json === true) return 'all';
  if (json === false) return 'none';
  if (!isObject(json)) return filterOf(list(json as Json).map(String), []);
  only(['includes', 'excludes', 'include', 'exclude'], json, '_source');
  const names = (value: Json | undefined) => list(value).map(String);
  return filterOf(names(json.includes ?? json.include), names(json.excludes ?? json.exclude));
}

/** `_source`, `_source_includes` and `_source_excludes` of a URL. */
export function sourceParams(params: ReadonlyMap<string, string>): SourceFilter {
  const source = params.get('_source');
  if (source === 'false') return 'none';
  const names = (value: string | undefined) => (value ? value.split(',') : []);
  const includes = source && source !== 'true' ? names(source) : names(params.get('_source_includes'));
  return filterOf(includes, names(params.get('_source_excludes')));
}

function filterOf(includes: readonly string[], excludes: readonly string[]): SourceFilter {
  if (includes.length === 0 && excludes.length === 0) return 'all';
  return { includes: includes.map(parsePattern), excludes: excludes.map(name => below(name)) };
}

function parsePattern(name: string): Pattern {
  const parts = name.split('.');
  const prefixes = parts.slice(0, -1).map((_, i) => wildcard(parts.slice(0, i + 1).join('.')));
  return { whole: below(name), onTheWay: path => prefixes.some(prefix => prefix.test(path)) };
}

const below = (name: string) => new RegExp(`${wildcard(name).source.slice(0, -1)}(\\..*)?$`, 's');

export function filterSource(source: string, filter: SourceFilter): Answer {
  if (filter === 'none') return undefined;
  if (filter === 'all') return new RawJson(source);
  return filterObject(JSON.parse(source), '', filter);
}

function filterObject(json: JsonObject, path: string, filter: Exclude<SourceFilter, string>): JsonObject {
  const kept: [string, Json][] = [];
  for (const [name, value] of Object.entries(json)) {
    const at = path ? `${path}.${name}` : name;
    if (filter.excludes.some(pattern => pattern.test(at))) continue;
    const wanted = filter.includes.length === 0 || filter.includes.some(({ whole }) => whole.test(at));
    const descend = filter.includes.some(({ onTheWay }) => onTheWay(at));
    const inside = filterValue(value, at, filter, wanted, descend);
    if (inside !== undefined) kept.push([name, inside]);
  }
  return Object.fromEntries(kept);
}

function filterValue(
  value: Json,
  path: string,
  filter: Exclude<SourceFilter, string>,
  wanted: boolean,
  descend: boolean,
): Json | undefined {
  if (isObject(value)) {
    if (!wanted && !descend) return undefined;
    const inside = filterObject(value, path, filter);
    return wanted || Object.keys(inside).length > 0 ? inside : undefined;
  }
  if (!Array.isArray(value)) return wanted ? value : undefined;
  if (!wanted && !descend) return undefined;
  const kept = value.map(item => filterValue(item, path, filter, wanted, descend)).filter(item => item !== undefined);
  return wanted || kept.length > 0 ? kept : undefined;
}

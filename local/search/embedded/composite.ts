import { bucket, type Kind, type Source, sourceOf } from './aggregations.ts';
import type { Answer } from './answer.ts';
import type { Scalar } from './document.ts';
import { compareText, isObject, type Json, type JsonObject, list } from './json.ts';
import { notSpoken, only } from './refusal.ts';
import type { Hit } from './sort.ts';

type Part = Scalar | null;

interface Column {
  readonly name: string;
  readonly source: Source;
  readonly descending: boolean;
  readonly missingBucket: boolean;
}

const DEFAULT_SIZE = 10;

/** Pages through all combinations of several fields' values, in the order of the values. */
export const compositeKind: Kind = (options, context) => {
  only(['sources', 'size', 'after'], options, 'aggregation [composite]');
  const columns = list(options.sources).map(each => parseColumn(each as JsonObject, context));
  const size = Number(options.size ?? DEFAULT_SIZE);
  const after = isObject(options.after) ? parseAfter(options.after, columns) : undefined;
  return hits => {
    const groups = [...groupByParts(hits, columns).values()].sort((a, b) => compare(a.parts, b.parts, columns));
    const rest = after ? groups.filter(({ parts }) => compare(parts, after, columns) > 0) : groups;
    const page = rest.slice(0, size);
    const buckets = page.map(({ parts, hits: inside }) => ({ key: keyOf(parts, columns), ...bucket(inside, context) }));
    const last = page[page.length - 1];
    return { ...(last && { after_key: keyOf(last.parts, columns) }), buckets };
  };
};

function parseColumn(json: JsonObject, context: Parameters<Kind>[1]): Column {
  const [name = '', definition] = Object.entries(json)[0] ?? [];
  const [kind = '', options] = Object.entries(isObject(definition) ? definition : {})[0] ?? [];
  if (kind !== 'terms' || !isObject(options)) throw notSpoken(`a source of [composite] of type [${kind}]`);
  const { order, missing_bucket, ...rest } = options;
  return {
    name,
    source: sourceOf('composite', rest, [], context),
    descending: order === 'desc',
    missingBucket: missing_bucket === true,
  };
}

function groupByParts(hits: readonly Hit[], columns: readonly Column[]): Map<string, { parts: Part[]; hits: Hit[] }> {
  const groups = new Map<string, { parts: Part[]; hits: Hit[] }>();
  for (const hit of hits) {
    let combinations: Part[][] = [[]];
    for (const { source, missingBucket } of columns) {
      const values: readonly Part[] = [...new Set(source.values(hit.doc))];
      const parts = values.length === 0 && missingBucket ? [null] : values;
      combinations = combinations.flatMap(begun => parts.map(part => [...begun, part]));
    }
    for (const parts of combinations) {
      const key = JSON.stringify(parts);
      const found = groups.get(key);
      if (found) found.hits.push(hit);
      else groups.set(key, { parts, hits: [hit] });
    }
  }
  return groups;
}

function compare(a: readonly Part[], b: readonly Part[], columns: readonly Column[]): number {
  for (const [i, { descending }] of columns.entries()) {
    const order = compareParts(a[i] as Part, b[i] as Part);
    if (order !== 0) return descending ? -order : order;
  }
  return 0;
}

/** Missing values come before all others. */
function compareParts(a: Part, b: Part): number {
  if (a === b) return 0;
  if (a === null || b === null) return a === null ? -1 : 1;
  return typeof a === 'string' ? compareText(a, String(b)) : a - Number(b);
}

function keyOf(parts: readonly Part[], columns: readonly Column[]): { readonly [name: string]: Answer } {
  const shown = parts.map((part, i) => (columns[i]?.source.type === 'boolean' && part !== null ? part === 1 : part));
  return Object.fromEntries(columns.map(({ name }, i) => [name, shown[i]]));
}

function parseAfter(json: JsonObject, columns: readonly Column[]): Part[] {
  return columns.map(({ name, source }) => {
    const value: Json | undefined = json[name];
    if (value === undefined || value === null) return null;
    if (source.type === 'keyword' || source.type === '_id') return String(value);
    return typeof value === 'boolean' ? Number(value) : Number(value);
  });
}

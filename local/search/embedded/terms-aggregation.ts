import { bucket, type Context, type Kind, type Source, sourceOf } from './aggregations.ts';
import type { Answer } from './answer.ts';
import type { Scalar } from './document.ts';
import { compareText, isObject, type Json, list } from './json.ts';
import { notSpoken, refuse, SearchRefusal } from './refusal.ts';
import type { Hit } from './sort.ts';
import { formatDate } from './times.ts';

type Bucket = { readonly [key: string]: Answer };
type Order = (a: Bucket, b: Bucket) => number;

const OPTIONS = ['size', 'order', 'min_doc_count', 'include', 'exclude', 'shard_size', 'show_term_doc_count_error'];
const DEFAULT_SIZE = 10;

/** Documents by the values of a field, most first. */
export const terms: Kind = (options, context) => {
  const source = sourceOf('terms', options, OPTIONS, context);
  const size = Number(options.size ?? DEFAULT_SIZE);
  if (size <= 0) {
    throw refuse(
      400,
      'x_content_parse_exception',
      '[terms] failed to parse field [size]',
      {},
      {
        type: 'illegal_argument_exception',
        reason: `[size] must be greater than 0. Found [${size}] in [${context.name}]`,
      },
    );
  }
  const least = Number(options.min_doc_count ?? 1);
  if (least === 0) throw notSpoken('[min_doc_count: 0] in [terms]');
  const order = parseOrder(options.order, context);
  const wanted = valueFilter(options.include, options.exclude);
  return hits => {
    const groups = [...groupByValue(hits, source)].filter(([value, inside]) => wanted(value) && inside.length >= least);
    const buckets = groups.map(([value, inside]) => ({ ...keyOf(value, source), ...bucket(inside, context) }));
    buckets.sort(order);
    const rest = buckets.slice(size).reduce((sum, each) => sum + Number((each as Bucket).doc_count), 0);
    return { doc_count_error_upper_bound: 0, sum_other_doc_count: rest, buckets: buckets.slice(0, size) };
  };
};

function groupByValue(hits: readonly Hit[], source: Source): Map<Scalar, Hit[]> {
  const groups = new Map<Scalar, Hit[]>();
  for (const hit of hits) {
    for (const value of new Set(source.values(hit.doc))) {
      const found = groups.get(value);
      if (found) found.push(hit);
      else groups.set(value, [hit]);
    }
  }
  return groups;
}

function keyOf(value: Scalar, { type }: Source): Bucket {
  if (type === 'boolean') return { key: value, key_as_string: value === 1 ? 'true' : 'false' };
  if (type === 'date') return { key: value, key_as_string: formatDate(value as number, undefined) };
  return { key: value };
}

/** Exact values; OpenSearch also knows patterns. */
function valueFilter(include: Json | undefined, exclude: Json | undefined): (value: Scalar) => boolean {
  for (const each of [include, exclude]) {
    if (each !== undefined && !Array.isArray(each)) throw notSpoken('a pattern to include or exclude in [terms]');
  }
  const only = include === undefined ? undefined : new Set(list(include).map(String));
  const without = new Set(list(exclude).map(String));
  return value => (only?.has(String(value)) ?? true) && !without.has(String(value));
}

const byKey: Order = (a, b) =>
  typeof a.key === 'string' ? compareText(a.key, String(b.key)) : Number(a.key) - Number(b.key);

/** Equal buckets are always in the order of their keys. */
function parseOrder(json: Json | undefined, context: Context): Order {
  const orders = (json === undefined ? [{ _count: 'desc' }] : list(json)).map(each => {
    const [path = '', direction] = Object.entries(isObject(each) ? each : {})[0] ?? [];
    const sign = direction === 'desc' ? -1 : 1;
    const compare = compareBy(path, context);
    return (a: Bucket, b: Bucket) => sign * compare(a, b);
  });
  return (a, b) => {
    for (const order of [...orders, byKey]) {
      const result = order(a, b);
      if (result !== 0) return result;
    }
    return 0;
  };
}

function compareBy(path: string, { inner }: Context): Order {
  if (path === '_key') return byKey;
  if (path === '_count') return (a, b) => Number(a.doc_count) - Number(b.doc_count);
  const [name = '', metric = 'value'] = path.split('.');
  if (!inner.has(name)) {
    const what = `The provided aggregation [${name}] either does not exist, or is a pipeline aggregation and cannot be used to sort the buckets.`;
    const cause = { type: 'illegal_argument_exception', reason: what };
    const reason = `Invalid aggregation order path [${path}]. ${what}`;
    throw new SearchRefusal(500, 'aggregation_execution_exception', reason, {}, cause);
  }
  const figure = (each: Bucket) => Number((each[name] as Bucket)[metric] ?? Number.NEGATIVE_INFINITY);
  return (a, b) => (figure(a) === figure(b) ? 0 : figure(a) - figure(b));
}

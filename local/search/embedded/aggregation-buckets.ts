import { bucket, type Kind, numericSource, type Source } from './aggregations.ts';
import type { Answer } from './answer.ts';
import type { Index } from './document-index.ts';
import { isObject, type Json, type JsonObject, list } from './json.ts';
import { compile } from './query-dsl.ts';
import { notSpoken, only, refuse, SearchRefusal } from './refusal.ts';
import type { Hit } from './sort.ts';
import { terms } from './terms-aggregation.ts';
import { addDate, DEFAULT_DATE_FORMAT, floorDate, formatDate, parseDateMath, parseDuration } from './times.ts';

/** A histogram over dates centuries apart would fill memory with empty buckets; OpenSearch stops here too. */
const MAX_BUCKETS = 65_535;

/** A query as a test of hits, made ready once per index. */
function filterTest(query: Json | undefined, indices: readonly Index[]): (hit: Hit) => boolean {
  const queries = new Map(indices.map(index => [index, compile(query, index)] as const));
  return ({ index, doc }) => (queries.get(index)?.score(doc) ?? -1) >= 0;
}

const filter: Kind = (options, context) => {
  const test = filterTest(options, context.indices);
  return hits => bucket(hits.filter(test), context);
};

const filters: Kind = (options, context) => {
  const { filters: json, other_bucket, other_bucket_key, ...rest } = options;
  only([], rest, 'aggregation [filters]');
  const named = isObject(json) ? Object.entries(json) : list(json).map(query => ['', query] as const);
  const tests = named.map(([name, query]) => [name, filterTest(query, context.indices)] as const);
  const other = other_bucket === true || other_bucket_key !== undefined;
  return hits => {
    const buckets = tests.map(([name, test]) => [name, bucket(hits.filter(test), context)] as const);
    const rest = hits.filter(hit => !tests.some(([, test]) => test(hit)));
    if (other) buckets.push([String(other_bucket_key ?? '_other_'), bucket(rest, context)]);
    return { buckets: isObject(json) ? Object.fromEntries(buckets) : buckets.map(([, each]) => each) };
  };
};

const range: Kind = (options, context) => {
  const source = numericSource('range', options, ['ranges', 'keyed'], context);
  const ranges = list(options.ranges)
    .map(each => parseRange(each as JsonObject, source))
    .sort((a, b) => a.from - b.from || a.to - b.to);
  return hits => {
    const buckets = ranges.map(({ from, to, key, shown }) => {
      const inside = hits.filter(({ doc }) =>
        source.values(doc).some(value => Number(value) >= from && Number(value) < to),
      );
      return { key, ...shown, ...bucket(inside, context) };
    });
    return { buckets: options.keyed === true ? keyed(buckets) : buckets };
  };
};

function parseRange(json: JsonObject, source: Source) {
  only(['from', 'to', 'key'], json, 'aggregation [range]');
  const bound = (value: Json | undefined, otherwise: number) =>
    value === undefined || value === null ? otherwise : rangeBound(value, source);
  const from = bound(json.from, Number.NEGATIVE_INFINITY);
  const to = bound(json.to, Number.POSITIVE_INFINITY);
  const isDate = source.type === 'date';
  const text = (value: number) =>
    Number.isFinite(value) ? (isDate ? formatDate(value, undefined) : asDouble(value)) : '*';
  const shown: { [key: string]: Answer } = {};
  for (const [name, value] of [
    ['from', from],
    ['to', to],
  ] as const) {
    if (!Number.isFinite(value)) continue;
    shown[name] = value;
    if (isDate) shown[`${name}_as_string`] = text(value);
  }
  return { from, to, key: String(json.key ?? `${text(from)}-${text(to)}`), shown };
}

function rangeBound(value: Json, source: Source): number {
  if (source.type !== 'date' || typeof value === 'number') return Number(value);
  const moment = parseDateMath(String(value), DEFAULT_DATE_FORMAT, Date.now());
  if (moment) return moment.first;
  throw new SearchRefusal(
    400,
    'parse_exception',
    `failed to parse date field [${value}] with format [${DEFAULT_DATE_FORMAT}]`,
  );
}

/** As Java prints a double: `2.0`. */
const asDouble = (value: number) => (Number.isInteger(value) ? `${value}.0` : String(value));

function keyed(buckets: readonly { readonly [key: string]: Answer }[]): Answer {
  return Object.fromEntries(buckets.map(({ key, ...rest }) => [String(rest.key_as_string ?? key), rest]));
}

const histogram: Kind = (options, context) => {
  const source = numericSource('histogram', options, ['interval', 'offset', 'min_doc_count', 'keyed'], context);
  const interval = Number(options.interval);
  if (!(interval > 0)) {
    throw refuse(
      400,
      'x_content_parse_exception',
      '[histogram] failed to parse field [interval]',
      {},
      {
        type: 'illegal_argument_exception',
        reason: `[interval] must be >0 for histogram aggregation [${context.name}]`,
      },
    );
  }
  const offset = Number(options.offset ?? 0);
  return hits => {
    const groups = group(hits, source, value => Math.floor((value - offset) / interval) * interval + offset);
    const buckets = fill(groups, key => key + interval, Number(options.min_doc_count ?? 0)).map(([key, inside]) => ({
      key,
      ...(options.keyed === true && { key_as_string: asDouble(key) }),
      ...bucket(inside, context),
    }));
    return { buckets: options.keyed === true ? keyed(buckets) : buckets };
  };
};

const CALENDAR: { readonly [interval: string]: string } = {
  minute: 'm',
  '1m': 'm',
  hour: 'h',
  '1h': 'h',
  day: 'd',
  '1d': 'd',
  week: 'w',
  '1w': 'w',
  month: 'M',
  '1M': 'M',
  year: 'y',
  '1y': 'y',
};

const dateHistogram: Kind = (options, context) => {
  const source = numericSource(
    'date_histogram',
    options,
    ['calendar_interval', 'fixed_interval', 'min_doc_count', 'format', 'keyed'],
    context,
  );
  const { floor, next } = dateSteps(options);
  const format = options.format === undefined ? undefined : String(options.format);
  return hits => {
    const groups = group(hits, source, floor);
    const buckets = fill(groups, next, Number(options.min_doc_count ?? 0)).map(([key, inside]) => ({
      key_as_string: formatDate(key, format),
      key,
      ...bucket(inside, context),
    }));
    return { buckets: options.keyed === true ? keyed(buckets) : buckets };
  };
};

/** The start of the bucket that holds an instant, and the start of the next. */
function dateSteps(options: JsonObject): { floor: (ms: number) => number; next: (ms: number) => number } {
  if (options.fixed_interval !== undefined) {
    const length = parseDuration(String(options.fixed_interval), 'fixed_interval');
    return { floor: ms => Math.floor(ms / length) * length, next: ms => ms + length };
  }
  const interval = String(options.calendar_interval);
  if (['quarter', '1q'].includes(interval)) throw notSpoken(`[calendar_interval: ${interval}]`);
  const unit = CALENDAR[interval];
  if (unit === undefined) {
    throw refuse(
      400,
      'x_content_parse_exception',
      '[date_histogram] failed to parse field [calendar_interval]',
      {},
      {
        type: 'illegal_argument_exception',
        reason: `The supplied interval [${interval}] could not be parsed as a calendar interval.`,
      },
    );
  }
  return { floor: ms => floorDate(ms, unit), next: ms => addDate(ms, 1, unit) };
}

/** Hits by bucket, least first; a hit with several values is in each of their buckets once. */
function group(hits: readonly Hit[], source: Source, floor: (value: number) => number): Map<number, Hit[]> {
  const groups = new Map<number, Hit[]>();
  for (const hit of hits) {
    for (const key of new Set(source.values(hit.doc).map(value => floor(value as number)))) {
      const found = groups.get(key);
      if (found) found.push(hit);
      else groups.set(key, [hit]);
    }
  }
  return new Map([...groups].sort(([a], [b]) => a - b));
}

/** Buckets with at least so many hits; for 0, the empty ones in between too. */
function fill(groups: ReadonlyMap<number, Hit[]>, next: (key: number) => number, least: number): [number, Hit[]][] {
  if (least > 0 || groups.size === 0) return [...groups].filter(([, hits]) => hits.length >= least);
  const keys = [...groups.keys()];
  const last = keys[keys.length - 1] as number;
  const filled: [number, Hit[]][] = [];
  for (let key = keys[0] as number; key <= last; key = next(key)) {
    filled.push([key, groups.get(key) ?? []]);
    if (filled.length > MAX_BUCKETS) {
      throw new SearchRefusal(
        503,
        'too_many_buckets_exception',
        `Trying to create too many buckets. Must be less than or equal to: [${MAX_BUCKETS}].`,
      );
    }
  }
  return filled;
}

export const bucketKinds: { readonly [kind: string]: Kind } = {
  terms,
  filter,
  filters,
  range,
  histogram,
  date_histogram: dateHistogram,
};

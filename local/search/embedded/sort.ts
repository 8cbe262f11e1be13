import type { Answer } from './answer.ts';
import type { Doc } from './document.ts';
import type { Index } from './document-index.ts';
import { compareText, isObject, type Json, type JsonObject, list } from './json.ts';
import type { Field } from './mapping.ts';
import { notSpoken, refuse, SearchRefusal } from './refusal.ts';
import { parseDate } from './times.ts';
import { readNumber } from './values.ts';

/** One match of a search. */
export interface Hit {
  readonly index: Index;
  readonly doc: Doc;
  readonly score: number;
}

/** A value to sort by; null is a missing keyword. */
type Key = string | number | null;

export interface SortField {
  readonly name: string;
  readonly descending: boolean;
  readonly key: (hit: Hit) => Key;
  /** Reads a value of `search_after`. */
  readonly parse: (value: Json) => Key;
  /** Whether a missing keyword comes first. */
  readonly nullsFirst: boolean;
}

/** What OpenSearch reports for a missing number, and what it sorts by: the end of the type's range. */
const ENDS: { readonly [type: string]: readonly [number, number] } = {
  boolean: [-2_147_483_648, 2_147_483_647],
  byte: [-2_147_483_648, 2_147_483_647],
  short: [-2_147_483_648, 2_147_483_647],
  integer: [-2_147_483_648, 2_147_483_647],
  long: [-(2 ** 63), 2 ** 63],
  date: [-(2 ** 63), 2 ** 63],
  double: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  float: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
};

export const FIELDDATA_REFUSED = (path: string) =>
  'Text fields are not optimised for operations that require per-document field data like aggregations and sorting, so ' +
  'these operations are disabled by default. Please use a keyword field instead. Alternatively, set fielddata=true on ' +
  `[${path}] in order to load field data by uninverting the inverted index. Note that this can use significant memory.`;

export function parseSort(json: Json | undefined, indices: readonly Index[]): SortField[] {
  const entries = isObject(json) ? Object.entries(json).map(([name, options]) => ({ [name]: options })) : list(json);
  const fields = entries.map(entry => {
    if (!isObject(entry)) return parseField(String(entry), {}, indices);
    const [name = '', options] = Object.entries(entry)[0] ?? [];
    return parseField(name, isObject(options) ? options : { order: options as Json }, indices);
  });
  // The order there is without any: OpenSearch then shows no sort values.
  return fields.length === 1 && fields[0]?.name === '_score' && fields[0].descending ? [] : fields;
}

/** `n:desc,k` of a URL. */
export function parseSortParam(text: string): JsonObject[] {
  return text.split(',').map(part => {
    const [name = '', order] = part.split(':');
    return { [name]: order === undefined ? {} : { order } };
  });
}

const OPTIONS = ['order', 'missing', 'mode', 'unmapped_type'];

function parseField(name: string, options: JsonObject, indices: readonly Index[]): SortField {
  const unknown = Object.keys(options).find(option => !OPTIONS.includes(option));
  if (unknown === 'nested' || unknown === 'numeric_type') throw notSpoken(`[${unknown}] in [sort]`);
  if (unknown !== undefined) throw refuse(400, 'x_content_parse_exception', `[field_sort] unknown field [${unknown}]`);
  const order = String(options.order ?? (name === '_score' ? 'desc' : 'asc')).toLowerCase();
  if (order !== 'asc' && order !== 'desc') {
    throw refuse(
      400,
      'x_content_parse_exception',
      '[field_sort] failed to parse field [order]',
      {},
      {
        type: 'illegal_argument_exception',
        reason: `No enum constant org.opensearch.search.sort.SortOrder.${order.toUpperCase()}`,
      },
    );
  }
  const descending = order === 'desc';
  const simple = { name, descending, nullsFirst: false };
  if (name === '_score') return { ...simple, key: hit => hit.score, parse: Number };
  if (name === '_id') return { ...simple, key: hit => hit.doc.id, parse: String };
  if (name === '_doc') return { ...simple, key: hit => hit.doc.seq, parse: Number };
  return byField(name, descending, options, indices);
}

function byField(name: string, descending: boolean, options: JsonObject, indices: readonly Index[]): SortField {
  const field = sortedField(name, options, indices);
  const first = options.missing === '_first';
  const fill = missingKey(field, options.missing, first, descending);
  const mode = String(options.mode ?? (descending ? 'max' : 'min'));
  if (mode !== 'min' && mode !== 'max') throw notSpoken(`[mode: ${mode}] in [sort]`);
  return {
    name,
    descending,
    nullsFirst: first,
    key: ({ doc }) => {
      const values = doc.values[name];
      return values ? (values[mode === 'max' ? values.length - 1 : 0] as Key) : fill;
    },
    parse: value => parseAfter(value, field, name),
  };
}

/** The field as the first index has it that has it; an index without it must be told what to take it for. */
function sortedField(name: string, options: JsonObject, indices: readonly Index[]): Pick<Field, 'type' | 'format'> {
  const fields = indices.map(index => ({ index, field: index.mapping.field(name) }));
  const unmapped = fields.find(({ field }) => !field);
  if (unmapped && options.unmapped_type === undefined) {
    const { index } = unmapped;
    const where = { index: index.name, index_uuid: index.uuid };
    throw new SearchRefusal(400, 'query_shard_exception', `No mapping found for [${name}] in order to sort on`, where);
  }
  const known = fields.find(({ field }) => field)?.field;
  if (known?.type === 'text') throw new SearchRefusal(400, 'illegal_argument_exception', FIELDDATA_REFUSED(name));
  return known ?? { type: String(options.unmapped_type ?? 'long') as Field['type'], format: '' };
}

function missingKey(
  { type }: Pick<Field, 'type'>,
  missing: Json | undefined,
  first: boolean,
  descending: boolean,
): Key {
  if (missing !== undefined && missing !== '_first' && missing !== '_last') {
    if (type === 'keyword') return String(missing);
    const number = readNumber(String(missing));
    // Of a date too: OpenSearch takes milliseconds here, and no text.
    if (number === undefined) throw new SearchRefusal(400, 'number_format_exception', `For input string: "${missing}"`);
    return number;
  }
  const [least, greatest] = ENDS[type] ?? [0, 0];
  return type === 'keyword' ? null : first === descending ? greatest : least;
}

function parseAfter(value: Json, { type, format }: Pick<Field, 'type' | 'format'>, name: string): Key {
  if (type === 'keyword') return value === null ? null : String(value);
  const number =
    typeof value === 'number'
      ? value
      : value === 'Infinity' || value === '-Infinity'
        ? Number(value)
        : (readNumber(String(value)) ?? (type === 'date' ? parseDate(String(value), format)?.first : undefined));
  if (number !== undefined) return number;
  throw new SearchRefusal(
    400,
    'illegal_argument_exception',
    `Failed to parse search_after value for field [${name}].`,
    {},
    {
      type: 'number_format_exception',
      reason: `For input string: "${value}"`,
    },
  );
}

export function compareKeys(a: Key, b: Key, field: SortField): number {
  if (a === b) return 0;
  if (a === null || b === null) return (a === null) === field.nullsFirst ? -1 : 1;
  const order = typeof a === 'string' ? compareText(a, String(b)) : a - (b as number);
  return field.descending ? -order : order;
}

/** The first `count` hits in the order asked for, behind `after`; equal ones in the order they were written. */
export function firstHits(
  hits: readonly Hit[],
  fields: readonly SortField[],
  { count, after }: { count: number; after: readonly Json[] | undefined },
): Hit[] {
  const compare = (a: Keyed, b: Keyed): number => {
    for (let i = 0; i < fields.length; i++) {
      const order = compareKeys(a.keys[i]!, b.keys[i]!, fields[i]!);
      if (order !== 0) return order;
    }
    return 0;
  };
  const from = after && { keys: fields.map((field, i) => field.parse(after[i]!)) };
  const first: (Keyed & { readonly hit: Hit })[] = [];
  for (const hit of hits) {
    const keyed = { hit, keys: fields.map(field => field.key(hit)) };
    if (from && compare(keyed, from) <= 0) continue;
    if (first.length === count && compare(keyed, first[count - 1]!) >= 0) continue;
    first.splice(placeOf(keyed, first, compare), 0, keyed);
    if (first.length > count) first.pop();
  }
  return first.map(({ hit }) => hit);
}

interface Keyed {
  readonly keys: readonly Key[];
}

/** Where it goes in an ordered list, behind its equals. */
function placeOf<T>(item: T, ordered: readonly T[], compare: (a: T, b: T) => number): number {
  let low = 0;
  let high = ordered.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(item, ordered[middle]!) < 0) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The values of a hit as `sort` shows them, to be given back as `search_after`. JSON has no infinity, so it is text. */
export function sortValues(hit: Hit, fields: readonly SortField[]): Answer[] {
  return fields.map(field => {
    const key = field.key(hit);
    return key === Number.POSITIVE_INFINITY || key === Number.NEGATIVE_INFINITY ? String(key) : key;
  });
}

import { type Dictionary, encode, type Text } from './analysis.ts';
import { compareText, isObject, type Json, type JsonObject } from './json.ts';
import { type Dynamic, type Field, type FieldNode, type Mapping, type ObjectNode, parseField } from './mapping.ts';
import { notSpoken, refuse } from './refusal.ts';
import { parseDate } from './times.ts';
import { parseValue } from './values.ts';

export type Scalar = string | number;

/** One version of a document as searches see it. */
export interface Doc {
  readonly id: string;
  /** Its place in the order of writes; names its source in the storage. */
  readonly seq: number;
  readonly version: number;
  /** Sorted values by path: keywords without repetition, dates in milliseconds, booleans as 0 and 1. */
  readonly values: { readonly [path: string]: readonly Scalar[] };
  readonly texts: { readonly [path: string]: Text };
}

/** The fields of a document; what it introduces is in the mapping afterwards. */
export type Parsed = Pick<Doc, 'values' | 'texts'> & { readonly introduced: boolean };

/** Reads a document's source by the mapping. A value that does not fit its field refuses the whole document. */
export function parseDocument(id: string, source: string, mapping: Mapping, dictionary: Dictionary): Parsed {
  const reader = new Reader(id, mapping);
  try {
    reader.object(parseSource(source), mapping.root, '_doc', '', mapping.root.dynamic ?? 'true');
  } catch (error) {
    reader.forget();
    throw error;
  }
  for (const { parent, name, node } of reader.introduced) mapping.introduce(parent, name, node);
  // Without a prototype: a document may well have a field called `constructor`.
  const values: { [path: string]: Scalar[] } = Object.create(null);
  const texts: { [path: string]: Text } = Object.create(null);
  for (const [path, found] of reader.values) values[path] = sortValues(checkLengths(path, found));
  for (const [path, found] of reader.texts) texts[path] = encode(found, dictionary);
  return { values, texts, introduced: reader.introduced.length > 0 };
}

function parseSource(source: string): JsonObject {
  if (source.trim() === '') throw refuse(400, 'mapper_parsing_exception', 'failed to parse, document is empty');
  let json: Json;
  try {
    json = JSON.parse(source);
  } catch (error) {
    const cause = { type: 'json_parse_exception', reason: (error as Error).message };
    throw refuse(400, 'mapper_parsing_exception', 'failed to parse', {}, cause);
  }
  if (isObject(json)) return json;
  const cause = { type: 'not_x_content_exception', reason: 'a document is a JSON object' };
  throw refuse(400, 'mapper_parsing_exception', 'failed to parse', {}, cause);
}

/** Lucene's limit for one term, in bytes. */
const MAX_TERM_BYTES = 32_766;

function checkLengths(path: string, values: Scalar[]): Scalar[] {
  for (const value of values) {
    if (typeof value !== 'string' || value.length * 3 <= MAX_TERM_BYTES) continue;
    const bytes = Buffer.from(value);
    if (bytes.length <= MAX_TERM_BYTES) continue;
    const why = `bytes can be at most ${MAX_TERM_BYTES} in length; got ${bytes.length}`;
    const reason =
      `Document contains at least one immense term in field="${path}" (whose UTF8 encoding is longer than the max length ` +
      `${MAX_TERM_BYTES}), all of which were skipped.  Please correct the analyzer to not produce such terms.  The prefix of ` +
      `the first immense term is: '[${[...new Int8Array(bytes.subarray(0, 30))].join(', ')}]...', original message: ${why}`;
    throw refuse(
      400,
      'illegal_argument_exception',
      reason,
      {},
      {
        type: 'max_bytes_length_exceeded_exception',
        reason: why,
      },
    );
  }
  return values;
}

/** Keywords are a set, numbers a list. */
function sortValues(values: Scalar[]): Scalar[] {
  if (values.length < 2) return values;
  if (typeof values[0] === 'number') return values.sort((a, b) => (a as number) - (b as number));
  return [...new Set(values)].sort((a, b) => compareText(a as string, b as string));
}

class Reader {
  readonly values = new Map<string, Scalar[]>();
  readonly texts = new Map<string, string[]>();
  readonly introduced: { parent: ObjectNode; name: string; node: ObjectNode | FieldNode }[] = [];
  readonly #id: string;
  readonly #mapping: Mapping;

  constructor(id: string, mapping: Mapping) {
    this.#id = id;
    this.#mapping = mapping;
  }

  object(json: JsonObject, node: ObjectNode, name: string, path: string, dynamic: Dynamic): void {
    if (!node.enabled) return;
    for (const [key, value] of Object.entries(json)) {
      const dot = key.indexOf('.');
      const [head, member] = dot < 0 ? [key, value] : [key.slice(0, dot), { [key.slice(dot + 1)]: value }];
      const at = path ? `${path}.${head}` : head;
      const child = node.properties.get(head) ?? this.#introduce(member, node, head, name, at, dynamic);
      if (child) this.#member(member, child, at, dynamic);
    }
  }

  #member(value: Json, node: ObjectNode | FieldNode, path: string, dynamic: Dynamic): void {
    if (value === null) return;
    if (Array.isArray(value)) {
      for (const item of value) this.#element(item, node, path, dynamic);
    } else if (node.kind === 'field') this.#value(value, node, path);
    else if (!node.enabled) return;
    else if (isObject(value)) this.object(value, node, path, path, node.dynamic ?? dynamic);
    else throw this.#notAnObject(path, path);
  }

  #element(item: Json, node: ObjectNode | FieldNode, path: string, dynamic: Dynamic): void {
    if (node.kind === 'object' && node.enabled && item !== null && typeof item !== 'object') {
      throw this.#notAnObject(path, 'null');
    }
    this.#member(item, node, path, dynamic);
  }

  #notAnObject(path: string, field: string) {
    const reason = `object mapping for [${path}] tried to parse field [${field}] as object, but found a concrete value`;
    return refuse(400, 'mapper_parsing_exception', reason);
  }

  #value(value: Json, node: FieldNode, path: string): void {
    this.#take(value, node.field, path);
    for (const child of node.multiFields.values()) this.#take(value, child.field, child.field.path);
  }

  #take(value: Json, field: Field, path: string): void {
    const parsed = parseValue(value, field, this.#id);
    if (parsed === undefined) return;
    if (field.type === 'text') push(this.texts, path, parsed as string);
    else push(this.values, path, parsed);
  }

  #introduce(
    value: Json,
    parent: ObjectNode,
    name: string,
    parentName: string,
    path: string,
    dynamic: Dynamic,
  ): ObjectNode | FieldNode | undefined {
    if (dynamic === 'false') return undefined;
    if (dynamic === 'strict') {
      const reason = `mapping set to strict, dynamic introduction of [${name}] within [${parentName}] is not allowed`;
      throw refuse(400, 'strict_dynamic_mapping_exception', reason);
    }
    const node = guess(value, path, name, this.#mapping.dateDetection);
    if (!node) return undefined;
    parent.properties.set(name, node);
    this.introduced.push({ parent, name, node });
    return node;
  }

  /** A refused document leaves the mapping as it was. */
  forget(): void {
    for (const { parent, name } of this.introduced) parent.properties.delete(name);
  }
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

/** The field that OpenSearch makes of a value it has not seen before; none for null or an empty list. */
function guess(value: Json, path: string, name: string, dateDetection: boolean): ObjectNode | FieldNode | undefined {
  const sample = Array.isArray(value) ? value.flat(Number.POSITIVE_INFINITY).find(item => item !== null) : value;
  if (sample === undefined || sample === null) return undefined;
  if (isObject(sample)) return { kind: 'object', dynamic: undefined, enabled: true, properties: new Map() };
  return parseField(guessType(sample as Json, dateDetection), path, name);
}

function guessType(value: Json, dateDetection: boolean): JsonObject {
  if (typeof value === 'boolean') return { type: 'boolean' };
  if (typeof value === 'number') return { type: Number.isInteger(value) ? 'long' : 'float' };
  if (dateDetection && /^\d{4}\/\d\d\/\d\d/.test(String(value))) throw notSpoken(`dates such as [${value}]`);
  if (dateDetection && parseDate(String(value), 'strict_date_optional_time')) return { type: 'date' };
  return { type: 'text', fields: { keyword: { type: 'keyword', ignore_above: 256 } } };
}

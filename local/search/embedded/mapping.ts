import { isObject, type Json, type JsonObject } from './json.ts';
import { invalid, notSpoken, only, refuse } from './refusal.ts';
import { checkDateFormat, DEFAULT_DATE_FORMAT } from './times.ts';

const INTEGERS = ['long', 'integer', 'short', 'byte'] as const;
const DECIMALS = ['double', 'float'] as const;
const TYPES = ['keyword', 'text', 'date', 'boolean', ...INTEGERS, ...DECIMALS] as const;
export type FieldTypeName = (typeof TYPES)[number];

/** Types of OpenSearch that the stand-in refuses as not spoken; any other name is nobody's type. */
const OTHER_TYPES =
  'alias binary completion constant_keyword date_nanos date_range derived double_range flat_object float_range geo_point ' +
  'geo_shape half_float integer_range ip ip_range join knn_vector long_range match_only_text nested percolator rank_feature ' +
  'rank_features scaled_float search_as_you_type semantic star_tree token_count unsigned_long version wildcard xy_point xy_shape';

/** Options by type. A keyword or number that is not indexed is found by its doc values all the same, only slower. */
const OPTIONS: { readonly [type: string]: readonly string[] } = {
  keyword: ['ignore_above', 'index', 'doc_values', 'store', 'norms'],
  text: ['analyzer', 'store'],
  date: ['format', 'index', 'doc_values', 'store'],
};
const NUMBER_OPTIONS = ['index', 'doc_values', 'store', 'coerce'];
/** What an option left out means. `GET` leaves these out again. */
const DEFAULTS: JsonObject = { index: true, doc_values: true, store: false, norms: false };
/** Options that a living field may change. */
const CHANGEABLE = ['ignore_above', 'coerce'];

export type Dynamic = 'true' | 'false' | 'strict';

export interface Field {
  /** Dotted, from the root; a multi-field has its parent's path before its own name. */
  readonly path: string;
  readonly type: FieldTypeName;
  /** Longer keywords are kept in the source and not indexed. */
  readonly ignoreAbove: number;
  /** Of a date. */
  readonly format: string;
  /** Whether a number may be written as text, and an integer with a fraction. */
  readonly coerce: boolean;
}

export const isInteger = (type: FieldTypeName) => (INTEGERS as readonly string[]).includes(type);
export const isDecimal = (type: FieldTypeName) => (DECIMALS as readonly string[]).includes(type);
export const isNumber = (type: FieldTypeName) => isInteger(type) || isDecimal(type);

export interface ObjectNode {
  readonly kind: 'object';
  dynamic: Dynamic | undefined;
  /** False: whatever is inside stays in the source alone. */
  readonly enabled: boolean;
  readonly properties: Map<string, ObjectNode | FieldNode>;
}

export interface FieldNode {
  readonly kind: 'field';
  readonly options: JsonObject;
  readonly field: Field;
  readonly multiFields: Map<string, FieldNode>;
}

/** The mapping of one index: a tree as the client wrote it, and its leaves by path. */
export class Mapping {
  readonly root: ObjectNode;
  readonly dateDetection: boolean;
  readonly #meta: Json | undefined;
  readonly #fields = new Map<string, Field>();

  constructor(json: JsonObject) {
    const { _meta, date_detection, _source, numeric_detection, ...root } = json;
    if (_source !== undefined && !(isObject(_source) && _source.enabled !== false))
      throw notSpoken('a disabled _source');
    if (numeric_detection === true) throw notSpoken('numeric_detection');
    this.dateDetection = date_detection !== false;
    this.#meta = _meta;
    this.root = parseObject(root, '');
    this.#index(this.root);
  }

  field(path: string): Field | undefined {
    return this.#fields.get(path);
  }

  /** Fields whose path matches a pattern with `*`; without a star, the field itself. */
  matching(pattern: string): Field[] {
    if (!pattern.includes('*')) return [...this.#fields.values()].filter(field => field.path === pattern);
    const matches = wildcard(pattern);
    return [...this.#fields.values()].filter(field => matches.test(field.path));
  }

  /** Whether the path is an object, or a part of one that is not mapped any further. */
  hasObject(path: string): boolean {
    return [...this.#fields.keys()].some(field => field.startsWith(`${path}.`));
  }

  /** This mapping and what another adds to it. A field cannot change its type. */
  merge(json: JsonObject): Mapping {
    const merged = new Mapping(json);
    const own = new Mapping(this.toJson());
    if (merged.root.dynamic !== undefined) own.root.dynamic = merged.root.dynamic;
    mergeObject(own.root, merged.root, '');
    const kept = own.toJson();
    const more = { ...(json._meta !== undefined && { _meta: json._meta }) };
    return new Mapping({
      ...kept,
      ...more,
      ...(json.date_detection !== undefined && { date_detection: json.date_detection }),
    });
  }

  /** As `GET /index/_mapping` shows it: names in order. */
  toJson(): JsonObject {
    return {
      ...(this.#meta !== undefined && { _meta: this.#meta }),
      ...(!this.dateDetection && { date_detection: false }),
      ...objectJson(this.root),
    };
  }

  /** Takes a field in that a document introduced. */
  introduce(parent: ObjectNode, name: string, node: ObjectNode | FieldNode): void {
    parent.properties.set(name, node);
    this.#index(node);
  }

  #index(node: ObjectNode | FieldNode): void {
    if (node.kind === 'object') for (const child of node.properties.values()) this.#index(child);
    else {
      this.#fields.set(node.field.path, node.field);
      for (const child of node.multiFields.values()) this.#index(child);
    }
  }
}

/** A pattern in which `*` stands for any text. */
export function wildcard(pattern: string): RegExp {
  return new RegExp(`^${pattern.split('*').map(RegExp.escape).join('.*')}$`, 's');
}

function parseObject(json: JsonObject, path: string): ObjectNode {
  const { type: _type, dynamic, enabled, properties, ...rest } = json;
  only([], rest, `the mapping of object [${path || '_doc'}]`);
  const children = Object.entries(isObject(properties) ? properties : {}).map(([name, child]) => {
    if (!isObject(child))
      throw mappingRefusal(`Expected map for property [fields] on field [${name}] but got a ${child}`);
    return [name, parseNode(child, path ? `${path}.${name}` : name, name)] as const;
  });
  return {
    kind: 'object',
    dynamic: parseDynamic(dynamic),
    enabled: enabled !== false && enabled !== 'false',
    properties: new Map(children),
  };
}

function parseNode(json: JsonObject, path: string, name: string): ObjectNode | FieldNode {
  if (json.type === 'object' || (json.type === undefined && json.properties !== undefined))
    return parseObject(json, path);
  if (json.type === undefined) throw mappingRefusal(`No type specified for field [${name}]`);
  return parseField(json, path, name);
}

export function parseField(json: JsonObject, path: string, name: string): FieldNode {
  const { type, fields, ...options } = json;
  if (OTHER_TYPES.split(' ').includes(String(type))) throw notSpoken(`field type [${type}]`);
  if (!TYPES.some(known => known === type)) {
    throw mappingRefusal(`No handler for type [${type}] declared on field [${name}]`);
  }
  only(OPTIONS[String(type)] ?? NUMBER_OPTIONS, options, `the mapping of ${type} field [${path}]`);
  if (options.analyzer !== undefined && options.analyzer !== 'standard')
    throw notSpoken(`analyzer [${options.analyzer}]`);
  if (options.norms === true) throw notSpoken(`[norms: true] of field [${path}]`);
  if (options.doc_values === false) throw notSpoken(`[doc_values: false] of field [${path}]`);
  const format = String(options.format ?? DEFAULT_DATE_FORMAT);
  if (type === 'date') checkDateFormat(format);
  const children = Object.entries(isObject(fields) ? fields : {});
  return {
    kind: 'field',
    options: Object.fromEntries(
      Object.entries({ type: type as Json, ...options }).filter(([name, value]) => DEFAULTS[name] !== value),
    ),
    field: {
      path,
      type: type as FieldTypeName,
      ignoreAbove: Number(options.ignore_above ?? 2_147_483_647),
      format,
      coerce: options.coerce !== false,
    },
    multiFields: new Map(
      children.map(([child, node]) => [child, parseField(node as JsonObject, `${path}.${child}`, child)]),
    ),
  };
}

function mappingRefusal(reason: string) {
  const cause = { type: 'mapper_parsing_exception', reason };
  return refuse(400, 'mapper_parsing_exception', `Failed to parse mapping [_doc]: ${reason}`, {}, cause);
}

function parseDynamic(json: Json | undefined): Dynamic | undefined {
  if (json === undefined) return undefined;
  const text = String(json);
  if (text === 'true' || text === 'false' || text === 'strict') return text;
  if (text === 'strict_allow_templates' || text === 'false_allow_templates') throw notSpoken(`[dynamic: ${text}]`);
  const reason = 'Could not convert [dynamic.dynamic] to boolean';
  const failed = `Failed to parse mapping [_doc]: ${reason}`;
  throw refuse(400, 'mapper_parsing_exception', failed, {}, { type: 'illegal_argument_exception', reason });
}

function mergeObject(into: ObjectNode, from: ObjectNode, path: string): void {
  for (const [name, child] of from.properties) {
    const known = into.properties.get(name);
    const at = path ? `${path}.${name}` : name;
    if (known?.kind === 'object' && child.kind === 'object') {
      if (child.dynamic !== undefined) known.dynamic = child.dynamic;
      mergeObject(known, child, at);
      continue;
    }
    if (known && known.kind !== child.kind)
      throw invalid(`can't merge a non object mapping [${at}] with an object mapping`);
    if (known?.kind === 'field' && child.kind === 'field') {
      checkChange(known, child);
      for (const [sub, node] of known.multiFields) if (!child.multiFields.has(sub)) child.multiFields.set(sub, node);
    }
    into.properties.set(name, child);
  }
}

function checkChange(from: FieldNode, to: FieldNode): void {
  const { path, type } = from.field;
  if (to.field.type !== type)
    throw invalid(`mapper [${path}] cannot be changed from type [${type}] to [${to.field.type}]`);
  const names = new Set([...Object.keys(from.options), ...Object.keys(to.options)]);
  const value = (node: FieldNode, name: string) => node.options[name] ?? DEFAULTS[name] ?? 'default';
  const conflicts = [...names]
    .filter(name => !CHANGEABLE.includes(name) && value(from, name) !== value(to, name))
    .map(name => `\n\tCannot update parameter [${name}] from [${value(from, name)}] to [${value(to, name)}]`);
  if (conflicts.length > 0) throw invalid(`Mapper for [${path}] conflicts with existing mapper:${conflicts.join('')}`);
}

function objectJson(node: ObjectNode): JsonObject {
  const children = [...node.properties].sort(([a], [b]) => (a < b ? -1 : 1));
  const properties = children.map(([name, child]) => [
    name,
    child.kind === 'object' ? childJson(child) : fieldJson(child),
  ]);
  return {
    ...(node.dynamic !== undefined && { dynamic: node.dynamic }),
    ...(!node.enabled && { enabled: false }),
    ...(properties.length > 0 && { properties: Object.fromEntries(properties) }),
  };
}

/** An object without known members shows its type, lest it show nothing. */
function childJson(node: ObjectNode): JsonObject {
  return node.properties.size > 0 && node.enabled ? objectJson(node) : { type: 'object', ...objectJson(node) };
}

function fieldJson(node: FieldNode): JsonObject {
  const fields = [...node.multiFields].map(([name, child]) => [name, fieldJson(child)] as const);
  return { ...node.options, ...(fields.length > 0 && { fields: Object.fromEntries(fields) }) };
}

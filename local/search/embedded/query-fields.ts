import type { Doc, Scalar } from './document.ts';
import type { Index } from './document-index.ts';
import { compareText, isObject, type Json, type JsonObject, list } from './json.ts';
import { type Field, isNumber } from './mapping.ts';
import { boost, constant, MATCH_NONE, type Mark, type Query } from './query.ts';
import { invalid, notSpoken, only, refuse, SearchRefusal } from './refusal.ts';
import { wordScorer } from './text-score.ts';
import { type Moment, parseDateMath } from './times.ts';
import { readNumber } from './values.ts';

/** `{field: value}` or `{field: {value, …options}}`, as term, prefix and match have it. */
export function fieldAndOptions(
  query: string,
  json: JsonObject,
  key: string,
  options: readonly string[],
): { field: string; value: Json; options: JsonObject } {
  const [field, ...more] = Object.keys(json);
  if (more.length > 0) {
    const reason = `[${query}] query doesn't support multiple fields, found [${field}] and [${more[0]}]`;
    throw refuse(400, 'parsing_exception', reason);
  }
  const value = field === undefined ? undefined : json[field];
  if (field === undefined || value === null || value === undefined) throw invalid('field name is null or empty');
  if (!isObject(value)) return { field, value, options: {} };
  only([key, ...options], value, `[${query}]`);
  const inner = value[key];
  if (inner === undefined || inner === null) throw invalid(`${query === 'term' ? 'value' : 'text'} cannot be null`);
  return { field, value: inner, options: value };
}

export function compileTerm(json: JsonObject, index: Index): Query {
  const { field, value, options } = fieldAndOptions('term', json, 'value', ['boost']);
  return boost(term(field, value, index), options.boost);
}

/** Documents that hold exactly this value. */
export function term(path: string, value: Json, index: Index): Query {
  if (path === '_id') return constant(doc => doc.id === String(value));
  if (path === '_index') return constant(() => index.name === String(value));
  const field = index.mapping.field(path);
  if (!field) return MATCH_NONE;
  if (field.type === 'text') return wordScorer(path, String(value), index);
  if (field.type === 'boolean') return booleanScorer(path, parseTruth(value), index);
  const marks: Mark[] = field.type === 'keyword' ? [{ field: path, kind: 'word', words: [String(value)] }] : [];
  return constant(valueTest(field, value, index), marks);
}

function parseTruth(value: Json): number {
  if (value === true || value === 'true') return 1;
  if (value === false || value === 'false' || value === '') return 0;
  throw new SearchRefusal(
    400,
    'query_shard_exception',
    `failed to create query: Can't parse boolean value [${value}], expected [true] or [false]`,
  );
}

/** OpenSearch scores a boolean like a word: rarer is better, by Lucene's BM25 without lengths. */
function booleanScorer(path: string, truth: number, index: Index): Query {
  const holding = index.shard.docs.filter(doc => doc.values[path]);
  const matching = holding.filter(doc => doc.values[path]?.includes(truth)).length;
  const idf = Math.log(1 + (holding.length - matching + 0.5) / (matching + 0.5));
  const score = Math.fround(idf / 2.2);
  return { score: doc => (doc.values[path]?.includes(truth) ? score : -1), marks: [] };
}

/** A test for one value of a field that is not text. */
function valueTest(field: Field, value: Json, index: Index): (doc: Doc) => boolean {
  const { path } = field;
  if (field.type === 'date') {
    const { first, last } = parseMoment(value, field);
    return inRange(path, first, last);
  }
  const wanted: Scalar = isNumber(field.type) ? parseNumeric(value, index) : String(value);
  return doc => doc.values[path]?.includes(wanted) === true;
}

export function compileTerms(json: JsonObject, index: Index): Query {
  const { boost: factor, ...rest } = json;
  const [path, ...more] = Object.keys(rest);
  if (path === undefined || more.length > 0)
    throw refuse(400, 'parsing_exception', '[terms] query requires one field name');
  const values = rest[path];
  if (isObject(values)) throw notSpoken('a lookup in [terms]');
  if (!Array.isArray(values)) throw refuse(400, 'parsing_exception', `[terms] query does not support [${path}]`);
  if (values.includes(null)) throw refuse(400, 'parsing_exception', 'No value specified for terms query');
  if (path === '_id') return boost(idIn(values.map(String)), factor);
  const field = index.mapping.field(path);
  if (!field) return MATCH_NONE;
  if (field.type === 'text') {
    const words = values.map(value => term(path, value, index));
    return boost(
      constant(
        doc => words.some(({ score }) => score(doc) >= 0),
        words.flatMap(({ marks }) => marks),
      ),
      factor,
    );
  }
  const marks: Mark[] = field.type === 'keyword' ? [{ field: path, kind: 'word', words: values.map(String) }] : [];
  return boost(constant(anyOf(field, values, index), marks), factor);
}

function anyOf(field: Field, values: readonly Json[], index: Index): (doc: Doc) => boolean {
  const { path, type } = field;
  if (type === 'date') {
    const tests = values.map(value => valueTest(field, value, index));
    return doc => tests.some(test => test(doc));
  }
  const parse = (value: Json) =>
    type === 'boolean' ? parseTruth(value) : isNumber(type) ? parseNumeric(value, index) : String(value);
  const wanted = new Set<Scalar>(values.map(parse));
  return doc => doc.values[path]?.some(value => wanted.has(value)) === true;
}

export function compileIds(json: JsonObject): Query {
  only(['values', 'boost'], json, '[ids]');
  return boost(idIn(list(json.values).map(String)), json.boost);
}

function idIn(ids: readonly string[]): Query {
  const wanted = new Set(ids);
  return constant(doc => wanted.has(doc.id));
}

export function compileExists(json: JsonObject, index: Index): Query {
  only(['field', 'boost'], json, '[exists]');
  if (json.field === undefined) throw refuse(400, 'parsing_exception', '[exists] must be provided with a [field]');
  const path = String(json.field);
  if (path === '_id')
    return boost(
      constant(() => true),
      json.boost,
    );
  const paths = index.mapping.matching(path).map(field => field.path);
  if (paths.length === 0) paths.push(...index.mapping.matching(`${path}.*`).map(field => field.path));
  const holds = (doc: Doc) => paths.some(each => doc.values[each] !== undefined || doc.texts[each] !== undefined);
  return boost(constant(holds), json.boost);
}

export function compilePrefix(json: JsonObject, index: Index): Query {
  const { field, value, options } = fieldAndOptions('prefix', json, 'value', ['boost', 'case_insensitive']);
  return boost(prefix(field, String(value), options.case_insensitive === true, index), options.boost);
}

/** Documents with a keyword or a word that begins so. */
export function prefix(path: string, start: string, ignoreCase: boolean, index: Index): Query {
  const field = index.mapping.field(path);
  if (!field) return MATCH_NONE;
  const marks: Mark[] = [{ field: path, kind: 'prefix', words: [start] }];
  if (field.type === 'text') {
    const words = index.shard.dictionary.startingWith(ignoreCase ? start.toLowerCase() : start);
    return constant(doc => doc.texts[path]?.words.some(word => words.has(word)) === true, marks);
  }
  if (field.type !== 'keyword') {
    const reason = `Can only use prefix queries on keyword, text and wildcard fields - not on [${path}] which is of type [${field.type}]`;
    throw new SearchRefusal(400, 'query_shard_exception', reason, { index: index.name, index_uuid: index.uuid });
  }
  const begins = (value: Scalar) =>
    ignoreCase ? String(value).toLowerCase().startsWith(start.toLowerCase()) : String(value).startsWith(start);
  return constant(doc => doc.values[path]?.some(begins) === true, marks);
}

const BOUNDS = ['gt', 'gte', 'lt', 'lte'];

export function compileRange(json: JsonObject, index: Index): Query {
  const [path, ...more] = Object.keys(json);
  const bounds = path === undefined ? undefined : json[path];
  if (path === undefined || more.length > 0 || !isObject(bounds)) {
    throw refuse(400, 'parsing_exception', `[range] query does not support [${more[0] ?? path}]`);
  }
  for (const name of ['format', 'time_zone', 'relation', 'from', 'to', 'include_lower', 'include_upper']) {
    if (bounds[name] !== undefined) throw notSpoken(`[${name}] in [range]`);
  }
  const unknown = Object.keys(bounds).find(name => !BOUNDS.includes(name) && name !== 'boost');
  if (unknown !== undefined) throw refuse(400, 'parsing_exception', `[range] query does not support [${unknown}]`);
  if (path === '_id') throw notSpoken('[range] of _id');
  const field = index.mapping.field(path);
  if (!field) return MATCH_NONE;
  return boost(constant(rangeTest(field, bounds, index)), bounds.boost);
}

function rangeTest(field: Field, bounds: JsonObject, index: Index): (doc: Doc) => boolean {
  const { path, type } = field;
  const { gt = null, gte = null, lt = null, lte = null } = bounds;
  if (type === 'text' || type === 'boolean') throw notSpoken(`[range] of a ${type} field`);
  if (type === 'keyword') {
    return doc =>
      doc.values[path]?.some(
        value =>
          (gte === null || compareText(value as string, String(gte)) >= 0) &&
          (gt === null || compareText(value as string, String(gt)) > 0) &&
          (lte === null || compareText(value as string, String(lte)) <= 0) &&
          (lt === null || compareText(value as string, String(lt)) < 0),
      ) === true;
  }
  const least = type === 'date' ? dateBounds(field, bounds) : numberBounds(bounds, index);
  return inRange(path, least.from, least.to);
}

function inRange(path: string, from: number, to: number): (doc: Doc) => boolean {
  return doc => doc.values[path]?.some(value => (value as number) >= from && (value as number) <= to) === true;
}

/** A partial date stands for its first instant below a document's, and for its last above. */
function dateBounds(field: Field, bounds: JsonObject): { from: number; to: number } {
  const moment = (value: Json | undefined) =>
    value === undefined || value === null ? undefined : parseMoment(value, field);
  const after = moment(bounds.gt);
  const before = moment(bounds.lt);
  return {
    from: Math.max(
      moment(bounds.gte)?.first ?? Number.NEGATIVE_INFINITY,
      after ? after.last + 1 : Number.NEGATIVE_INFINITY,
    ),
    to: Math.min(
      moment(bounds.lte)?.last ?? Number.POSITIVE_INFINITY,
      before ? before.first - 1 : Number.POSITIVE_INFINITY,
    ),
  };
}

function numberBounds(bounds: JsonObject, index: Index): { from: number; to: number } {
  const number = (value: Json | undefined) =>
    value === undefined || value === null ? undefined : parseNumeric(value, index);
  const after = number(bounds.gt);
  const before = number(bounds.lt);
  return {
    from: Math.max(
      number(bounds.gte) ?? Number.NEGATIVE_INFINITY,
      after === undefined ? Number.NEGATIVE_INFINITY : above(after),
    ),
    to: Math.min(
      number(bounds.lte) ?? Number.POSITIVE_INFINITY,
      before === undefined ? Number.POSITIVE_INFINITY : -above(-before),
    ),
  };
}

/** The next number that can be told apart. */
function above(value: number): number {
  const step = new Float64Array([value]);
  const bits = new BigInt64Array(step.buffer);
  if (value === 0) return Number.MIN_VALUE;
  bits[0] = (bits[0] as bigint) + (value > 0 ? 1n : -1n);
  return step[0] as number;
}

function parseMoment(value: Json, field: Field): Moment {
  const moment = parseDateMath(String(value), field.format, Date.now());
  if (moment) return moment;
  const failed = `failed to parse date field [${value}] with format [${field.format}]`;
  throw new SearchRefusal(400, 'parse_exception', `${failed}: [${failed}]`);
}

function parseNumeric(value: Json, index: Index): number {
  const number = typeof value === 'number' ? value : readNumber(String(value));
  if (number !== undefined) return number;
  const cause = { type: 'number_format_exception', reason: `For input string: "${value}"` };
  const where = { index: index.name, index_uuid: index.uuid };
  throw new SearchRefusal(400, 'query_shard_exception', `failed to create query: ${cause.reason}`, where, cause);
}

import type { Index } from './document-index.ts';
import { isObject, type Json, type JsonObject, list } from './json.ts';
import { boost, combine, constant, MATCH_ALL, MATCH_NONE, minimumShouldMatch, type Query } from './query.ts';
import { compileExists, compileIds, compilePrefix, compileRange, compileTerm, compileTerms } from './query-fields.ts';
import { compileMatch, compileMatchPhrase, compileMultiMatch } from './query-text.ts';
import { invalid, notSpoken, only, refuse } from './refusal.ts';
import { compileSimpleQueryString } from './simple-query-string.ts';

type Compiler = (json: JsonObject, index: Index) => Query;

const COMPILERS: { readonly [name: string]: Compiler } = {
  match_all: json => {
    only(['boost'], json, '[match_all]');
    return boost(MATCH_ALL, json.boost);
  },
  match_none: () => MATCH_NONE,
  constant_score: (json, index) => {
    only(['filter', 'boost'], json, '[constant_score]');
    const { score, marks } = compile(json.filter, index);
    return boost(
      constant(doc => score(doc) >= 0, marks),
      json.boost,
    );
  },
  bool: compileBool,
  term: compileTerm,
  terms: compileTerms,
  range: compileRange,
  prefix: compilePrefix,
  exists: compileExists,
  ids: compileIds,
  match: compileMatch,
  match_phrase: compileMatchPhrase,
  multi_match: compileMultiMatch,
  simple_query_string: compileSimpleQueryString,
};

/** Queries of OpenSearch that the stand-in does not speak; any other name is nobody's query. */
const OTHERS =
  'boosting combined_fields dis_max distance_feature function_score fuzzy geo_bounding_box geo_distance geo_polygon geo_shape ' +
  'has_child has_parent hybrid intervals knn match_bool_prefix match_phrase_prefix more_like_this nested neural parent_id ' +
  'percolate query_string rank_feature regexp script script_score span_containing span_first span_multi span_near span_not ' +
  'span_or span_term span_within template terms_set wildcard wrapper';

/** Makes a query of the DSL ready for one index. */
export function compile(json: Json | undefined, index: Index): Query {
  if (!isObject(json)) {
    throw refuse(400, 'parsing_exception', '[_na] query malformed, must start with start_object');
  }
  const [name = '', ...more] = Object.keys(json);
  if (name === '') throw invalid('query malformed, empty clause found');
  if (more.length > 0) {
    throw refuse(400, 'parsing_exception', `[${name}] malformed query, expected [END_OBJECT] but found [FIELD_NAME]`);
  }
  const body = json[name];
  const compiler = Object.hasOwn(COMPILERS, name) ? COMPILERS[name] : undefined;
  if (compiler && isObject(body)) return compiler(body, index);
  if (compiler) throw refuse(400, 'parsing_exception', `[${name}] query malformed, no start_object after query name`);
  if (OTHERS.split(' ').includes(name)) throw notSpoken(`query [${name}]`);
  throw refuse(
    400,
    'parsing_exception',
    `unknown query [${name}]`,
    {},
    {
      type: 'named_object_not_found_exception',
      reason: `unknown field [${name}]`,
    },
  );
}

function compileBool(json: JsonObject, index: Index): Query {
  const { must, filter, should, must_not, mustNot, minimum_should_match, boost: factor, ...rest } = json;
  const unknown = Object.keys(rest).find(name => name !== '_name');
  if (unknown !== undefined) throw refuse(400, 'x_content_parse_exception', `[bool] unknown field [${unknown}]`);
  if (rest._name !== undefined) throw notSpoken('[_name] in [bool]');
  const clauses = (value: Json | undefined) => list(value).map(clause => compile(clause, index));
  const required = clauses(must);
  const filters = clauses(filter);
  const optional = clauses(should);
  const excluded = [...clauses(must_not), ...clauses(mustNot)];
  if (required.length + filters.length + optional.length + excluded.length === 0) return boost(MATCH_ALL, factor);
  // Alternatives alone must match at least once, whatever is asked.
  const alone = required.length + filters.length === 0 && optional.length > 0 ? 1 : 0;
  const asked = minimum_should_match === undefined ? 0 : minimumShouldMatch(minimum_should_match, optional.length);
  const least = Math.max(alone, asked);
  // A bool of filters or exclusions alone matches with a score of 0.
  return boost(combine({ required, filters, optional, excluded, least }), factor);
}

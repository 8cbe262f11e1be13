import { analyze } from './analysis.ts';
import type { Index } from './document-index.ts';
import { isObject, type Json, type JsonObject, list } from './json.ts';
import { best, boost, combine, MATCH_NONE, minimumShouldMatch, type Query } from './query.ts';
import { fieldAndOptions, term } from './query-fields.ts';
import { invalid, notSpoken, only, Refusal } from './refusal.ts';
import { phraseScorer, wordScorer } from './text-score.ts';

export type Operator = 'or' | 'and';

export function parseOperator(json: Json | undefined): Operator {
  const operator = String(json ?? 'or').toLowerCase();
  if (operator === 'or' || operator === 'and') return operator;
  throw invalid(`No enum constant org.opensearch.index.query.Operator.${operator.toUpperCase()}`);
}

export function compileMatch(json: JsonObject, index: Index): Query {
  const { field, value, options } = fieldAndOptions('match', json, 'query', [
    'operator',
    'minimum_should_match',
    'boost',
    'lenient',
  ]);
  const how = { operator: parseOperator(options.operator), least: options.minimum_should_match };
  return boost(
    lenient(options.lenient === true, () => match(field, value, how, index)),
    options.boost,
  );
}

/** The words of a text, any or all of them, in one field; a field that is not text takes it as one value. */
export function match(
  path: string,
  value: Json,
  { operator, least }: { operator: Operator; least: Json | undefined },
  index: Index,
): Query {
  const field = index.mapping.field(path);
  if (!field) return path === '_id' ? term(path, value, index) : MATCH_NONE;
  if (field.type !== 'text') return term(path, value, index);
  const words = analyze(String(value)).map(({ text }) => wordScorer(path, text, index));
  if (words.length === 0) return MATCH_NONE;
  if (words.length === 1) return words[0] as Query;
  if (operator === 'and') return combine({ required: words, least: 0 });
  return combine({
    optional: words,
    least: Math.max(1, least === undefined ? 1 : minimumShouldMatch(least, words.length)),
  });
}

export function compileMatchPhrase(json: JsonObject, index: Index): Query {
  const { field, value, options } = fieldAndOptions('match_phrase', json, 'query', ['slop', 'boost']);
  if (Number(options.slop ?? 0) !== 0) throw notSpoken('[slop] in [match_phrase]');
  return boost(phrase(field, value, index), options.boost);
}

export function phrase(path: string, value: Json, index: Index): Query {
  const field = index.mapping.field(path);
  if (!field) return MATCH_NONE;
  if (field.type !== 'text') return term(path, value, index);
  const words = analyze(String(value)).map(({ text }) => text);
  return words.length === 1 ? wordScorer(path, words[0] as string, index) : phraseScorer(path, words, index);
}

export interface WeightedField {
  readonly path: string;
  readonly weight: number;
}

/** `title^3` and patterns. No fields at all means all that a text may be found in, and values that do not fit are passed over. */
export function parseFields(json: Json | undefined, index: Index): { fields: WeightedField[]; all: boolean } {
  const names = list(json).map(String);
  const all = names.length === 0 || names.includes('*');
  const fields = (all ? ['*'] : names).flatMap(name => {
    const [pattern = '', weight = '1'] = name.split('^');
    return index.mapping.matching(pattern).map(({ path }) => ({ path, weight: Number(weight) }));
  });
  return { fields, all };
}

export function compileMultiMatch(json: JsonObject, index: Index): Query {
  const { query, fields: names, type = 'best_fields', boost: factor, ...options } = json;
  only(['operator', 'minimum_should_match', 'tie_breaker', 'lenient'], options, '[multi_match]');
  if (query === undefined || query === null || isObject(query))
    throw invalid('No text specified for multi_match query');
  const { fields, all } = parseFields(names, index);
  const pass = options.lenient === true || (all && options.lenient === undefined);
  const how = { operator: parseOperator(options.operator), least: options.minimum_should_match };
  const one = ({ path, weight }: WeightedField) =>
    boost(
      lenient(pass, () => (type === 'phrase' ? phrase(path, query, index) : match(path, query, how, index))),
      weight,
    );
  if (!['best_fields', 'most_fields', 'phrase'].includes(String(type)))
    throw notSpoken(`[multi_match] of type [${type}]`);
  if (fields.length === 0) return MATCH_NONE;
  const tieBreaker = Number(options.tie_breaker ?? (type === 'most_fields' ? 1 : 0));
  return boost(best(fields.map(one), tieBreaker), factor);
}

/** A value that a field cannot have matches nothing there, where the query allows it. */
export function lenient(allowed: boolean, make: () => Query): Query {
  try {
    return make();
  } catch (error) {
    if (allowed && error instanceof Refusal && error.status === 400) return MATCH_NONE;
    throw error;
  }
}

import type { Doc } from './document.ts';
import type { Json } from './json.ts';
import { invalid, notSpoken } from './refusal.ts';

/** What a query asks to be marked in a highlighted field. */
export interface Mark {
  readonly field: string;
  readonly kind: 'word' | 'prefix' | 'phrase';
  readonly words: readonly string[];
}

/** A query made ready for one index. */
export interface Query {
  /** Below 0: the document does not match. Otherwise its score, as Lucene would give it. */
  readonly score: (doc: Doc) => number;
  readonly marks: readonly Mark[];
}

export const NO_MATCH = -1;

export const MATCH_ALL: Query = { score: () => 1, marks: [] };
export const MATCH_NONE: Query = { score: () => NO_MATCH, marks: [] };

/** A query whose matches all score alike. */
export function constant(matches: (doc: Doc) => boolean, marks: readonly Mark[] = []): Query {
  return { score: doc => (matches(doc) ? 1 : NO_MATCH), marks };
}

export function boost(query: Query, factor: Json | undefined): Query {
  if (factor === undefined || factor === 1) return query;
  const by = Number(factor);
  if (!(by >= 0)) throw invalid('negative [boost] are not allowed in [query], use a value between 0 and 1 to deboost');
  return { ...query, score: doc => scale(query.score(doc), by) };
}

const scale = (score: number, by: number) => (score < 0 ? score : score * by);

export interface Clauses {
  readonly required?: readonly Query[];
  readonly filters?: readonly Query[];
  readonly optional?: readonly Query[];
  readonly excluded?: readonly Query[];
  /** How many of the optional ones must match. */
  readonly least: number;
}

/** The sum of the scores of what matches, if all that must match does. */
export function combine({ required = [], filters = [], optional = [], excluded = [], least }: Clauses): Query {
  const score = (doc: Doc): number => {
    for (const clause of filters) if (clause.score(doc) < 0) return NO_MATCH;
    let sum = 0;
    for (const clause of required) {
      const part = clause.score(doc);
      if (part < 0) return NO_MATCH;
      sum += part;
    }
    for (const clause of excluded) if (clause.score(doc) >= 0) return NO_MATCH;
    let matched = 0;
    for (const clause of optional) {
      const part = clause.score(doc);
      if (part < 0) continue;
      matched++;
      sum += part;
    }
    return matched < least ? NO_MATCH : sum;
  };
  return { score, marks: [...required, ...filters, ...optional].flatMap(({ marks }) => marks) };
}

/** The best score of several, plus the others by the tie breaker. */
export function best(queries: readonly Query[], tieBreaker: number): Query {
  if (queries.length === 1) return queries[0] as Query;
  const score = (doc: Doc): number => {
    let top = NO_MATCH;
    let sum = 0;
    for (const query of queries) {
      const part = query.score(doc);
      if (part < 0) continue;
      sum += part;
      if (part > top) top = part;
    }
    return top < 0 ? NO_MATCH : top + (sum - top) * tieBreaker;
  };
  return { score, marks: queries.flatMap(({ marks }) => marks) };
}

/** `2`, `-1`, `75%` and `-25%` of the optional clauses. */
export function minimumShouldMatch(json: Json, clauses: number): number {
  const [, digits, percent] = /^\s*(-?\d+)(%?)\s*$/.exec(String(json)) ?? [];
  if (digits === undefined) throw notSpoken(`[minimum_should_match: ${json}]`);
  const asked = Number(digits);
  const count = percent ? Math.trunc((clauses * asked) / 100) : asked;
  return Math.max(0, count < 0 ? clauses + count : count);
}

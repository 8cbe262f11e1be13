import type { Condition } from './policy.ts';

/** A clause of OpenSearch's query language. */
export type Clause = Readonly<Record<string, unknown>>;

/** Under which name a store's documents hold each fact of a case. */
export interface FactFields {
  readonly tenant: string;
  readonly restricted: string;
  readonly assigned: string;
}

/** The condition as a clause that belongs into the `filter` of every search: it neither scores nor can be argued with. */
export function clauseOf(condition: Condition, fields: FactFields): Clause {
  if ('all' in condition) {
    if (condition.all.length === 0) return { match_all: {} };
    return { bool: { filter: condition.all.map(part => clauseOf(part, fields)) } };
  }
  if ('any' in condition) {
    if (condition.any.length === 0) return { match_none: {} };
    return { bool: { should: condition.any.map(part => clauseOf(part, fields)), minimum_should_match: 1 } };
  }
  return { term: { [fields[condition.fact]]: condition.is } };
}

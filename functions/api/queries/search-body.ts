import * as z from 'zod';
import { type Standing, visibility } from '../../../core/policy.ts';
import { clauseOf } from '../../../core/policy-filter.ts';
import { visibleFields } from '../../../core/policy-mask.ts';
import type { FieldType, ProjectedContract } from '../../../core/store-contract.ts';
import { META } from '../../stores/opensearch-index.ts';
import type { Position } from '../cursor.ts';
import { SEARCH_FACTS } from '../search-facts.ts';
import { type Asked, askable, canFacet, canSort, clauseOfFilter, filterSchema, isText } from './filter.ts';

const MAX_PAGE = 100;
const MAX_QUERY_CHARACTERS = 500;
const MAX_FACETS = 8;
const MAX_BUCKETS = 50;
const FRAGMENT_CHARACTERS = 120;
const FRAGMENTS = 2;

/** A question to the search store. */
export const searchSchema = z.strictObject({
  text: z
    .string()
    .max(MAX_QUERY_CHARACTERS)
    .optional()
    .describe('Words, "phrases", +must, -must not; all fields of text.'),
  filter: filterSchema.optional(),
  facets: z.array(z.string().max(64)).max(MAX_FACETS).default([]).describe('Fields to count the values of.'),
  sort: z
    .array(z.strictObject({ field: z.string().max(64), order: z.enum(['asc', 'desc']).default('asc') }))
    .max(3)
    .default([])
    .describe('@default by relevance with text, else newest first'),
  highlight: z.boolean().default(false),
  size: z.int().min(1).max(MAX_PAGE).default(20),
  cursor: z.string().max(2048).optional(),
  waitFor: z
    .string()
    .regex(/^\d{1,16}@[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/, 'is no <version>@<case>')
    .optional()
    .describe('<version>@<case>: the search waits until it finds the case in that version.'),
  ifStale: z.enum(['refuse', 'answer']).default('answer'),
});
export type Search = z.infer<typeof searchSchema>;

/** What a cursor is bound to: everything but itself, and where a page ends has nothing to do with waiting. */
export const questionOf = ({ cursor, waitFor, ifStale, ...question }: Search): object => question;

/** Operators that would make a search dear: prefixes, fuzziness, slop, nesting. They are read as spaces. */
const DEAR_OPERATORS = /[*~()\\]/g;
const KEY = `${META}.key`;

/** The contract's fields that the role may ask by and see. */
export function askedOf({ fields }: ProjectedContract, standing: Standing): Asked {
  const visible = new Set(visibleFields(fields, standing.role));
  return Object.fromEntries(Object.entries(fields).filter(([name]) => visible.has(name)));
}

/** The request to the engine: the policy's filter first, beside which nothing of the caller's has a say. */
export function bodyOf(
  search: Search,
  contract: ProjectedContract,
  standing: Standing,
  after?: Position,
): Readonly<Record<string, unknown>> & { readonly query: object } {
  const fields = askedOf(contract, standing);
  const texts = Object.keys(fields).filter(name => isText(fields[name]!));
  const filter = [
    clauseOf(visibility(standing), SEARCH_FACTS),
    ...(search.filter ? [clauseOfFilter(search.filter, fields)] : []),
  ];
  const text = search.text?.trim();
  return {
    size: search.size,
    track_total_hits: true,
    query: { bool: { filter, ...(text && { must: [textClause(text, texts)] }) } },
    _source: { includes: [...Object.keys(fields), META] },
    sort: sortOf(search, fields, text !== undefined && text !== ''),
    ...(after && { search_after: after }),
    ...(search.facets.length > 0 && { aggs: facetsOf(search, fields) }),
    ...(search.highlight && text && { highlight: highlightOf(texts) }),
  };
}

const textClause = (query: string, fields: readonly string[]): object => ({
  simple_query_string: { query: query.replace(DEAR_OPERATORS, ' '), fields, default_operator: 'and' },
});

function sortOf({ sort }: Search, fields: Asked, hasText: boolean): object[] {
  const asked = sort.map(({ field, order }, index) => {
    const { type } = askable(fields, field, canSort, `/sort/${index}/field`);
    return { [field]: { order, missing: lastOf(type, order) } };
  });
  const usual = hasText ? [{ _score: 'desc' }] : [{ received_on: { order: 'desc', missing: lastOf('date', 'desc') } }];
  return [...(asked.length > 0 ? asked : usual), { [KEY]: 'asc' }];
}

/** The first and the last day of the years 1 to 9999, in milliseconds since 1970: the engine takes no text here. */
const [FIRST_DAY, LAST_DAY] = [Date.parse('0001-01-01'), Date.parse('9999-12-31')];

/** What has no value comes last. Left to itself the engine says so by a number that JavaScript cannot give back. */
function lastOf(type: FieldType, order: 'asc' | 'desc'): string | number {
  if (type === 'date' || type === 'timestamp') return order === 'asc' ? LAST_DAY : FIRST_DAY;
  if (type === 'integer') return order === 'asc' ? Number.MAX_SAFE_INTEGER : Number.MIN_SAFE_INTEGER;
  return '_last';
}

function facetsOf({ facets }: Search, fields: Asked): object {
  const each = facets.map((field, index) => {
    askable(fields, field, canFacet, `/facets/${index}`);
    return [field, { terms: { field, size: MAX_BUCKETS } }] as const;
  });
  return Object.fromEntries(each);
}

/** Only of fields that are seen: a fragment is a piece of the field. */
const highlightOf = (texts: readonly string[]): object => ({
  fragment_size: FRAGMENT_CHARACTERS,
  number_of_fragments: FRAGMENTS,
  encoder: 'html',
  fields: Object.fromEntries(texts.map(name => [name, {}])),
});

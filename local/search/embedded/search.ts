import { parseAggregations } from './aggregation-dsl.ts';
import { aggregate } from './aggregations.ts';
import type { Answer } from './answer.ts';
import type { Index } from './document-index.ts';
import type { Scope } from './engine.ts';
import { highlightHit, parseHighlight } from './highlight.ts';
import type { Json, JsonObject } from './json.ts';
import { MATCH_ALL, type Mark, NO_MATCH, type Query } from './query.ts';
import { compile } from './query-dsl.ts';
import { SearchRefusal } from './refusal.ts';
import { maxResultWindow } from './settings.ts';
import { firstHits, type Hit, parseSort, type SortField, sortValues } from './sort.ts';
import { filterSource, type SourceFilter } from './source-filter.ts';

export interface SearchRequest {
  readonly query: Json | undefined;
  readonly from: number;
  readonly size: number;
  readonly sort: Json | undefined;
  readonly searchAfter: readonly Json[] | undefined;
  readonly source: SourceFilter;
  /** Below 0: hits are not counted. */
  readonly trackTotalHits: number;
  readonly trackScores: boolean;
  readonly highlight: JsonObject | undefined;
  readonly aggregations: JsonObject | undefined;
  readonly minScore: number | undefined;
  readonly showVersion: boolean;
  readonly showSeqNo: boolean;
}

export interface SearchResult {
  readonly hits: {
    readonly total: { readonly value: number; readonly relation: 'eq' | 'gte' } | undefined;
    readonly max_score: number | null;
    readonly hits: readonly Answer[];
  };
  readonly aggregations: Answer;
}

/** Matches of one index in the order they were written. */
export function matches(scope: Scope, query: Json | undefined): Hit[] {
  return run(scope.index, ready(scope, query));
}

function ready({ index, filter }: Scope, json: Json | undefined): Query {
  const query = json === undefined ? MATCH_ALL : compile(json, index);
  if (filter === undefined) return query;
  const { score } = compile(filter, index);
  return { marks: query.marks, score: doc => (score(doc) < 0 ? NO_MATCH : query.score(doc)) };
}

function run(index: Index, query: Query): Hit[] {
  const hits: Hit[] = [];
  for (const doc of index.shard.docs) {
    const score = query.score(doc);
    if (score >= 0) hits.push({ index, doc, score });
  }
  return hits;
}

/** Answers a search by looking at every document: right for tens of thousands, which is what a stand-in holds. */
export function runSearch(scopes: readonly Scope[], request: SearchRequest): SearchResult {
  const indices = scopes.map(({ index }) => index);
  checkWindow(indices, request);
  const aggregations = request.aggregations && parseAggregations(request.aggregations, indices);
  const sort = parseSort(request.sort, indices);
  checkSearchAfter(request.searchAfter, sort);
  const queries = new Map(scopes.map(scope => [scope.index, ready(scope, request.query)] as const));
  const { minScore } = request;
  const found = [...queries].flatMap(([index, query]) => run(index, query));
  const hits = minScore === undefined ? found : found.filter(({ score }) => score >= minScore);
  return {
    hits: {
      total: total(hits.length, request.trackTotalHits),
      ...page(hits, sort, request, queries),
    },
    aggregations: aggregations && aggregate(aggregations, hits),
  };
}

function page(
  hits: readonly Hit[],
  sort: readonly SortField[],
  request: SearchRequest,
  queries: ReadonlyMap<Index, Query>,
): { max_score: number | null; hits: Answer[] } {
  const { from, size } = request;
  // Where no index is meant, OpenSearch says 0; where no hit is shown, null.
  if (size === 0 || queries.size === 0) return { max_score: queries.size === 0 ? 0 : null, hits: [] };
  const scored = sort.length === 0 || request.trackScores || sort.some(({ name }) => name === '_score');
  const ordered = firstHits(hits, sort.length === 0 ? BY_SCORE : sort, {
    count: from + size,
    after: request.searchAfter,
  });
  const highlight = request.highlight && parseHighlight(request.highlight);
  const shown = ordered.slice(from).map((hit): Answer => {
    const { index, doc, score } = hit;
    const marks: readonly Mark[] = queries.get(index)?.marks ?? [];
    return {
      _index: index.name,
      _id: doc.id,
      ...(request.showVersion && { _version: doc.version }),
      ...(request.showSeqNo && { _seq_no: doc.seq, _primary_term: 1 }),
      _score: scored ? score : null,
      _source: request.source === 'none' ? undefined : filterSource(index.shard.source(doc), request.source),
      highlight: highlight && highlightHit(highlight, index, index.shard.source(doc), marks),
      sort: sort.length === 0 ? undefined : sortValues(hit, sort),
    };
  });
  return { max_score: scored ? greatest(hits) : null, hits: shown };
}

const BY_SCORE: readonly SortField[] = [
  { name: '_score', descending: true, key: hit => hit.score, parse: Number, nullsFirst: false },
];

function greatest(hits: readonly Hit[]): number | null {
  let top: number | null = null;
  for (const { score } of hits) if (top === null || score > top) top = score;
  return top;
}

function total(count: number, tracked: number): { value: number; relation: 'eq' | 'gte' } | undefined {
  if (tracked < 0) return undefined;
  return count > tracked ? { value: tracked, relation: 'gte' } : { value: count, relation: 'eq' };
}

function checkWindow(indices: readonly Index[], { from, size }: SearchRequest): void {
  for (const index of indices) {
    const limit = maxResultWindow(index.settings);
    if (from + size <= limit) continue;
    const reason =
      `Result window is too large, from + size must be less than or equal to: [${limit}] but was [${from + size}]. ` +
      'See the scroll api for a more efficient way to request large data sets. This limit can be set by changing the ' +
      '[index.max_result_window] index level setting.';
    throw new SearchRefusal(400, 'illegal_argument_exception', reason);
  }
}

function checkSearchAfter(after: readonly Json[] | undefined, sort: readonly SortField[]): void {
  if (!after) return;
  if (sort.length === 0)
    throw new SearchRefusal(400, 'illegal_argument_exception', 'Sort must contain at least one field.');
  if (after.length !== sort.length) {
    const reason = `search_after has ${after.length} value(s) but sort has ${sort.length}.`;
    throw new SearchRefusal(400, 'illegal_argument_exception', reason);
  }
}

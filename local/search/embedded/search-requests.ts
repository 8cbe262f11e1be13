import type { Reply, Request } from './http.ts';
import { isTrue } from './http.ts';
import { scopes, shardCounts } from './indices.ts';
import { isObject, type Json, type JsonObject, parseBody } from './json.ts';
import { invalid, notSpoken, refuse } from './refusal.ts';
import { matches, runSearch, type SearchRequest } from './search.ts';
import { parseSortParam } from './sort.ts';
import { parseSourceFilter, sourceParams } from './source-filter.ts';

/** OpenSearch counts hits exactly up to here unless told otherwise. */
const DEFAULT_TRACK_TOTAL_HITS = 10_000;
const DEFAULT_SIZE = 10;

const MEMBERS = [
  'query',
  'from',
  'size',
  'sort',
  'search_after',
  '_source',
  'track_total_hits',
  'track_scores',
  'highlight',
  'aggs',
  'aggregations',
  'min_score',
  'version',
  'seq_no_primary_term',
  'timeout',
];

export function search(request: Request): Reply {
  const started = performance.now();
  const searched = scopes(request);
  const result = runSearch(searched, parseSearch(request));
  const { total, ...hits } = result.hits;
  const shown = isTrue(request.params, 'rest_total_hits_as_int') ? total?.value : total;
  const { successful } = shardCounts(searched.map(({ index }) => index));
  return {
    body: {
      took: Math.round(performance.now() - started),
      timed_out: false,
      _shards: { total: successful, successful, skipped: 0, failed: 0 },
      hits: { total: shown, ...hits },
      aggregations: result.aggregations,
    },
  };
}

export function count(request: Request): Reply {
  const json = parseBody(request.body);
  const unknown = Object.keys(json).find(name => name !== 'query');
  if (unknown !== undefined) throw refuse(400, 'parsing_exception', `request does not support [${unknown}]`);
  const searched = scopes(request);
  const { successful } = shardCounts(searched.map(({ index }) => index));
  const hits = searched.flatMap(scope => matches(scope, json.query));
  return { body: { count: hits.length, _shards: { total: successful, successful, skipped: 0, failed: 0 } } };
}

/** The body, with the URL's parameters on top. */
function parseSearch({ params, body }: Request): SearchRequest {
  const json = { ...parseBody(body), ...paramsAsBody(params) };
  const unknown = Object.keys(json).find(name => !MEMBERS.includes(name));
  if (unknown !== undefined) throw notSpoken(`[${unknown}] in _search`);
  const from = nonNegative(json, 'from', 0);
  const size = nonNegative(json, 'size', DEFAULT_SIZE);
  if (json.search_after !== undefined && from > 0) {
    throw invalid('`from` parameter must be set to 0 when `search_after` is used.');
  }
  const urlFilter = sourceParams(params);
  return {
    query: json.query,
    from,
    size,
    sort: json.sort,
    searchAfter: Array.isArray(json.search_after) ? json.search_after : undefined,
    source: urlFilter === 'all' ? parseSourceFilter(json._source) : urlFilter,
    trackTotalHits: trackTotalHits(json.track_total_hits),
    trackScores: json.track_scores === true,
    highlight: isObject(json.highlight) ? json.highlight : undefined,
    aggregations: (json.aggs ?? json.aggregations) as JsonObject | undefined,
    minScore: json.min_score === undefined ? undefined : Number(json.min_score),
    showVersion: json.version === true,
    showSeqNo: json.seq_no_primary_term === true,
  };
}

function paramsAsBody(params: ReadonlyMap<string, string>): JsonObject {
  const found: [string, Json][] = [];
  for (const name of ['from', 'size', 'track_total_hits', 'track_scores', 'version', 'seq_no_primary_term']) {
    const value = params.get(name);
    if (value !== undefined) found.push([name, /^-?\d+$/.test(value) ? Number(value) : value !== 'false']);
  }
  const sort = params.get('sort');
  if (sort !== undefined) found.push(['sort', parseSortParam(sort)]);
  return Object.fromEntries(found);
}

function nonNegative(json: JsonObject, name: string, otherwise: number): number {
  const value = json[name] ?? otherwise;
  if (typeof value !== 'number' || !Number.isInteger(value))
    throw invalid(`Failed to parse int parameter [${name}] with value [${value}]`);
  if (value < 0) throw invalid(`[${name}] parameter cannot be negative, found [${value}]`);
  return value;
}

/** How many hits are counted: none, all, or up to a number. */
function trackTotalHits(json: Json | undefined): number {
  if (json === undefined) return DEFAULT_TRACK_TOTAL_HITS;
  if (typeof json === 'boolean') return json ? Number.POSITIVE_INFINITY : -1;
  if (typeof json === 'number' && json >= 0) return json;
  throw invalid(`value must be >= 0, got ${json}`);
}

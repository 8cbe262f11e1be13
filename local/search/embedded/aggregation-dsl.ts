import { bucketKinds } from './aggregation-buckets.ts';
import { metricKinds } from './aggregation-metrics.ts';
import type { Aggregation, Aggregations, Kind } from './aggregations.ts';
import { compositeKind } from './composite.ts';
import type { Index } from './document-index.ts';
import { isObject, type JsonObject } from './json.ts';
import { invalid, notSpoken, refuse } from './refusal.ts';

const KINDS: { readonly [kind: string]: Kind } = { ...metricKinds, ...bucketKinds, composite: compositeKind };

/** Aggregations of OpenSearch that the stand-in does not speak; any other name is nobody's. */
const OTHERS =
  'adjacency_matrix auto_date_histogram avg_bucket bucket_script bucket_selector bucket_sort children cumulative_sum ' +
  'date_range derivative diversified_sampler extended_stats extended_stats_bucket geo_bounds geo_centroid geo_distance ' +
  'geohash_grid geotile_grid global ip_range matrix_stats max_bucket median_absolute_deviation min_bucket missing moving_avg ' +
  'moving_fn multi_terms nested parent percentile_ranks percentiles percentiles_bucket rare_terms reverse_nested sampler ' +
  'scripted_metric serial_diff significant_terms significant_text stats_bucket sum_bucket top_hits ' +
  'variable_width_histogram weighted_avg';

export function parseAggregations(json: JsonObject, indices: readonly Index[]): Aggregations {
  return new Map(Object.entries(json).map(([name, body]) => [name, parseOne(name, body as JsonObject, indices)]));
}

function parseOne(name: string, body: JsonObject, indices: readonly Index[]): Aggregation {
  const { aggs, aggregations, meta, ...kinds } = body;
  const [kind, ...more] = Object.keys(kinds);
  if (kind === undefined) throw refuse(400, 'parsing_exception', `Missing definition for aggregation [${name}]`);
  if (more.length > 0) {
    const reason = `Found two aggregation type definitions in [${name}]: [${kind}] and [${more[0]}]`;
    throw refuse(400, 'parsing_exception', reason);
  }
  const make = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  if (!make && OTHERS.split(' ').includes(kind)) throw notSpoken(`aggregation [${kind}]`);
  if (!make) throw refuse(400, 'parsing_exception', `Unknown aggregation type [${kind}]`);
  const options = kinds[kind];
  if (!isObject(options)) throw invalid(`aggregation [${name}] of type [${kind}] is no object`);
  const inside = aggs ?? aggregations;
  const inner = isObject(inside) ? parseAggregations(inside, indices) : new Map();
  const aggregation = make(options, { indices, name, inner });
  return hits => ({ ...(meta !== undefined && { meta }), ...aggregation(hits) });
}

import type { Answer } from './answer.ts';
import type { Index } from './document-index.ts';
import type { Reply, Request } from './http.ts';
import { resolve, shardCounts } from './indices.ts';
import { notSpoken } from './refusal.ts';

/** Speaks as OpenSearch does, and says what it is in the tagline and in a header of every answer. */
export function info(): Reply {
  return {
    body: {
      name: 'stand-in',
      cluster_name: 'distributary',
      cluster_uuid: 'stand-in',
      version: {
        distribution: 'opensearch',
        number: '3.6.0',
        build_type: 'stand-in',
        build_hash: 'unknown',
        build_snapshot: false,
        lucene_version: '10.4.0',
        minimum_wire_compatibility_version: '2.19.0',
        minimum_index_compatibility_version: '2.0.0',
      },
      tagline: "distributary's embedded stand-in for OpenSearch",
    },
  };
}

const STATUSES = ['green', 'yellow', 'red'];

/** A status waited for never comes by waiting: on one node nothing changes by itself. */
export function health(request: Request): Reply {
  const { at, params, engine } = request;
  const there =
    at.index === undefined ||
    at.index.split(',').every(name => name.includes('*') || engine.indices.has(name) || engine.behind(name).length > 0);
  if (params.has('level') && params.get('level') !== 'cluster') throw notSpoken(`[level=${params.get('level')}]`);
  const indices = there ? resolve(request) : [];
  const status = there ? (indices.some(index => index.health === 'yellow') ? 'yellow' : 'green') : 'red';
  const wanted = params.get('wait_for_status');
  const timedOut = !there || (wanted !== undefined && STATUSES.indexOf(status) > STATUSES.indexOf(wanted));
  const { total, successful: active } = shardCounts(indices);
  return {
    status: timedOut ? 408 : 200,
    body: {
      cluster_name: 'distributary',
      status,
      timed_out: timedOut,
      number_of_nodes: 1,
      number_of_data_nodes: 1,
      discovered_master: true,
      discovered_cluster_manager: true,
      active_primary_shards: active,
      active_shards: active,
      relocating_shards: 0,
      initializing_shards: 0,
      unassigned_shards: total - active,
      delayed_unassigned_shards: 0,
      number_of_pending_tasks: 0,
      number_of_in_flight_fetch: 0,
      task_max_waiting_in_queue_millis: 0,
      active_shards_percent_as_number: total === 0 ? 100 : (100 * active) / total,
    },
  };
}

export function catIndices(request: Request): Reply {
  const { params } = request;
  if (params.get('format') !== 'json') throw notSpoken('_cat without format=json');
  const bytes = params.get('bytes');
  if (bytes !== undefined && bytes !== 'b') throw notSpoken(`[bytes=${bytes}]`);
  const columns = params.get('h')?.split(',');
  const rows = resolve(request).map(index => {
    const row = catRow(index, bytes === 'b');
    const unknown = columns?.find(column => !(column in row));
    if (unknown !== undefined) throw notSpoken(`column [${unknown}] of _cat/indices`);
    return columns ? Object.fromEntries(columns.map(column => [column, row[column]])) : row;
  });
  return { body: rows };
}

function catRow(index: Index, inBytes: boolean): { readonly [column: string]: string } {
  const size = inBytes ? String(index.shard.bytes) : `${(index.shard.bytes / 1024).toFixed(1)}kb`;
  return {
    health: index.health,
    status: 'open',
    index: index.name,
    uuid: index.uuid,
    pri: String(index.primaries),
    rep: String(index.copies / index.primaries - 1),
    'docs.count': String(index.shard.docs.length),
    'docs.deleted': '0',
    'store.size': size,
    'pri.store.size': size,
  };
}

const METRICS = ['docs', 'store'];

/** The two figures that say something of a stand-in: documents that searches see, and bytes of their sources. */
export function stats(request: Request): Reply {
  const asked = (request.at.metric ?? '_all').split(',');
  const metrics = asked.includes('_all') ? METRICS : asked;
  const unknown = metrics.find(metric => !METRICS.includes(metric));
  if (unknown !== undefined) throw notSpoken(`[${unknown}] of _stats`);
  const figures = (indices: readonly Index[]): Answer => {
    const count = indices.reduce((sum, { shard }) => sum + shard.docs.length, 0);
    const bytes = indices.reduce((sum, { shard }) => sum + shard.bytes, 0);
    return {
      ...(metrics.includes('docs') && { docs: { count, deleted: 0 } }),
      ...(metrics.includes('store') && { store: { size_in_bytes: bytes, reserved_in_bytes: 0 } }),
    };
  };
  const both = (indices: readonly Index[]) => ({ primaries: figures(indices), total: figures(indices) });
  const indices = resolve(request);
  return {
    body: {
      _shards: shardCounts(indices),
      _all: both(indices),
      indices: Object.fromEntries(indices.map(index => [index.name, { uuid: index.uuid, ...both([index]) }])),
    },
  };
}

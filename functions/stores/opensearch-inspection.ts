import type { Concern, Target } from '../../core/store.ts';
import { ask, type OpenSearch } from './opensearch-client.ts';
import { fieldConcerns, type Mapping } from './opensearch-fields.ts';
import { type IndexDefinition, writesTo } from './opensearch-index.ts';

interface IndexAnswer {
  readonly aliases?: Readonly<Record<string, object>>;
  readonly mappings?: Mapping;
  readonly settings?: { readonly index?: { readonly blocks?: Readonly<Record<string, string>> } };
}

interface Health {
  readonly status: 'green' | 'yellow' | 'red';
  readonly unassigned_shards: number;
  readonly number_of_data_nodes: number;
}

interface NodeStats {
  readonly nodes: Readonly<Record<string, { readonly fs?: { readonly total?: FileSystem } }>>;
}
interface FileSystem {
  readonly total_in_bytes: number;
  readonly available_in_bytes: number;
}

/** OpenSearch places no new shards on a node above this (`cluster.routing.allocation.disk.watermark.low`). */
const FULL = 0.85;

/** The index as it is, against the definition that one made now would have; and the cluster that it lives in. */
export async function inspectIndex(
  client: OpenSearch,
  { name }: Target,
  wanted: IndexDefinition,
): Promise<readonly Concern[]> {
  const { body } = await ask<Record<string, IndexAnswer>>(client, { method: 'GET', path: `/${name}` });
  const index = body[name] ?? {};
  const concerns = [...fieldConcerns(wanted.mappings, index.mappings ?? {}), ...blockConcerns(index)];
  if (index.aliases?.[writesTo(name)] === undefined) {
    const todo = 'rebuild the store: nothing can be written to this target';
    concerns.push({ severity: 'broken', what: `alias ${writesTo(name)} is gone`, todo });
  }
  return [...concerns, ...(await clusterConcerns(client, name)), ...(await diskConcerns(client))];
}

function* blockConcerns({ settings }: IndexAnswer): Iterable<Concern> {
  for (const [block, state] of Object.entries(settings?.index?.blocks ?? {})) {
    if (state !== 'true') continue;
    const todo = 'free or add storage, then clear the block in the settings of the index';
    yield { severity: 'broken', what: `the index is blocked: ${block}`, todo };
  }
}

async function clusterConcerns(client: OpenSearch, name: string): Promise<readonly Concern[]> {
  const path = `/_cluster/health/${name}`;
  const { body } = await ask<Health>(client, { method: 'GET', path, expect: [408] });
  const { status, unassigned_shards: unassigned, number_of_data_nodes: nodes } = body;
  const what = `health is ${status}: ${unassigned} shards have no node`;
  if (status === 'red') return [{ severity: 'broken', what, todo: 'look at the nodes; rebuild what they have lost' }];
  // One node has nowhere to put a replica, and is asked for none.
  if (status === 'yellow' && nodes > 1) {
    return [{ severity: 'risk', what, todo: 'look at the nodes: one more failure loses documents until a rebuild' }];
  }
  return [];
}

/** A service that does not tell its disks has metrics for them. */
async function diskConcerns(client: OpenSearch): Promise<readonly Concern[]> {
  const path = '/_nodes/stats/fs';
  const answer = await ask<NodeStats>(client, { method: 'GET', path, expect: [400, 401, 403, 404, 501] });
  if (answer.status >= 300) return [];
  return Object.values(answer.body.nodes).flatMap(({ fs }) => {
    const { total_in_bytes: total = 0, available_in_bytes: free = 0 } = fs?.total ?? {};
    const used = total > 0 ? 1 - free / total : 0;
    if (used < FULL) return [];
    const what = `a node's disk is ${Math.round(used * 100)}% full`;
    return [{ severity: 'risk' as const, what, todo: 'add storage: above 95% OpenSearch refuses every write' }];
  });
}

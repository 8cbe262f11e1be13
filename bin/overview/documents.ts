import type { ProjectedContract } from '../../core/store-contract.ts';
import { counting, manifest } from '../../functions/stores/parquet-manifest.ts';
import { bucketObjects } from '../../functions/stores/parquet-objects.ts';
import type { Endpoints } from '../../local/endpoints.ts';
import type { OpenStores } from '../../local/verification/open-stores.ts';
import { countArchived, countItems, countSearched } from '../../local/verification/readers-view.ts';

/** How many documents a store has; undefined while it does not answer, or not in time. */
export type CountDocuments = (contract: ProjectedContract) => Promise<number | undefined>;

/** Counting a table means reading it: not at every look, and not for long. */
const COUNTED_FOR_MS = 10_000;
const COUNT_WITHIN_MS = 3_000;

export function documentCounter(endpoints: Endpoints, stores: OpenStores): CountDocuments {
  const counted = new Map<string, { readonly at: number; readonly documents: Promise<number | undefined> }>();
  return contract => {
    const known = counted.get(contract.store_name);
    if (known && Date.now() - known.at < lifeOf(contract)) return known.documents;
    // What does not answer has no number; its queues and its watermark tell why.
    const documents = count(contract, endpoints, stores).catch(() => undefined);
    counted.set(contract.store_name, { at: Date.now(), documents });
    return documents;
  };
}

const READ_WHOLE = new Set(['dynamodb', 's3-object-lock']);
const lifeOf = ({ engine }: ProjectedContract): number => (READ_WHOLE.has(engine) ? COUNTED_FOR_MS : 0);

async function count(
  contract: ProjectedContract,
  endpoints: Endpoints,
  { control, dynamo, s3 }: OpenStores,
): Promise<number | undefined> {
  const place = endpoints.stores[contract.store_name]!;
  if (contract.engine === 'opensearch') return countSearched(endpoints, place);
  const { current } = await control.readTargets(contract.store_name);
  if (!current) return undefined;
  if (contract.engine === 'dynamodb') return countItems(dynamo, current.name, AbortSignal.timeout(COUNT_WITHIN_MS));
  if (contract.engine === 's3-object-lock') return countArchived(s3, place.bucket!, current.name);
  const files = await manifest(control, bucketObjects(s3, place.bucket!)).entries(current);
  return counting(files).reduce((rows, file) => rows + file.rows, 0);
}

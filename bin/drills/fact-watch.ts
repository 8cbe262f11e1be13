import type { Target } from '../../core/store.ts';
import type { ProjectedContract } from '../../core/store-contract.ts';
import { inFlight } from '../../functions/in-flight.ts';
import { decodeFacts, factFormat } from '../../functions/stores/parquet-file.ts';
import { counting, manifest } from '../../functions/stores/parquet-manifest.ts';
import { sliceOf } from '../../functions/stores/parquet-newest.ts';
import { bucketObjects, FILES_IN_FLIGHT, ObjectGone } from '../../functions/stores/parquet-objects.ts';
import type { OpenStores } from '../../local/verification/open-stores.ts';

/** The newest version of a key that a target's files have, 0 if none. */
export type Look = () => Promise<number>;

/**
 * To find a key in files takes reading them: behind a backlog hundreds, too many for each look. So each file is read once. What
 * compaction takes away meanwhile is in a file that is new.
 */
export function watchFacts(
  { control, s3 }: Pick<OpenStores, 'control' | 's3'>,
  contract: ProjectedContract,
  { bucket, target }: { readonly bucket: string; readonly target: Target },
  key: string,
): Look {
  const format = factFormat(contract);
  const objects = bucketObjects(s3, bucket);
  const files = manifest(control, objects);
  const seen = new Set<string>();
  const slice = sliceOf(key);
  let newest = 0;
  return async () => {
    const unseen = counting(await files.entries(target)).filter(({ object }) => !seen.has(object));
    await inFlight(unseen, FILES_IN_FLIGHT, async ({ object, bytes }) => {
      const facts = await decodeFacts(format, objects.open(object, bytes), { documents: false, slice }).catch(error => {
        if (error instanceof ObjectGone) return [];
        throw error;
      });
      for (const { version } of facts) newest = Math.max(newest, version);
      seen.add(object);
    });
    return newest;
  };
}

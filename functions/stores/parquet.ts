import type { S3Client } from '@aws-sdk/client-s3';
import { digestOfScan, digestsOfScan, hullOf } from '../../core/digest.ts';
import { DistributaryError } from '../../core/errors.ts';
import { APPLIED, type Outcome, type Store, type Stored, type Target, type Write } from '../../core/store.ts';
import type { ProjectedContract } from '../../core/store-contract.ts';
import type { Control } from '../control.ts';
import { documentDefect } from './parquet-columns.ts';
import { draftOf } from './parquet-draft.ts';
import { type Fact, factFormat } from './parquet-file.ts';
import { inspectFiles } from './parquet-inspection.ts';
import { manifest } from './parquet-manifest.ts';
import { newestFact, newestFacts } from './parquet-newest.ts';
import { bucketObjects } from './parquet-objects.ts';
import { dayOf } from './parquet-time.ts';

export interface ParquetStoreOptions {
  readonly s3: S3Client;
  readonly control: Control;
  readonly contract: ProjectedContract;
  readonly bucket: string;
  /** Milliseconds since 1970. @default the clock */
  readonly now?: () => number;
}

/** A fact this large is a mistake in a contract; a change may be as large, and loses nothing by the limit. */
const MAX_DOCUMENT_BYTES = 5 * 1024 * 1024;

/**
 * Facts in Parquet files below `<target>/day=<day of commit>/`, for reports: every version of every aggregate that was
 * written, a row each. What a store holds under a key is its newest row. A write makes one file for each day it touches,
 * and is acknowledged when the file is in the manifest; compaction merges them. Nothing is ever changed or looked up on
 * the way, so `stale` is never said.
 */
export function parquetStore({ s3, control, contract, bucket, now = Date.now }: ParquetStoreOptions): Store {
  const format = factFormat(contract);
  const objects = bucketObjects(s3, bucket);
  const files = manifest(control, objects, now);
  const reader = { format, manifest: files, objects };

  async function mustExist(target: Target): Promise<void> {
    if (!(await files.exists(target))) {
      throw new DistributaryError('target-missing', `target ${target.name} of ${target.store} does not exist`);
    }
  }

  function refusal({ key, document }: Write): Outcome | undefined {
    if (document === null) return undefined;
    const bytes = Buffer.byteLength(JSON.stringify(document));
    const [code, what] =
      bytes > MAX_DOCUMENT_BYTES
        ? (['document-too-large', `${bytes} bytes, the store takes ${MAX_DOCUMENT_BYTES}`] as const)
        : (['document-refused', documentDefect(format.fields, document)] as const);
    return what === undefined
      ? undefined
      : { kind: 'refused', error: new DistributaryError(code, `document ${key}: ${what}`) };
  }

  async function add(target: Target, facts: readonly Fact[]): Promise<Outcome> {
    try {
      await mustExist(target);
      await files.add(target, draftOf(format, facts));
      return APPLIED;
    } catch (error) {
      if (error instanceof DistributaryError) return { kind: 'unavailable', error };
      throw error;
    }
  }

  async function* scan(target: Target, range: object, documents: boolean): AsyncGenerator<Stored> {
    await mustExist(target);
    for await (const { extractedAt: _, ...stored } of newestFacts(reader, target, range, { documents })) yield stored;
  }

  return {
    engine: 's3',
    maxDocumentBytes: MAX_DOCUMENT_BYTES,
    visibleAfterSeconds: 0,
    keepsHistory: true,

    async write(target, writes) {
      const outcomes = writes.map(refusal);
      const extractedAt = now();
      const accepted = [...writes.keys()].filter(index => outcomes[index] === undefined);
      const days = Map.groupBy(accepted, index => dayOf(writes[index]!.committedAt));
      await Promise.all(
        [...days.values()].map(async indexes => {
          const facts = indexes.map((index): Fact => ({ ...writes[index]!, extractedAt }));
          const outcome = await add(target, facts);
          for (const index of indexes) outcomes[index] = outcome;
        }),
      );
      return outcomes as Outcome[];
    },

    async read(target, key) {
      await mustExist(target);
      const fact = await newestFact(reader, target, key);
      if (!fact) return undefined;
      const { extractedAt: _, ...stored } = fact;
      return stored;
    },

    scan: (target, range) => scan(target, range, true),
    digest: (target, range) => digestOfScan(scan(target, range, false)),
    // Any file may have any key: one pass over the manifest's files, not one for each range.
    digests: (target, ranges) => digestsOfScan(scan(target, hullOf(ranges), false), ranges),

    async inspect(target) {
      await mustExist(target);
      return inspectFiles(await files.entries(target), now());
    },

    create: target => files.create(target),
    async cutOver(to) {
      await mustExist(to);
      await control.cutOver(to);
    },
    withdraw: () => control.withdraw(contract.store_name),
    current: async () => (await control.readTargets(contract.store_name)).current,
    async drop(target) {
      await control.forgetTarget(target);
      await files.drop(target);
    },
  };
}

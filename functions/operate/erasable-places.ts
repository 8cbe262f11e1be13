import type { OperatedPlaces } from '../../core/environment.ts';
import { DistributaryError } from '../../core/errors.ts';
import type { Definition } from '../../core/projection.ts';
import type { Erasing } from '../compact/erasing.ts';
import type { Control } from '../control.ts';
import { factFormat } from '../stores/parquet-file.ts';
import { manifest } from '../stores/parquet-manifest.ts';
import { bucketObjects, s3Client } from '../stores/parquet-objects.ts';
import { type BucketEraser, bucketEraser } from './bucket-eraser.ts';

/** The files of a store that keeps facts. */
export interface ErasableFacts {
  readonly erasing: Erasing;
  readonly bucket: BucketEraser;
}

/** Where content lies that no store port reaches. */
export interface ErasablePlaces {
  /** States that travelled by reference, under aggregate and key. */
  readonly payloads: BucketEraser;
  /** The content of evidence, under tenant and case; nothing where no API takes any. */
  readonly evidence: BucketEraser | undefined;
  /** Nothing for a store that keeps none. */
  facts(store: string): ErasableFacts | undefined;
}

interface Places {
  readonly PAYLOAD_BUCKET?: string | undefined;
  readonly EVIDENCE_BUCKET?: string | undefined;
  readonly OPERATED_STORES: OperatedPlaces;
}

export function erasablePlaces(
  definitions: readonly Definition[],
  control: Control,
  { PAYLOAD_BUCKET, EVIDENCE_BUCKET, OPERATED_STORES }: Places,
  now: () => number,
): ErasablePlaces | undefined {
  if (PAYLOAD_BUCKET === undefined) return undefined;
  const s3 = s3Client();
  const facts = new Map<string, ErasableFacts>();
  for (const { contract } of definitions) {
    if (contract.engine !== 's3') continue;
    const { place } = OPERATED_STORES[contract.store_name]!;
    const objects = bucketObjects(s3, place);
    const erasing = { format: factFormat(contract), manifest: manifest(control, objects), objects, control, now };
    facts.set(contract.store_name, { erasing, bucket: bucketEraser(s3, place) });
  }
  return {
    payloads: bucketEraser(s3, PAYLOAD_BUCKET),
    evidence: EVIDENCE_BUCKET === undefined ? undefined : bucketEraser(s3, EVIDENCE_BUCKET, 'governed'),
    facts: store => facts.get(store),
  };
}

/** Throws `run-refused` in a function that erases nothing. */
export function mustErase({ erasable }: { readonly erasable: ErasablePlaces | undefined }): ErasablePlaces {
  if (erasable) return erasable;
  const hint = 'ask the operations function of the pipeline';
  throw new DistributaryError('run-refused', 'this function operates a store of its own, and erases nothing', { hint });
}

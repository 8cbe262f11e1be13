import type { S3Client } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import type { OperatedPlaces } from '../../../core/environment.ts';
import { DistributaryError } from '../../../core/errors.ts';
import type { Definition } from '../../../core/projection.ts';
import type { Erasing } from '../../compact/erasing.ts';
import type { Control } from '../../control.ts';
import { factFormat } from '../../stores/parquet-file.ts';
import { manifest } from '../../stores/parquet-manifest.ts';
import { bucketObjects } from '../../stores/parquet-objects.ts';
import { s3Client } from '../../stores/s3-client.ts';
import { type BucketEraser, bucketEraser } from './bucket-eraser.ts';
import { type BucketHolds, bucketHolds } from './bucket-holds.ts';
import { listenersOf, queueOwner } from './listeners.ts';

/** The files of a store that keeps facts. */
export interface ErasableFacts {
  readonly erasing: Erasing;
  readonly bucket: BucketEraser;
}

/** What lies between the stores, and who gets the changes. */
export interface BetweenStores {
  /** States that travelled by reference, under aggregate and key. */
  readonly payloads: BucketEraser;
  /** The content of evidence, under tenant and case; nothing where no API takes any. */
  readonly evidence: BucketEraser | undefined;
  /** Its legal holds. */
  readonly evidenceHolds: BucketHolds | undefined;
  /** ARNs of all that is subscribed to the changes. */
  listeners(): Promise<readonly string[]>;
  /** The store whose queue it is; nothing when it is named after none. */
  storeOfQueue(arn: string): string | undefined;
}

/** Where content lies that no store port reaches. */
export interface ErasablePlaces {
  /** Nothing in the hands of a team's function: who erases is the pipeline, which asks it for its own store. */
  readonly between: BetweenStores | undefined;
  /** Nothing for a store that keeps none. */
  facts(store: string): ErasableFacts | undefined;
}

interface Places {
  readonly TOPIC_ARN?: string | undefined;
  readonly PAYLOAD_BUCKET?: string | undefined;
  readonly EVIDENCE_BUCKET?: string | undefined;
  readonly OPERATED_STORES: OperatedPlaces;
}

export function erasablePlaces(
  definitions: readonly Definition[],
  control: Control,
  environment: Places,
  now: () => number,
): ErasablePlaces {
  const { OPERATED_STORES } = environment;
  const s3 = s3Client();
  const facts = new Map<string, ErasableFacts>();
  for (const { contract } of definitions) {
    if (contract.engine !== 's3') continue;
    const { place } = OPERATED_STORES[contract.store_name]!;
    const objects = bucketObjects(s3, place);
    const erasing = { format: factFormat(contract), manifest: manifest(control, objects), objects, control, now };
    facts.set(contract.store_name, { erasing, bucket: bucketEraser(s3, place) });
  }
  return { between: betweenStores(s3, environment), facts: store => facts.get(store) };
}

function betweenStores(
  s3: S3Client,
  { TOPIC_ARN, PAYLOAD_BUCKET, EVIDENCE_BUCKET, OPERATED_STORES }: Places,
): BetweenStores | undefined {
  if (TOPIC_ARN === undefined || PAYLOAD_BUCKET === undefined) return undefined;
  const sns = new SNSClient();
  return {
    payloads: bucketEraser(s3, PAYLOAD_BUCKET),
    evidence: EVIDENCE_BUCKET === undefined ? undefined : bucketEraser(s3, EVIDENCE_BUCKET, 'governed'),
    evidenceHolds: EVIDENCE_BUCKET === undefined ? undefined : bucketHolds(s3, EVIDENCE_BUCKET),
    listeners: () => listenersOf(sns, TOPIC_ARN),
    storeOfQueue: queueOwner(OPERATED_STORES),
  };
}

/** Throws `run-refused` in a team's function, which erases only what it is asked to. */
export function mustErase({ erasable }: { readonly erasable: ErasablePlaces }): BetweenStores {
  if (erasable.between) return erasable.between;
  const hint = 'ask the operations function of the pipeline';
  const what = 'this function operates a store of its own, and erases when the pipeline asks it to';
  throw new DistributaryError('run-refused', what, { hint });
}

import { GetObjectLegalHoldCommand, PutObjectLegalHoldCommand, type S3Client } from '@aws-sdk/client-s3';
import { bucketError } from '../../stores/s3-client.ts';
import { bucketEraser, type ObjectVersion } from './bucket-eraser.ts';

/** The legal holds of a bucket's objects. */
export interface BucketHolds {
  /** Brings every version below a prefix to this; how many it changed. Safe to repeat. */
  bring(prefix: string, held: boolean): Promise<number>;
}

/** What S3 answers of an object on which no hold was ever placed. */
const NEVER_HELD = 'NoSuchObjectLockConfiguration';

export function bucketHolds(client: S3Client, bucket: string): BucketHolds {
  const objects = bucketEraser(client, bucket);
  const placeOf = ({ key: Key, id: VersionId }: ObjectVersion) => ({
    Bucket: bucket,
    Key,
    ...(VersionId !== undefined && { VersionId }),
  });

  async function isHeld(version: ObjectVersion): Promise<boolean> {
    try {
      const { LegalHold } = await client.send(new GetObjectLegalHoldCommand(placeOf(version)));
      return LegalHold?.Status === 'ON';
    } catch (error) {
      if (error instanceof Error && error.name === NEVER_HELD) return false;
      throw error;
    }
  }

  async function bringOne(version: ObjectVersion, held: boolean): Promise<boolean> {
    try {
      if ((await isHeld(version)) === held) return false;
      const LegalHold = { Status: held ? ('ON' as const) : ('OFF' as const) };
      await client.send(new PutObjectLegalHoldCommand({ ...placeOf(version), LegalHold }));
      return true;
    } catch (cause) {
      throw bucketError(bucket, cause);
    }
  }

  return {
    async bring(prefix, held) {
      let changed = 0;
      for await (const version of objects.versions(prefix)) {
        if (!version.isMarker && (await bringOne(version, held))) changed += 1;
      }
      return changed;
    },
  };
}

import { createHash } from 'node:crypto';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  PutObjectLegalHoldCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { bucketError } from './s3-client.ts';

/** What forbids to delete or replace an object: until when, under which mode, and whether a legal hold does too. */
export interface Lock {
  readonly mode: 'governance' | 'compliance';
  /** Milliseconds since 1970; in the future. */
  readonly until: number;
  readonly held: boolean;
}

/** The objects of one bucket with object lock. What is written under a key is never written again. */
export interface ArchiveObjects {
  /** `there` when the key has been written before: it keeps what it has. Without a lock the object may be removed. */
  put(key: string, text: string, lock?: Lock): Promise<'written' | 'there'>;
  get(key: string): Promise<string | undefined>;
  /** Keys that start with `prefix` and come after `after`, in the order of their text. */
  list(prefix: string, after?: string): AsyncIterable<string>;
  /** Places a legal hold on the object, or lifts it. */
  hold(key: string, held: boolean): Promise<void>;
  /** Out of sight. A version that is locked stays until its lock ends. */
  remove(key: string): Promise<void>;
  /** Every version of it, for good, past a lock of governance mode. Nothing passes a legal hold: then `held`. */
  erase(key: string): Promise<'erased' | 'held'>;
}

/**
 * Writes what is not there yet, and says what is there now; nothing when that has been removed meanwhile. Asks before it
 * writes, for where a bucket does not know of conditions; S3 itself refuses the second of two that meet.
 */
export async function putOnce(
  objects: ArchiveObjects,
  key: string,
  text: string,
  lock?: Lock,
): Promise<{ readonly outcome: 'written' | 'there'; readonly kept: string | undefined }> {
  const before = await objects.get(key);
  if (before !== undefined) return { outcome: 'there', kept: before };
  const outcome = await objects.put(key, text, lock);
  return { outcome, kept: outcome === 'written' ? text : await objects.get(key) };
}

export function archiveObjects(client: S3Client, bucket: string): ArchiveObjects {
  async function onBucket<T>(request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (cause) {
      throw bucketError(bucket, cause);
    }
  }

  return {
    put: (key, text, lock) =>
      onBucket(async () => {
        try {
          await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, ...bodyOf(text), ...headersOf(lock) }));
          return 'written';
        } catch (error) {
          if (error instanceof Error && error.name === 'PreconditionFailed') return 'there';
          throw error;
        }
      }),

    get: key =>
      onBucket(async () => {
        try {
          const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
          return await Body!.transformToString();
        } catch (error) {
          if (error instanceof Error && error.name === 'NoSuchKey') return undefined;
          throw error;
        }
      }),

    async *list(prefix, after) {
      let token: string | undefined;
      do {
        const page = new ListObjectsV2Command({
          Bucket: bucket,
          Prefix: prefix,
          StartAfter: after,
          ContinuationToken: token,
        });
        const { Contents = [], NextContinuationToken } = await onBucket(() => client.send(page));
        for (const { Key } of Contents) yield Key!;
        token = NextContinuationToken;
      } while (token);
    },

    async hold(key, held) {
      const Status = held ? 'ON' : 'OFF';
      const hold = new PutObjectLegalHoldCommand({ Bucket: bucket, Key: key, LegalHold: { Status } });
      await onBucket(() => client.send(hold));
    },

    async remove(key) {
      await onBucket(() => client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key })));
    },

    erase: key =>
      onBucket(async () => {
        const list = new ListObjectVersionsCommand({ Bucket: bucket, Prefix: key });
        const { Versions = [], DeleteMarkers = [] } = await client.send(list);
        const ids = [...Versions, ...DeleteMarkers].filter(({ Key }) => Key === key).map(({ VersionId }) => VersionId);
        try {
          // A bucket without versions lists none.
          for (const VersionId of ids.length > 0 ? ids : [undefined]) {
            await client.send(
              new DeleteObjectCommand({ Bucket: bucket, Key: key, VersionId, BypassGovernanceRetention: true }),
            );
          }
          return 'erased';
        } catch (error) {
          if (error instanceof Error && error.name === 'AccessDenied') return 'held';
          throw error;
        }
      }),
  };
}

/** S3 compares the checksum with what arrived, and keeps it beside the object. */
const bodyOf = (text: string) => ({
  Body: text,
  ContentType: 'application/json',
  ChecksumSHA256: createHash('sha256').update(text).digest('base64'),
  IfNoneMatch: '*',
});

const headersOf = (lock: Lock | undefined) =>
  lock && {
    ObjectLockMode: lock.mode === 'compliance' ? ('COMPLIANCE' as const) : ('GOVERNANCE' as const),
    ObjectLockRetainUntilDate: new Date(lock.until),
    ...(lock.held && { ObjectLockLegalHoldStatus: 'ON' as const }),
  };

import {
  DeleteObjectCommand,
  type DeleteObjectCommandInput,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { bucketError } from '../../stores/s3-client.ts';

export interface ObjectsErased {
  /** Versions, delete markers included. */
  readonly removed: number;
  /** Keys that a legal hold or an object lock keeps. */
  readonly refused: readonly string[];
}

/** One version of an object; without an id where a bucket keeps no versions. */
export interface ObjectVersion {
  readonly key: string;
  readonly id: string | undefined;
  readonly isLatest: boolean;
  /** Says that the object was deleted, and has no content. */
  readonly isMarker: boolean;
}

export interface BucketEraser {
  /** Every version below a prefix. */
  versions(prefix: string): AsyncIterable<ObjectVersion>;
  /** The first part of the keys there are, with its slash. */
  folders(): Promise<readonly string[]>;
  erase(versions: readonly ObjectVersion[]): Promise<ObjectsErased>;
}

/**
 * Removes objects with all their versions, for good. An object under a legal hold or a lock that is not over stays, and is
 * told of: who releases it does so where it was placed. `governed`: a retention under governance is bypassed, for whoever
 * erases has decided that it is over; nothing bypasses a hold.
 */
export function bucketEraser(client: S3Client, bucket: string, lock: 'none' | 'governed' = 'none'): BucketEraser {
  const onBucket = async <T>(request: () => Promise<T>): Promise<T> => {
    try {
      return await request();
    } catch (cause) {
      if (isLocked(cause)) throw cause;
      throw bucketError(bucket, cause);
    }
  };

  async function* versions(prefix: string): AsyncGenerator<ObjectVersion> {
    const seen = new Set<string>();
    let at: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } | undefined = {};
    while (at) {
      const list = new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix, ...at });
      const page: ListObjectVersionsCommandOutput = await onBucket(() => client.send(list));
      const { Versions = [], DeleteMarkers = [] } = page;
      for (const found of [...Versions, ...DeleteMarkers]) {
        const { Key, VersionId, IsLatest } = found;
        seen.add(Key!);
        yield { key: Key!, id: VersionId, isLatest: IsLatest === true, isMarker: !('Size' in found) };
      }
      const { IsTruncated, NextKeyMarker: KeyMarker, NextVersionIdMarker: VersionIdMarker } = page;
      at = IsTruncated && KeyMarker !== undefined ? { KeyMarker, VersionIdMarker } : undefined;
    }
    // An emulator that knows of no versions lists none.
    let ContinuationToken: string | undefined;
    do {
      const list = new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken });
      const { Contents = [], NextContinuationToken } = await onBucket(() => client.send(list));
      for (const { Key } of Contents) {
        if (!seen.has(Key!)) yield { key: Key!, id: undefined, isLatest: true, isMarker: false };
      }
      ContinuationToken = NextContinuationToken;
    } while (ContinuationToken !== undefined);
  }

  return {
    versions,

    async folders() {
      const folders = new Set<string>();
      const Delimiter = '/';
      const current = await onBucket(() => client.send(new ListObjectsV2Command({ Bucket: bucket, Delimiter })));
      const former = await onBucket(() => client.send(new ListObjectVersionsCommand({ Bucket: bucket, Delimiter })));
      for (const { Prefix } of [...(current.CommonPrefixes ?? []), ...(former.CommonPrefixes ?? [])]) {
        if (Prefix !== undefined) folders.add(Prefix);
      }
      return [...folders];
    },

    async erase(found) {
      const refused: string[] = [];
      for (const { key: Key, id: VersionId } of found) {
        const input: DeleteObjectCommandInput = {
          Bucket: bucket,
          Key,
          ...(VersionId !== undefined && { VersionId }),
          ...(lock === 'governed' && { BypassGovernanceRetention: true }),
        };
        try {
          await onBucket(() => client.send(new DeleteObjectCommand(input)));
        } catch (error) {
          if (!isLocked(error)) throw error;
          refused.push(Key);
        }
      }
      return { removed: found.length - refused.length, refused };
    },
  };
}

/** S3 says no more of an object that a lock or a hold keeps. */
const isLocked = (error: unknown): boolean => error instanceof Error && error.name === 'AccessDenied';

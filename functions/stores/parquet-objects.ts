import {
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import type { AsyncBuffer } from 'hyparquet';
import { DistributaryError } from '../../core/errors.ts';

/** The queue repeats what failed, so a call need not: one repetition for a connection that idled too long. */
const MAX_ATTEMPTS = 2;
const CONNECTION_TIMEOUT_MS = 1000;
/** The largest file takes a second or two on a slow function. */
const REQUEST_TIMEOUT_MS = 20_000;
/** A file up to this size is fetched whole: one request instead of three. */
const WHOLE_BYTES = 1024 * 1024;

/** Files read or removed at once. */
export const FILES_IN_FLIGHT = 8;

/** A client with the limits that the store counts on. */
export const s3Client = (config: S3ClientConfig = {}): S3Client =>
  new S3Client({
    maxAttempts: MAX_ATTEMPTS,
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    },
    ...config,
  });

/** The objects of one bucket. A key is written once and never changed. */
export interface Objects {
  put(key: string, bytes: Uint8Array, contentType: string): Promise<void>;
  /** Reads by ranges; `bytes` is the object's size. Throws `ObjectGone` once somebody has removed it. */
  open(key: string, bytes: number): AsyncBuffer;
  remove(key: string): Promise<void>;
}

/** Compaction has removed the file after it was listed: list again. */
export class ObjectGone extends Error {
  override readonly name = 'ObjectGone';
}

export function bucketObjects(client: S3Client, bucket: string): Objects {
  const onBucket = async <T>(request: () => Promise<T>): Promise<T> => {
    try {
      return await request();
    } catch (cause) {
      if (cause instanceof Error && cause.name === 'NoSuchKey') throw new ObjectGone(cause.message, { cause });
      const said = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
      throw new DistributaryError('store-unavailable', `bucket ${bucket} did not answer: ${said}`, { cause });
    }
  };
  const get = (key: string, range?: string): Promise<ArrayBuffer> =>
    onBucket(async () => {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key, Range: range }));
      const bytes = await Body!.transformToByteArray();
      return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
    });

  return {
    async put(key, bytes, contentType) {
      const put = new PutObjectCommand({ Bucket: bucket, Key: key, Body: bytes, ContentType: contentType });
      await onBucket(() => client.send(put));
    },

    open(key, byteLength) {
      if (byteLength > WHOLE_BYTES) {
        return { byteLength, slice: (start, end = byteLength) => get(key, `bytes=${start}-${end - 1}`) };
      }
      let whole: Promise<ArrayBuffer> | undefined;
      return {
        byteLength,
        async slice(start, end) {
          whole ??= get(key);
          return (await whole).slice(start, end);
        },
      };
    },

    async remove(key) {
      await onBucket(() => client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key })));
    },
  };
}

import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { AsyncBuffer } from 'hyparquet';
import { bucketError } from './s3-client.ts';

/** A file up to this size is fetched whole: one request instead of three. */
const WHOLE_BYTES = 1024 * 1024;

/** Files read or removed at once. */
export const FILES_IN_FLIGHT = 8;

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
      throw bucketError(bucket, cause);
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

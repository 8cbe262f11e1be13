import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { DistributaryError } from '../../core/errors.ts';

/** The queue repeats what failed, so a call need not: one repetition for a connection that idled too long. */
const MAX_ATTEMPTS = 2;
const CONNECTION_TIMEOUT_MS = 1000;
/** The largest file takes a second or two on a slow function. */
const REQUEST_TIMEOUT_MS = 20_000;

/** A client with the limits that the stores count on. */
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

/** What a failed request means to who waits for the bucket: not now. */
export function bucketError(bucket: string, cause: unknown): DistributaryError {
  const said = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  return new DistributaryError('store-unavailable', `bucket ${bucket} did not answer: ${said}`, { cause });
}

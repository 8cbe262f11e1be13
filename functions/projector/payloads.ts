import { GetObjectCommand, NoSuchKey, type S3Client } from '@aws-sdk/client-s3';
import type { Change, JsonObject, ResolvedChange } from '../../core/change.ts';
import { DistributaryError } from '../../core/errors.ts';

/** Fetches the state of a change that travelled by reference. Throws `payload-missing` (never) or `change-unreadable` (later). */
export async function resolvePayload(s3: S3Client, change: Change): Promise<ResolvedChange> {
  if (change.kind !== 'parked') return change;
  const { dataref, ...header } = change;
  const [, Bucket, Key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(dataref) ?? [];
  try {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
    const state = JSON.parse((await Body?.transformToString()) ?? '') as JsonObject;
    return { ...header, kind: 'state', state };
  } catch (cause) {
    if (cause instanceof NoSuchKey) throw new DistributaryError('payload-missing', `${dataref} is gone`, { cause });
    throw new DistributaryError('change-unreadable', `${dataref} could not be read`, { cause });
  }
}

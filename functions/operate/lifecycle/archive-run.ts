import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import * as z from 'zod';
import { DistributaryError } from '../../../core/errors.ts';
import type { AggregateId } from '../../../core/version.ts';
import { s3Client } from '../../stores/s3-client.ts';
import type { OperateContext } from '../context.ts';
import { changeRetirement } from '../retire/retirement.ts';
import { DONE, type NextStep, type RunHandle, type RunKind } from '../runs/run-kind.ts';

/** Documents of one object, in memory at once. */
const PART_DOCUMENTS = 2000;

const partSchema = z.strictObject({ key: z.string(), documents: z.int(), sha256: z.string() });
const memoSchema = z.strictObject({
  target: z.string(),
  to: z.string(),
  after: z.string().nullable().default(null),
  parts: z.array(partSchema).default([]),
});

/** Copies all that a store holds to a bucket: JSON lines in parts, and a manifest by which each part can be proved. */
export const archiveRun: RunKind = { operation: 'archive', steps: { copy, conclude } };

/** The same part again writes the same object: a kill costs one part. */
async function copy(handle: RunHandle, context: OperateContext): Promise<NextStep> {
  const { store, name } = context.store(handle.run.store);
  const memo = memoSchema.parse(handle.run.memo);
  const place = placeOf(memo.to);
  const lines: string[] = [];
  let last: AggregateId | undefined;
  const range = memo.after === null ? {} : { from: memo.after as AggregateId };
  for await (const stored of store.scan({ store: name, name: memo.target }, range)) {
    if (stored.key === memo.after) continue;
    lines.push(JSON.stringify(stored));
    last = stored.key;
    if (lines.length === PART_DOCUMENTS) break;
  }
  if (last === undefined) return 'conclude';
  const body = gzipSync(`${lines.join('\n')}\n`);
  const key = `${place.prefix}/part-${String(memo.parts.length + 1).padStart(5, '0')}.jsonl.gz`;
  await put(place.bucket, key, body, 'application/gzip');
  const part = { key, documents: lines.length, sha256: createHash('sha256').update(body).digest('hex') };
  const parts = [...memo.parts, part];
  const done = parts.reduce((sum, { documents }) => sum + documents, 0);
  await handle.save({ memo: { after: last, parts }, progress: { done, total: 0, unit: 'documents' } });
  return lines.length < PART_DOCUMENTS ? 'conclude' : 'copy';
}

async function conclude(handle: RunHandle, context: OperateContext): Promise<NextStep> {
  const { name, definition } = context.store(handle.run.store);
  const { target, to, parts } = memoSchema.parse(handle.run.memo);
  const { bucket, prefix } = placeOf(to);
  const documents = parts.reduce((sum, part) => sum + part.documents, 0);
  const at = new Date(context.clock.now()).toISOString();
  const manifest = { store: name, target, at, contract: definition.contract, documents, parts };
  await put(bucket, `${prefix}/manifest.json`, Buffer.from(JSON.stringify(manifest, null, 2)), 'application/json');
  await changeRetirement(context.control, name, { archived: true });
  await handle.save({ report: { to, documents, parts: parts.length } });
  return DONE;
}

let client: S3Client | undefined;

async function put(Bucket: string, Key: string, Body: Uint8Array, ContentType: string): Promise<void> {
  client ??= s3Client();
  try {
    await client.send(new PutObjectCommand({ Bucket, Key, Body, ContentType }));
  } catch (cause) {
    const said = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    throw new DistributaryError('store-unavailable', `bucket ${Bucket} did not take ${Key}: ${said}`, { cause });
  }
}

export const ARCHIVE_PLACE = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\/([A-Za-z0-9._/-]{1,500}?)\/?$/;

function placeOf(to: string): { bucket: string; prefix: string } {
  const [, bucket, prefix] = ARCHIVE_PLACE.exec(to) ?? [];
  if (bucket === undefined || prefix === undefined)
    throw new DistributaryError('usage', `${to} is no s3://bucket/prefix`);
  return { bucket, prefix };
}

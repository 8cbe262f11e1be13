import { randomUUID } from 'node:crypto';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectLegalHoldCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { bucketEraser } from '../functions/operate/erase/bucket-eraser.ts';
import { bucketHolds } from '../functions/operate/erase/bucket-holds.ts';
import { archiveObjects } from '../functions/stores/archive-objects.ts';
import { readPlaces } from './aws/places.ts';

/** What local mode's S3 has no idea of: versions, locks and holds. On a bucket that is made here, by the emulator's own S3. */

const { region, credentials, s3: endpoint } = readPlaces().endpoints;
const client = new S3Client({ endpoint, region, credentials: { ...credentials }, forcePathStyle: true });
const Bucket = `locked-${randomUUID()}`;
beforeAll(() => client.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true })));
afterAll(() => client.destroy());

const HOUR_MS = 3_600_000;
const put = (Key: string, Body = 'x') => client.send(new PutObjectCommand({ Bucket, Key, Body }));
const locked = (Key: string) => {
  const ObjectLockRetainUntilDate = new Date(Date.now() + HOUR_MS);
  return client.send(
    new PutObjectCommand({ Bucket, Key, Body: 'x', ObjectLockMode: 'GOVERNANCE', ObjectLockRetainUntilDate }),
  );
};
async function versionsBelow(Prefix: string): Promise<number> {
  const { Versions = [], DeleteMarkers = [] } = await client.send(new ListObjectVersionsCommand({ Bucket, Prefix }));
  return Versions.length + DeleteMarkers.length;
}
async function erase(prefix: string, lock?: 'governed') {
  const eraser = bucketEraser(client, Bucket, lock);
  const found = [];
  for await (const version of eraser.versions(prefix)) found.push(version);
  return eraser.erase(found);
}

test('an erasure removes every version of an object, and the marker above them', async () => {
  for (const body of ['first', 'second', 'third']) await put('a/case/1', body);
  await client.send(new DeleteObjectCommand({ Bucket, Key: 'a/case/1' }));
  await put('a/case/2');
  await put('a/other/1');
  expect(await erase('a/case/')).toEqual({ removed: 5, refused: [] });
  expect(await versionsBelow('a/case/')).toBe(0);
  expect(await versionsBelow('a/other/')).toBe(1);
});

test('a lock under governance is passed by who may, and by nobody else', async () => {
  await locked('b/1');
  expect(await erase('b/')).toEqual({ removed: 0, refused: ['b/1'] });
  expect(await erase('b/', 'governed')).toEqual({ removed: 1, refused: [] });
  expect(await versionsBelow('b/')).toBe(0);
});

test('a hold is placed on every version, stops an erasure whoever asks, and lets it go once it is lifted', async () => {
  const holds = bucketHolds(client, Bucket);
  await put('c/1', 'former');
  await put('c/1');
  await locked('c/2');
  await client.send(new DeleteObjectCommand({ Bucket, Key: 'c/2' }));
  expect(await holds.bring('c/', true)).toBe(3);
  expect(await holds.bring('c/', true)).toBe(0);
  const { LegalHold } = await client.send(new GetObjectLegalHoldCommand({ Bucket, Key: 'c/1' }));
  expect(LegalHold?.Status).toBe('ON');
  // The marker was never held.
  expect(await erase('c/', 'governed')).toEqual({ removed: 1, refused: ['c/1', 'c/1', 'c/2'] });
  expect(await holds.bring('c/', false)).toBe(3);
  expect(await erase('c/', 'governed')).toEqual({ removed: 3, refused: [] });
  expect(await versionsBelow('c/')).toBe(0);
});

test('an archived version is written once, kept by its hold, and erased past its lock', async () => {
  const objects = archiveObjects(client, Bucket);
  const lock = { mode: 'governance', until: Date.now() + HOUR_MS, held: true } as const;
  expect(await objects.put('d/1', '{"a":1}', lock)).toBe('written');
  expect(await objects.put('d/1', '{"a":2}', lock)).toBe('there');
  expect(await objects.get('d/1')).toBe('{"a":1}');
  expect(await objects.erase('d/1')).toBe('held');
  await objects.hold('d/1', false);
  expect(await objects.erase('d/1')).toBe('erased');
  expect(await versionsBelow('d/')).toBe(0);
});

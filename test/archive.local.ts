import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { folderCopy } from '../bin/archive/folder-copy.ts';
import { archiveVerifyCommand } from '../bin/commands/archive-verify.ts';
import { manifestOf, nameOf, segmentOf } from '../core/archive.ts';
import { verifyArchive } from '../core/archive-verification.ts';
import type { Target, Write } from '../core/store.ts';
import { type Control, controlTable } from '../functions/control.ts';
import { type ArchiveStore, archiveStore } from '../functions/stores/archive.ts';
import { type ArchiveObjects, archiveObjects } from '../functions/stores/archive-objects.ts';
import { keyBlock, live, suiteContract, suiteDocument } from '../testing/store-samples.ts';
import { capturedTerminal } from './captured-terminal.ts';
import { BUCKET, CONTROL_TABLE, type ParquetServers, startParquetServers } from './parquet-servers.ts';

const DAY = 86_400_000;
const contract = suiteContract('kept', 's3-object-lock');
let servers: ParquetServers;
let control: Control;
let store: ArchiveStore;
let folder: string;
let targets = 0;

beforeAll(async () => {
  servers = await startParquetServers();
  control = controlTable({ client: servers.client, tableName: CONTROL_TABLE });
  store = archiveStore({ objects: onceEach(archiveObjects(withHolds(servers.s3), BUCKET)), control, contract });
  folder = mkdtempSync(join(tmpdir(), 'distributary-archive-'));
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await servers.close();
});

/** What the bucket was asked to lock; the embedded S3 keeps no locks, and would take a hold for an object's content. */
const asked: { command: string; input: Record<string, unknown> }[] = [];
function withHolds(s3: S3Client): S3Client {
  s3.middlewareStack.add(
    (next, context) => async args => {
      asked.push({ command: context.commandName!, input: args.input as Record<string, unknown> });
      if (context.commandName !== 'PutObjectLegalHoldCommand') return next(args);
      return { output: { $metadata: {} } as never, response: {} };
    },
    { step: 'initialize', name: 'noteRequests' },
  );
  return s3;
}
/** As S3 itself answers; the embedded one does not know of conditions. */
function onceEach(objects: ArchiveObjects): ArchiveObjects {
  const put: ArchiveObjects['put'] = async (key, text, lock) =>
    (await objects.get(key)) === undefined ? objects.put(key, text, lock) : 'there';
  return { ...objects, put };
}
const askedOf = (command: string) => asked.filter(each => each.command === command).map(({ input }) => input);

async function fresh(): Promise<Target> {
  const target = { store: 'kept', name: `kept.1.${++targets}` };
  await store.create(target);
  asked.length = 0;
  return target;
}

const held = (write: Write, urgent: boolean): Write => ({ ...write, document: { ...suiteDocument(1), urgent } });
const sealed = async (target: Target) => {
  const done = await store.seal(target, Date.now() + 60_000);
  return done!;
};

/** As `aws s3 sync` leaves it. */
async function copyOf(target: Target): Promise<string> {
  const place = join(folder, target.name);
  const objects = archiveObjects(servers.s3, BUCKET);
  for await (const object of objects.list(`${target.name}/`)) {
    mkdirSync(dirname(join(place, object)), { recursive: true });
    writeFileSync(join(place, object), (await objects.get(object))!);
  }
  return place;
}

test('a document is locked for the period from its commit on, a marker is not', async () => {
  const target = await fresh();
  const [kept, hidden] = keyBlock(2).keys;
  const committedAt = Date.now() - 10 * DAY;
  await store.write(target, [
    { ...live(kept!, 1), committedAt },
    { ...live(hidden!, 1), document: null },
  ]);
  const [locked, marker] = askedOf('PutObjectCommand');
  expect(locked).toMatchObject({
    ObjectLockMode: 'GOVERNANCE',
    ObjectLockRetainUntilDate: new Date(committedAt + 365 * DAY),
    IfNoneMatch: '*',
    ChecksumSHA256: expect.stringMatching(/^[A-Za-z0-9+/]{43}=$/),
  });
  expect(marker).toMatchObject({ IfNoneMatch: '*' });
  expect(marker).not.toHaveProperty('ObjectLockMode');
});

test('what comes in after its period is locked for a day', async () => {
  const target = await fresh();
  await store.write(target, [{ ...live(keyBlock(1).keys[0]!, 1), committedAt: Date.now() - 4000 * DAY }]);
  const [{ ObjectLockRetainUntilDate: until } = {}] = askedOf('PutObjectCommand');
  expect(Number(until)).toBeGreaterThan(Date.now() + DAY - 60_000);
});

test('a hold is placed on every version of its case, whatever the order, and lifted from them', async () => {
  const target = await fresh();
  const [key] = keyBlock(1).keys;
  const version = (n: number, urgent: boolean) => held(live(key!, n), urgent);
  const holds = () =>
    askedOf('PutObjectLegalHoldCommand').map(({ Key, LegalHold }) => [
      nameOf(Key as string)!.version & 0xff,
      (LegalHold as { Status: string }).Status,
    ]);

  await store.write(target, [version(1, false)]);
  expect(holds()).toEqual([]);
  await store.write(target, [version(3, true)]);
  expect(askedOf('PutObjectCommand')[1]).toMatchObject({ ObjectLockLegalHoldStatus: 'ON' });
  expect(holds()).toEqual([[1, 'ON']]);
  await store.write(target, [version(2, false)]);
  expect(holds().slice(1)).toEqual([[2, 'ON']]);
  await store.write(target, [version(4, true)]);
  expect(holds().slice(2)).toEqual([]);
  await store.write(target, [version(5, false)]);
  expect(holds().slice(2).sort()).toEqual([1, 2, 3, 4].map(n => [n, 'OFF']));
});

test('a copy is proved without anything else; the head of today is in the chain of tomorrow', async () => {
  const target = await fresh();
  const writes = keyBlock(30).keys.map((key, index) => live(key, 1 + (index % 3)));
  await store.write(target, writes.slice(0, 10));
  expect(await sealed(target)).toEqual({ segments: 1, entries: 10 });
  const first = await verifyArchive(folderCopy(await copyOf(target)), target.name);
  expect(first).toMatchObject({ segments: 1, proved: 10, unsealed: 0, faults: [] });

  await store.write(target, writes.slice(10));
  expect(await verifyArchive(folderCopy(await copyOf(target)), target.name)).toMatchObject({
    proved: 10,
    unsealed: 20,
  });
  await sealed(target);
  const place = await copyOf(target);
  expect(await verifyArchive(folderCopy(place), target.name)).toMatchObject({ segments: 2, proved: 30, faultCount: 0 });

  const { terminal, out } = capturedTerminal();
  const session = { terminal, json: true, signal: new AbortController().signal };
  expect(await archiveVerifyCommand.run([place], { head: first.head! }, session)).toBe(0);
  expect(await archiveVerifyCommand.run([place], { head: '0'.repeat(64) }, session)).toBe(1);
  expect(JSON.parse(out().split('\n')[0]!)).toMatchObject({
    fine: true,
    targets: [{ target: target.name, proved: 30 }],
  });
});

test('what was altered, taken away or put in place of another is found', async () => {
  const target = await fresh();
  const { keys } = keyBlock(9);
  for (const part of [0, 3, 6]) {
    await store.write(
      target,
      keys.slice(part, part + 3).map(key => live(key, 1)),
    );
    await sealed(target);
  }
  const good = await copyOf(target);
  let copies = 0;
  const damaged = async (damage: (at: (object: string) => string) => void) => {
    const place = join(folder, `damaged-${++copies}`);
    cpSync(good, place, { recursive: true });
    damage(object => join(place, object));
    const verdict = await verifyArchive(folderCopy(place), target.name);
    return verdict.faults.map(({ object, what }) => `${object.slice(target.name.length + 1)} ${what}`);
  };
  const objects = await Array.fromAsync(folderCopy(good).list(`${target.name}/documents/`));
  const one = objects[0]!;
  const edit = (file: string, from: string, to: string) =>
    writeFileSync(file, readFileSync(file, 'utf8').replace(from, to));

  expect(await damaged(() => {})).toEqual([]);
  expect(await damaged(at => edit(at(one), 'Fall 1', 'Fall 2'))).toEqual([
    expect.stringMatching(/is not what was written$/),
  ]);
  expect(await damaged(at => rmSync(at(one)))).toEqual([expect.stringMatching(/^documents.*is missing$/)]);
  expect(await damaged(at => rmSync(at(segmentOf(target.name, 2))))).toEqual([
    expect.stringMatching(/^manifest\/00000003.json is not segment 2/),
  ]);
  expect(await damaged(at => edit(at(segmentOf(target.name, 1)), '"bytes":', '"bytes": '))).toEqual([
    'manifest/00000002.json does not follow from the segment before it',
  ]);
  expect(await damaged(at => writeFileSync(at(segmentOf(target.name, 3)), '{}'))).toEqual([
    'manifest/00000003.json is no segment of a manifest',
  ]);
});

test('an end that was cut off shows by the head that somebody kept', async () => {
  const target = await fresh();
  const { keys } = keyBlock(2);
  for (const key of keys) {
    await store.write(target, [live(key, 1)]);
    await sealed(target);
  }
  const place = await copyOf(target);
  const whole = await verifyArchive(folderCopy(place), target.name);
  rmSync(join(place, segmentOf(target.name, 2)));
  const cut = await verifyArchive(folderCopy(place), target.name);
  expect(cut).toMatchObject({ faultCount: 0, unsealed: 1 });
  expect(cut.hashes).not.toContain(whole.head);
});

test('a sealer that dies after its segment leaves a chain that the next one goes on from', async () => {
  const target = await fresh();
  const [before, after] = keyBlock(2).keys;
  await store.write(target, [live(before!, 1)]);
  const head = (await control.read('store#kept', `chain#${target.name}`))!;
  await sealed(target);
  // As if the head had never been moved on: the segment is there, and its notes come again, among what came in since.
  const moved = (await control.read('store#kept', `chain#${target.name}`))!;
  await control.swap('store#kept', `chain#${target.name}`, moved.revision, head.body);
  await store.write(target, [live(before!, 1)]);
  await store.write(target, [live(after!, 1)]);
  await sealed(target);
  expect(await verifyArchive(folderCopy(await copyOf(target)), target.name)).toMatchObject({
    segments: 2,
    proved: 2,
    unsealed: 0,
    faults: [],
  });
});

test('a segment that somebody else put in its place stops the chain, and takes nothing in', async () => {
  const target = await fresh();
  await store.write(target, [live(keyBlock(1).keys[0]!, 1)]);
  const objects = archiveObjects(servers.s3, BUCKET);
  await objects.put(segmentOf(target.name, 1), '{"format":"mine"}');
  const refused = { code: 'control-malformed', message: expect.stringContaining('00000001.json does not follow') };
  await expect(sealed(target)).rejects.toMatchObject(refused);
  await objects.remove(segmentOf(target.name, 1));
  expect(await sealed(target)).toEqual({ segments: 1, entries: 1 });
});

test('what a purge erases is gone, and the manifest says so; what is held stays', async () => {
  const target = await fresh();
  const [gone, kept] = keyBlock(2).keys;
  await store.write(target, [held(live(gone!, 1), false), held(live(gone!, 2), false), held(live(kept!, 1), true)]);
  await sealed(target);
  expect(await store.erase(target, gone!)).toEqual({ erased: 2, held: [] });
  expect(askedOf('DeleteObjectCommand')).toEqual(
    [1, 2].map(() => expect.objectContaining({ BypassGovernanceRetention: true })),
  );
  expect(await store.erase(target, kept!)).toEqual({ erased: 0, held: [expect.stringContaining(kept!)] });
  await sealed(target);
  expect(await store.read(target, gone!)).toBeUndefined();
  expect(await store.read(target, kept!)).toMatchObject({ key: kept });
  const verdict = await verifyArchive(folderCopy(await copyOf(target)), target.name);
  expect(verdict).toMatchObject({ proved: 1, erased: 2, faults: [] });
});

test('a segment is locked like what it names', async () => {
  const target = await fresh();
  await store.write(target, [live(keyBlock(1).keys[0]!, 1)]);
  asked.length = 0;
  await sealed(target);
  expect(askedOf('PutObjectCommand')).toEqual([
    expect.objectContaining({ Key: segmentOf(target.name, 1), ObjectLockMode: 'GOVERNANCE', IfNoneMatch: '*' }),
  ]);
  const { Body } = await servers.s3.send(
    new GetObjectCommand({ Bucket: BUCKET, Key: `${manifestOf(target.name)}00000001.json` }),
  );
  expect(JSON.parse(await Body!.transformToString())).toMatchObject({ sequence: 1, previous: null });
});

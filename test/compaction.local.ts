import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { DuckDBInstance } from '@duckdb/node-api';
import type { Stored, Target, Write } from '../core/store.ts';
import { type Compacting, compactTarget, READERS_GRACE_SECONDS } from '../functions/compact/compaction.ts';
import { publishManifest } from '../functions/compact/publish.ts';
import { type Control, controlTable } from '../functions/control.ts';
import { parquetStore } from '../functions/stores/parquet.ts';
import { factFormat } from '../functions/stores/parquet-file.ts';
import { counting, manifest } from '../functions/stores/parquet-manifest.ts';
import { bucketObjects, type Objects } from '../functions/stores/parquet-objects.ts';
import { deleted, hidden, keyBlock, live, newest, suiteContract } from '../testing/store-samples.ts';
import { BUCKET, CONTROL_TABLE, type ParquetServers, startParquetServers } from './parquet-servers.ts';

const contract = suiteContract('suite', 's3');
const format = factFormat(contract);
const MINUTE_MS = 60_000;

let servers: ParquetServers;
let control: Control;
let objects: Objects;
let targets = 0;
beforeAll(async () => {
  servers = await startParquetServers();
  control = controlTable({ client: servers.client, tableName: CONTROL_TABLE });
  objects = bucketObjects(servers.s3, BUCKET);
}, 60_000);
afterAll(() => servers?.close());

/** A target whose clock a test moves by hand. */
async function open() {
  const target: Target = { store: 'suite', name: `compact.1.${++targets}` };
  const clock = { now: Date.now() };
  const now = () => clock.now;
  const store = parquetStore({ s3: servers.s3, control, contract, bucket: BUCKET, now });
  await store.create(target);
  const files = manifest(control, objects, now);
  const compacting = { format, manifest: files, objects, control, now };
  return {
    target,
    store,
    clock,
    compacting,
    /** Each write in a file of its own. */
    async scatter(writes: readonly Write[]) {
      for (const write of writes) expect(await store.write(target, [write])).toEqual([{ kind: 'applied' }]);
    },
    compact: (more: Partial<Compacting> = {}) =>
      compactTarget({ ...compacting, deadline: clock.now + 10 * MINUTE_MS, ...more }, target),
    async held() {
      const all: Stored[] = [];
      for await (const stored of store.scan(target, {})) all.push(stored);
      return all;
    },
    counting: async () => counting(await files.entries(target)),
    async inBucket() {
      const listed = await servers.s3.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: `${target.name}/` }));
      return (listed.Contents ?? []).map(({ Key }) => Key!).sort();
    },
  };
}

const history = (keys: readonly Write['key'][]): Write[] =>
  keys.flatMap((key, index) => [live(key, 1), live(key, 2), index % 3 === 0 ? deleted(key, 3) : live(key, 3)]);

test('small files of a day become one, with every version once; readers see the same before and after', async () => {
  const { store, target, scatter, compact, held, ...subject } = await open();
  const writes = history(keyBlock(4).keys);
  await scatter(writes);
  // Delivered again, batched otherwise.
  await store.write(target, writes.slice(3, 9));
  expect(await held()).toEqual(newest(writes));
  expect(await subject.counting()).toHaveLength(13);
  expect(await compact()).toEqual({ ran: true, merged: 13, written: 1, duplicates: 6, removed: 0 });
  expect(await subject.counting()).toMatchObject([{ rows: 12, day: '2026-01-01', min_version: writes[0]!.version }]);
  expect(await held()).toEqual(newest(writes));
  expect(await compact()).toMatchObject({ merged: 0, removed: 0 });
});

test('what was replaced stays for readers under way, then goes, object and entry', async () => {
  const { clock, scatter, compact, inBucket, ...subject } = await open();
  await scatter(history(keyBlock(3).keys));
  await compact();
  expect(await inBucket()).toHaveLength(10);
  clock.now += READERS_GRACE_SECONDS * 1000;
  expect(await compact()).toMatchObject({ removed: 0 });
  clock.now += 1;
  expect(await compact()).toMatchObject({ removed: 9 });
  expect(await inBucket()).toEqual((await subject.counting()).map(({ object }) => object));
});

test('few files of today wait for company; those of a day that is over and quiet do not', async () => {
  const { clock, scatter, compact, counting } = await open();
  const [a, b] = keyBlock(2).keys.map(key => live(key, 1));
  await scatter([a!, { ...b!, committedAt: a!.committedAt + 1 }]);
  expect(await compact()).toMatchObject({ merged: 0 });
  clock.now += 61 * MINUTE_MS;
  expect(await compact()).toMatchObject({ merged: 2, written: 1 });
  expect(await counting()).toHaveLength(1);
});

test('two compactors at once: one yields; without a lease both finish, and nothing is lost or counted twice', async () => {
  const { clock, scatter, compact, held, store, target, ...subject } = await open();
  const writes = history(keyBlock(4).keys);
  await scatter(writes);
  const reports = await Promise.all([compact(), compact()]);
  expect(reports.filter(({ ran }) => ran)).toHaveLength(1);
  await scatter(history(keyBlock(3).keys).map(write => ({ ...write, committedAt: writes[0]!.committedAt })));
  const expected = await held();
  // To each the other's lease has run out.
  const later = (hours: number) =>
    compact({ now: () => clock.now + hours * 60 * MINUTE_MS, deadline: Number.MAX_VALUE });
  await Promise.all([later(10), later(20), later(30)]);
  expect(await held()).toEqual(expected);
  expect((await store.digest(target, {})).count).toBe(expected.filter(({ digest }) => digest !== 0).length);
  expect((await subject.counting()).length).toBeLessThan(10);
});

/** The ports of a compactor that dies at its `step`-th call, before it or after it took effect. */
function mortal(compacting: { objects: Objects; control: Control }, step: number, after: boolean) {
  let steps = 0;
  class Died extends Error {}
  const mortalCall =
    <Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      const dies = ++steps >= step;
      if (dies && !(after && steps === step)) throw new Died(`step ${steps}`);
      const result = await call(...args);
      if (dies) throw new Died(`after step ${steps}`);
      return result;
    };
  const { put, remove } = compacting.objects;
  const { swap, remove: removeItem } = compacting.control;
  return {
    Died,
    objects: { ...compacting.objects, put: mortalCall(put), remove: mortalCall(remove) },
    control: { ...compacting.control, swap: mortalCall(swap), remove: mortalCall(removeItem) },
  };
}

test('a compactor may die at any step: readers see the same, the next one finishes, nothing is left behind', async () => {
  const { clock, compacting, scatter, compact, held, inBucket, ...subject } = await open();
  const writes = history(keyBlock(3).keys);
  await scatter(writes);
  const expected = newest(writes);
  let deaths = 0;
  for (let step = 1; ; step++) {
    let died = false;
    for (const after of [false, true]) {
      const ports = mortal(compacting, step, after);
      const dying = { ...ports, manifest: manifest(ports.control, ports.objects, compacting.now) };
      await compact(dying).catch(error => {
        if (!(error instanceof ports.Died)) throw error;
        died = true;
        deaths += 1;
      });
      expect(await held()).toEqual(expected);
      // So late that every lease, announcement and grace has run out.
      clock.now += 61 * MINUTE_MS;
    }
    if (!died) break;
  }
  expect(deaths).toBeGreaterThan(20);
  for (let runs = 0; runs < 3; runs++, clock.now += 61 * MINUTE_MS) await compact();
  expect(await held()).toEqual(expected);
  expect(await subject.counting()).toHaveLength(1);
  expect(await inBucket()).toEqual((await subject.counting()).map(({ object }) => object));
}, 120_000);

test('a writer that sleeps for hours in the middle of a write is told that its file was given up', async () => {
  const { clock, store, target, compact, held, inBucket } = await open();
  const [write] = keyBlock(1).keys.map(key => live(key, 1));
  const { promise: asleep, resolve: fallAsleep } = Promise.withResolvers<void>();
  const { promise: morning, resolve: wakeUp } = Promise.withResolvers<void>();
  const slow = parquetStore({
    s3: Object.assign(Object.create(servers.s3), {
      async send(...args: Parameters<typeof servers.s3.send>) {
        const answer = await servers.s3.send(...args);
        fallAsleep();
        await morning;
        return answer;
      },
    }),
    control,
    contract,
    bucket: BUCKET,
    now: () => clock.now,
  });
  const outcome = slow.write(target, [write!]);
  await asleep;
  clock.now += 61 * MINUTE_MS;
  expect(await compact()).toMatchObject({ removed: 1 });
  wakeUp();
  expect(await outcome).toMatchObject([{ kind: 'unavailable', error: { code: 'store-unavailable' } }]);
  expect(await held()).toEqual([]);
  expect(await inBucket()).toEqual([]);
  expect(await store.write(target, [write!])).toEqual([{ kind: 'applied' }]);
  expect(await held()).toEqual([write]);
});

test('a file with a column that this version does not know is left as it is', async () => {
  const { target, scatter, compact, counting } = await open();
  const fields = { ...contract.fields, colour: contract.fields.status! };
  const newer = parquetStore({ s3: servers.s3, control, contract: { ...contract, fields }, bucket: BUCKET });
  const { keys } = keyBlock(10);
  await newer.write(target, [live(keys[0]!, 1, { colour: 'red' })]);
  await scatter(keys.slice(1).map(key => live(key, 1)));
  expect(await compact()).toMatchObject({ merged: 9 });
  expect((await counting()).map(({ rows }) => rows).sort()).toEqual([1, 9]);
});

test('nothing is merged when the bucket is away, and nothing is lost', async () => {
  const { scatter, compact, held } = await open();
  const writes = history(keyBlock(3).keys);
  await scatter(writes);
  await servers.withoutBucket(async () => {
    await expect(compact()).rejects.toMatchObject({ code: 'store-unavailable' });
  });
  expect(await held()).toEqual(newest(writes));
  expect(await compact()).toMatchObject({ merged: 9, written: 1 });
});

test('the published manifest leads DuckDB to the facts: as they are, as of a time, and each version once', async () => {
  const { target, store, compacting, scatter, compact, clock } = await open();
  const [a, b, c, d] = keyBlock(4).keys as [Write['key'], Write['key'], Write['key'], Write['key']];
  const [first, second, third] = ['2026-01-01', '2026-01-02', '2026-01-03'].map(day => Date.parse(`${day}T12:00:00Z`));
  const status = (key: Write['key'], n: number, text: string, committedAt: number): Write => ({
    ...live(key, n, { status: text }),
    committedAt,
  });
  const writes = [
    status(a, 1, 'open', first!),
    status(b, 1, 'open', first!),
    status(a, 2, 'closed', second!),
    { ...deleted(b, 2), committedAt: second! },
    status(c, 1, 'open', third!),
  ];
  await scatter(writes);
  await store.write(target, writes);
  clock.now += 61 * MINUTE_MS;
  expect(await compact()).toMatchObject({ written: 2, duplicates: 4 });
  await store.write(target, [writes[0]!, { ...hidden(d, 1), committedAt: first! }]);
  await control.advanceWatermark('suite', 'standard', third!);
  await control.advanceWatermark('suite', 'priority', third! + 1);
  expect(await publishManifest({ ...compacting, control }, target)).toBe(4);

  const folder = mkdtempSync(join(tmpdir(), 'distributary-duckdb-'));
  const fetchText = async (key: string) => {
    const { Body } = await servers.s3.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
    return Buffer.from(await Body!.transformToByteArray());
  };
  try {
    const published = JSON.parse(String(await fetchText(`${target.name}/manifest.json`)));
    expect(published).toMatchObject({
      store: 'suite',
      target: target.name,
      as_of: '2026-01-03T12:00:00.000Z',
      rows: 7,
    });
    const paths: string[] = [];
    for (const { key } of published.files) {
      mkdirSync(dirname(join(folder, key)), { recursive: true });
      writeFileSync(join(folder, key), await fetchText(key));
      paths.push(`'${join(folder, key)}'`);
    }
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    await connection.run(`CREATE VIEW facts AS
      SELECT * FROM read_parquet([${paths}], union_by_name = true, hive_partitioning = true)
      QUALIFY row_number() OVER (PARTITION BY key, version ORDER BY extracted_at) = 1`);
    const ask = async (sql: string) => (await connection.runAndReadAll(sql)).getRowsJson();
    const asOf = (time: string) =>
      ask(`SELECT key, status FROM (
             SELECT * FROM facts WHERE committed_at <= TIMESTAMPTZ '${time}'
             QUALIFY row_number() OVER (PARTITION BY key ORDER BY version DESC) = 1
           ) WHERE NOT deleted AND NOT hidden ORDER BY key`);
    expect(await asOf('2026-01-01T23:00:00Z')).toEqual([
      [a, 'open'],
      [b, 'open'],
    ]);
    expect(await asOf('2026-01-02T23:00:00Z')).toEqual([[a, 'closed']]);
    expect(await asOf('2026-02-01T00:00:00Z')).toEqual([
      [a, 'closed'],
      [c, 'open'],
    ]);
    expect(await ask('SELECT count(*), count(*) FILTER (correction) FROM facts')).toEqual([['6', '2']]);
    expect(await ask("SELECT count(*) FROM facts WHERE day = DATE '2026-01-02'")).toEqual([['2']]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

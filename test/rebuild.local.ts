import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DeleteItemCommand, DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { patiently } from '../bin/drills/killing.ts';
import { type DividedCases, divideCases, drillRebuild } from '../bin/drills/rebuild-drill.ts';
import { localOperations, type Operations } from '../bin/operations.ts';
import { settle } from '../bin/running/settled.ts';
import type { Write } from '../core/store.ts';
import type { AggregateId } from '../core/version.ts';
import { keyItem } from '../functions/stores/dynamodb-item.ts';
import { type Definitions, readDefinitions } from '../lib/definitions.ts';
import type { LocalMode } from '../local/local-mode.ts';
import { startLocalMode } from '../local/starting.ts';
import { openStores } from '../local/verification/open-stores.ts';
import { verifyStores } from '../local/verify.ts';
import { capturedTerminal } from './captured-terminal.ts';
import { importSome, onCanonical } from './running-mode.ts';
import { typed } from './typed-commands.ts';

const TIMEOUT_MS = 240_000;
const ROWS = 150;
const DELETED = 40;
/** In each rebuild; those of others at the same time hit it too. */
const KILLS = 1;
/** Of all rebuilds that run at the same time. */
const CHANGES_PER_SECOND = 20;

let mode: LocalMode;
let read: Definitions;
let operations: Operations;
let absent: readonly AggregateId[];
const dataDir = mkdtempSync(join(tmpdir(), 'distributary-rebuild-'));

beforeAll(async () => {
  mode = await startLocalMode({ dataDir, search: 'embedded' });
  read = await readDefinitions();
  operations = localOperations(mode.endpoints, { actor: 'test', reason: 'rebuild.local.ts' });
  await importSome(mode.endpoints, dataDir, ROWS);
  absent = await onCanonical(mode.endpoints, async client => {
    const text =
      'delete from canonical.cases where id in (select id from canonical.cases order by id limit $1) returning id';
    return (await client.query<{ id: AggregateId }>(text, [DELETED])).rows.map(({ id }) => id);
  });
  await settle(mode.endpoints, read.catalogue);
}, TIMEOUT_MS);

afterAll(async () => {
  operations?.close();
  await mode?.stop();
  rmSync(dataDir, { recursive: true, force: true });
}, TIMEOUT_MS);

async function verify(store: string): Promise<void> {
  await settle(mode.endpoints, read.catalogue);
  await compareWhole(store);
}

async function compareWhole(store: string): Promise<void> {
  const definitions = read.definitions.filter(({ contract }) => contract.store_name === store);
  const [verdict] = await verifyStores(mode.endpoints, definitions);
  expect(verdict).toMatchObject({ store, drift: 0 });
}

const contractOf = (store: string) => read.catalogue.projected.find(({ store_name }) => store_name === store)!;

const command = (...words: readonly string[]) => typed(dataDir, words);

const currentOf = async (store: string) => (await patiently(() => operations.ask('rebuild.plan', { store }))).current;

/** Stores of one line are rebuilt at the same time, under the load and the kills of each. */
const SEEDED: readonly [string, number][][] = [
  [
    ['case-search', 1],
    ['case-timeline', 2],
    ['investigator-worklist', 3],
    ['case-facts', 4],
  ],
  [
    ['case-search', 5],
    ['case-timeline', 6],
    ['investigator-worklist', 7],
  ],
  [
    ['case-search', 8],
    ['case-timeline', 9],
    ['investigator-worklist', 10],
  ],
];
test.each(SEEDED.map(seeds => [seeds]))(
  'store, seed %j: rebuilt under load while servers and functions are killed, readers miss nothing and see nothing forbidden',
  async seeds => {
    const cases = await divideCases(mode.endpoints.postgres.url);
    const changesPerSecond = CHANGES_PER_SECOND / seeds.length;
    const drills = seeds.map(([store, seed]) => rebuildUnderLoad(store, seed, { cases, changesPerSecond }));
    // One that has failed is told of once the others are over: they change the cases, too.
    await Promise.allSettled(drills);
    await Promise.all(drills);
    await settle(mode.endpoints, read.catalogue);
    for (const [store] of seeds) await compareWhole(store);
  },
  TIMEOUT_MS,
);

async function rebuildUnderLoad(
  store: string,
  seed: number,
  shared: { readonly cases: DividedCases; readonly changesPerSecond: number },
): Promise<void> {
  const { terminal } = capturedTerminal();
  const session = { terminal, json: false, signal: new AbortController().signal };
  const before = await currentOf(store);
  // A worklist shows what is somebody's to do: most cases are not.
  const untouched = store === 'investigator-worklist' ? [] : shared.cases.untouched;
  const cases = { ...shared.cases, untouched };
  const load = { ...shared, cases, killEverySeconds: 2, mostKills: KILLS, absent };
  const report = await drillRebuild({ mode, contract: contractOf(store), seed, ...load }, session);
  expect(report.run).toMatchObject({ state: 'done', error: null });
  expect(report.run.report).toMatchObject({
    missing: { count: 0 },
    extra: { count: 0 },
    mismatched: { count: 0 },
    refused: { count: 0 },
    permissionDifferences: 0,
    questions: { missing: 0, exposed: 0, reasons: [] },
    downtimeSeconds: 0,
  });
  expect(report.reader).toMatchObject({ missed: 0, forbidden: 0 });
  // Of files and of the emulated key-value table a poll takes seconds.
  expect(report.reader.polls).toBeGreaterThan(1);
  expect(await currentOf(store)).not.toBe(before);
}

test(
  'rollback is at once and back again, and both are in the audit log with who and why',
  async () => {
    const [green, blue] = [
      await currentOf('case-search'),
      (await operations.ask('rebuild.plan', { store: 'case-search' })).drops[0],
    ];
    const rollback = () => command('rollback', 'case-search', '--yes', '--actor', 'ann', '--reason', 'looks odd');
    expect(await rollback()).toMatchObject({ code: 0, out: expect.stringContaining(`see ${blue}`) });
    expect(await currentOf('case-search')).toBe(blue);
    await verify('case-search');
    expect(await rollback()).toMatchObject({ code: 0, out: expect.stringContaining(`see ${green}`) });
    const [entry] = await operations.ask('audit.list', { limit: 1 });
    expect(entry).toMatchObject({ actor: 'ann', reason: 'looks odd', operation: 'rebuild.rollback', outcome: 'done' });
  },
  TIMEOUT_MS,
);

test(
  'a rebuild rests, is the only one of its store, and cancelled leaves the target as it was',
  async () => {
    const store = 'case-timeline';
    const before = await currentOf(store);
    const run = await operations.ask('rebuild.start', { store, rate: 5 });
    await expect(operations.ask('rebuild.start', { store })).rejects.toMatchObject({ code: 'run-active' });
    await operations.nudge(store);
    await operations.ask('run.pause', { store });
    const state = async () => (await operations.ask('run.read', { store }))!.state;
    while ((await state()) !== 'paused') await delay(100);
    expect(await command('cancel', store, '--yes', '--json')).toMatchObject({ code: 0 });
    expect(await operations.ask('run.read', { store })).toMatchObject({ id: run.id, state: 'cancelled' });
    expect(await currentOf(store)).toBe(before);
    await verify(store);
  },
  TIMEOUT_MS,
);

test(
  'a target that answers readers otherwise is not put before them, whatever its versions and digests say',
  async () => {
    const store = 'case-search';
    const before = (await currentOf(store))!;
    const run = await operations.ask('rebuild.start', { store });
    await operations.nudge(store);
    const seen = async () => (await operations.ask('run.read', { store }))!;
    // Green is there, and nothing is in it: what it is given first under a version it keeps.
    while ((await seen()).step !== 'writers') await delay(50);
    const stores = openStores(mode.endpoints);
    const port = stores.open(contractOf(store));
    const forged: Write[] = [];
    for await (const stored of port.scan({ store, name: before }, {})) {
      if (stored.document) forged.push({ ...stored, document: { ...stored.document, status: 'forged' } });
    }
    await port.write({ store, name: String((await seen()).memo.green) }, forged);
    stores.close();
    while ((await seen()).state === 'running') await delay(200);
    expect(await seen()).toMatchObject({
      id: run.id,
      state: 'failed',
      error: { code: 'rebuild-unproven', message: expect.stringContaining('asked as readers ask') },
      report: { missing: { count: 0 }, mismatched: { count: 0 }, permissionDifferences: 0 },
    });
    expect(await currentOf(store)).toBe(before);
    expect(await command('cancel', store, '--yes', '--json')).toMatchObject({ code: 0 });
  },
  TIMEOUT_MS,
);

test(
  'a document that was lost comes back by its id, and what is in the outbox can be replayed',
  async () => {
    const store = 'case-timeline';
    const text = "select id from canonical.cases where status <> 'draft' limit 1";
    const key = await onCanonical(
      mode.endpoints,
      async client => (await client.query<{ id: AggregateId }>(text)).rows[0]!.id,
    );
    const TableName = (await currentOf(store))!;
    const { dynamodb, region, credentials } = mode.endpoints;
    const client = new DynamoDBClient({ endpoint: dynamodb.endpoint, region, credentials: { ...credentials } });
    const Key = keyItem(key);
    const isThere = async () => (await client.send(new GetItemCommand({ TableName, Key }))).Item !== undefined;
    const lose = () => client.send(new DeleteItemCommand({ TableName, Key }));
    await lose();
    expect(await isThere()).toBe(false);
    const file = join(dataDir, 'ids.txt');
    writeFileSync(file, `${key}\n\n`);
    expect(await command('backfill', store, '--ids-file', file, '--yes')).toMatchObject({ code: 0 });
    expect(await isThere()).toBe(true);

    await lose();
    expect(await command('replay', store, '--since', '1d', '--yes')).toMatchObject({ code: 0 });
    expect(await isThere()).toBe(true);
    client.destroy();
    writeFileSync(file, 'nonsense\n');
    const bad = await command('backfill', store, '--ids-file', file, '--yes');
    expect(bad).toMatchObject({ code: 2, err: expect.stringContaining(`${file}:1: "nonsense" is no UUID`) });
  },
  TIMEOUT_MS,
);

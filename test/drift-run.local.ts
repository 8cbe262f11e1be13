import { setTimeout as delay } from 'node:timers/promises';
import type { Target, Write } from '../core/store.ts';
import type { AggregateId, Version } from '../core/version.ts';
import type { Control } from '../functions/control.ts';
import { controlTargets } from '../functions/control-targets.ts';
import { audit } from '../functions/operate/audit/audit.ts';
import { canonicalConnection } from '../functions/operate/canonical/canonical-connection.ts';
import type { OperateContext } from '../functions/operate/context.ts';
import { driftStart } from '../functions/operate/drift/drift.ts';
import { driftCanonical } from '../functions/operate/drift/drift-canonical.ts';
import { type DriftReport, driftReportSchema } from '../functions/operate/drift/drift-report.ts';
import { advance } from '../functions/operate/runs/advancing.ts';
import { runs } from '../functions/operate/runs/runs.ts';
import { openQuestions } from '../functions/operate/shadow/shadow-questions.ts';
import { systemClock } from '../functions/operate/system-clock.ts';
import { memoryStore } from '../functions/stores/memory.ts';
import { readDefinitions } from '../lib/definitions.ts';
import { type Canonical, openCanonical, openServer, seed } from './canonical-fixture.ts';
import { mapItems } from './map-items.ts';

/** The run itself, on a real canonical store and the reference store: its time budget, its pace, its deaths. */

const STORE = 'case-search';
const TARGET: Target = { store: STORE, name: 'case-search.1.1' };
/** Three ranges. */
const CASES = 5000;
const START_MS = 120_000;
const TEST_MS = 60_000;
/** A step is left so long before the invocation ends (functions/operate/runs/advancing.ts). */
const MARGIN_MS = 5_000;

let server: Awaited<ReturnType<typeof openServer>>;
let canonical: Canonical;
let context: OperateContext;
let stale: AggregateId;

beforeAll(async () => {
  server = await openServer();
  canonical = await openCanonical(server.url);
  const { company } = await seed(canonical);
  await canonical.sql(
    `insert into cases (tenant_id, title, product, issue, status)
     select $1, 'Case ' || n, 'Mortgage', 'Fees', 'received' from generate_series(1, ${CASES}) n`,
    [company],
  );
  context = await contextOf(canonical.url);
}, START_MS);
afterAll(async () => {
  await context?.connection.close();
  await canonical?.close();
  await server?.stop();
}, START_MS);

/** A store that holds everything, but for one key that is a version behind; its watermark is ahead of everything. */
async function contextOf(url: string): Promise<OperateContext> {
  const connection = canonicalConnection({ DATABASE_URL: url, DATABASE_PORT: '5432', DATABASE_NAME: '' });
  const store = memoryStore();
  await store.create(TARGET);
  await store.cutOver(TARGET);
  const side = driftCanonical(connection, ['case']);
  const writes: Write[] = [];
  for await (const entry of side.entries({})) writes.push({ ...entry, committedAt: 0, document: {} });
  stale = writes[3333]!.key;
  await canonical.sql(`update cases set title = 'Newer' where id = $1`, [stale]);
  await store.write(TARGET, writes);
  const definition = (await readDefinitions()).definitions.find(({ contract }) => contract.store_name === STORE)!;
  const questions = openQuestions(definition.contract, store, {});
  const operated = { name: STORE, definition, store, questions, targetStem: STORE, project: () => writes[0]! };
  const clock = systemClock();
  const items = mapItems();
  const targets = controlTargets(items, clock.now);
  await targets.cutOver(TARGET);
  const ahead = async () => ({ standard: Date.now() + 3_600_000, priority: Date.now() + 3_600_000 });
  const control: Control = { ...items, ...targets, watermarksOf: ahead, advanceWatermark: async () => true };
  return {
    stores: [operated],
    store: () => operated,
    control,
    runs: runs(items, clock.now),
    audit: audit(items, clock.now),
    connection,
    clock,
    deadline: Date.now() + START_MS,
  } as Partial<OperateContext> as OperateContext;
}

const start = (request: { rate?: number; budgetSeconds?: number }) =>
  driftStart.run(
    { store: STORE, repair: false, rate: null, budgetSeconds: null, actor: 'test', reason: 'a test', ...request },
    context,
  );

async function reportOf(): Promise<DriftReport> {
  const run = await context.runs.read(STORE);
  expect(run).toMatchObject({ state: 'done', error: null });
  return driftReportSchema.parse(run!.report);
}

test(
  'a run finds the one key that is behind, and says by how much',
  async () => {
    await start({});
    await advance(context, STORE);
    const report = await reportOf();
    expect(report).toMatchObject({ rows: CASES, complete: true, mismatches: 1, repaired: 0, lagging: 0, unsettled: 0 });
    expect(report.findings).toMatchObject([{ key: stale, kind: 'stale', newest: 2, remedy: 'publish' }]);
    expect(report.findings[0]!.held).toMatchObject({ version: 1 as Version });
  },
  TEST_MS,
);

test(
  'a run whose time is up ends where it is, and the next one goes on there until everything has been compared',
  async () => {
    await start({ budgetSeconds: 1, rate: 2000 });
    await advance(context, STORE);
    const first = await reportOf();
    expect(first).toMatchObject({ complete: false, from: null });
    expect(first.rows).toBeLessThan(CASES);
    await start({ budgetSeconds: 3600 });
    await advance(context, STORE);
    const second = await reportOf();
    expect(second).toMatchObject({ complete: true, from: first.to, to: null, rows: CASES - first.rows });
    expect(first.mismatches + second.mismatches).toBe(1);
    // After the end the next one begins anew.
    await start({ budgetSeconds: 3600 });
    await advance(context, STORE);
    expect(await reportOf()).toMatchObject({ complete: true, from: null, rows: CASES });
  },
  TEST_MS,
);

test(
  'left half way it goes on where it was, and counts nothing twice',
  async () => {
    await start({ rate: 2000 });
    await advance({ ...context, deadline: Date.now() + MARGIN_MS + 700 }, STORE);
    const half = (await context.runs.read(STORE))!;
    expect(half).toMatchObject({ state: 'running', step: 'compare', lease: null });
    expect(half.progress.done).toBeLessThan(CASES);
    await advance(context, STORE);
    expect(await reportOf()).toMatchObject({ rows: CASES, complete: true, mismatches: 1 });
  },
  TEST_MS,
);

test(
  'while nothing arrives in the store a difference is not called drift',
  async () => {
    const now = context.clock.now;
    // Two hours pass between two looks, and its watermark stands still.
    let skipped = 0;
    const still = { ...context.control, watermarksOf: async () => ({ standard: 1, priority: 1 }) };
    const sleep = async () => {
      await delay(20);
      skipped += 7_200_000;
    };
    const clock = { now: () => now() + skipped, sleep };
    await start({});
    await advance({ ...context, control: still, clock, deadline: Date.now() + TEST_MS }, STORE);
    expect(await reportOf()).toMatchObject({ mismatches: 0, unsettled: 1 });
  },
  TEST_MS,
);

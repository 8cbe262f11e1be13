import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CreateBucketCommand, GetObjectCommand } from '@aws-sdk/client-s3';
import pg from 'pg';
import type { Command } from '../bin/command.ts';
import { canaryCommand } from '../bin/commands/canary.ts';
import { doctorCommand } from '../bin/commands/doctor.ts';
import { driftCommand } from '../bin/commands/drift.ts';
import { retireCommand } from '../bin/commands/retire.ts';
import { shadowCommand } from '../bin/commands/shadow.ts';
import { settle } from '../bin/running/settled.ts';
import type { Diagnosis } from '../core/doctor.ts';
import type { DriftKind } from '../core/drift.ts';
import type { Stored, Target } from '../core/store.ts';
import { type AggregateId, storedVersion, type TenantId, type Version } from '../core/version.ts';
import { TARGETS_TTL_SECONDS } from '../functions/control-targets.ts';
import type { DriftReport } from '../functions/operate/drift/drift-report.ts';
import type { RetireView } from '../functions/operate/retire/retire.ts';
import type { Shadowed } from '../functions/operate/shadow/shadow.ts';
import { reads } from '../functions/reads.ts';
import { readDefinitions } from '../lib/definitions.ts';
import type { Endpoints } from '../local/endpoints.ts';
import type { LocalMode } from '../local/local-mode.ts';
import { startLocalMode } from '../local/starting.ts';
import { type OpenStores, openStores } from '../local/verification/open-stores.ts';
import { verifyStores } from '../local/verify.ts';
import { capturedTerminal } from './captured-terminal.ts';

/** Everything is started, filled and looked at on a machine that may be busy. */
const START_MS = 240_000;
const TEST_MS = 180_000;
/** A local key-value table takes some hundred writes a second. */
const CASES = 1500;
const STORES = ['case-search', 'case-timeline', 'case-facts', 'investigator-worklist'] as const;

const dataDir = mkdtempSync(join(tmpdir(), 'operate-stores-'));
chmodSync(dataDir, 0o755);
const { catalogue, definitions } = await readDefinitions();

let mode: LocalMode;
let endpoints: Endpoints;
let stores: OpenStores;
let database: pg.Client;
let tenant: string;
let cases: AggregateId[];

beforeAll(async () => {
  mode = await startLocalMode({ dataDir, search: 'embedded' });
  endpoints = mode.endpoints;
  stores = openStores(endpoints);
  database = new pg.Client(endpoints.postgres.url);
  await database.connect();
  tenant = (
    await rows<{ id: string }>(`insert into canonical.tenants (name, kind) values ('Test', 'company') returning id`)
  )[0]!.id;
  cases = (
    await rows<{ id: AggregateId }>(
      `insert into canonical.cases (tenant_id, title, product, issue, status)
       select $1, 'Case ' || n, 'Mortgage', 'Fees', 'received' from generate_series(1, ${CASES}) n returning id`,
      [tenant],
    )
  ).map(({ id }) => id);
  await rows(`update canonical.cases set title = 'Changed ' || title where id = any ($1)`, [cases.slice(0, 300)]);
  await settle(endpoints, catalogue);
}, START_MS);
afterAll(async () => {
  await database?.end();
  stores?.close();
  await mode?.stop();
  rmSync(dataDir, { recursive: true, force: true });
}, START_MS);

const rows = async <Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row[]> =>
  (await database.query<Row>(text, [...values])).rows;

/** Past every trigger, as a restore by hand or a careless superuser does it. */
async function unseen(text: string, values: readonly unknown[]): Promise<void> {
  await rows('begin');
  await rows(`set local session_replication_role = 'replica'`);
  await rows(text, values);
  await rows('commit');
}

/** Runs a command of the command line on this local mode; its exit code and what it printed as JSON. */
async function run<Options>(command: Command<Options>, args: readonly string[], options: object) {
  const { terminal, out } = capturedTerminal();
  const common = { dataDir, actor: 'test', reason: 'a test' };
  const session = { terminal, json: true, signal: new AbortController().signal };
  const code = await command.run(args, { ...common, ...options } as Options, session);
  return { code, said: JSON.parse(out()) };
}

async function drift(store: string, options: object = {}): Promise<{ code: number; report: DriftReport }> {
  const { code, said } = await run(driftCommand, [store], options);
  expect(said).toMatchObject({ state: 'done', error: null });
  return { code, report: said.report };
}

const kindsOf = ({ findings }: DriftReport): ReadonlyMap<string, DriftKind> =>
  new Map(findings.map(({ key, kind }) => [key, kind]));

const open = (name: string) => {
  const { contract } = definitions.find(definition => definition.contract.store_name === name)!;
  return stores.open(contract);
};

test(
  'a pipeline at rest has no finding and no drift',
  async () => {
    const { code, said } = await run(doctorCommand, [], {});
    expect((said as Diagnosis).findings).toEqual([]);
    expect(code).toBe(0);
    expect((said as Diagnosis).passed.length).toBeGreaterThan(15);
    for (const store of STORES) {
      const { code: agreed, report } = await drift(store);
      expect({ agreed, ...report }).toMatchObject({ agreed: 0, rows: CASES, complete: true, mismatches: 0, beyond: 0 });
    }
  },
  TEST_MS,
);

/** One of each kind in every store; keys of their own. */
async function plant(): Promise<Readonly<Record<DriftKind, AggregateId>>> {
  const [stale, different, buried] = cases.slice(400, 403) as [AggregateId, AggregateId, AggregateId];
  const [missing, extra] = [randomUUID() as AggregateId, randomUUID() as AggregateId];
  await unseen(
    `insert into canonical.cases (id, tenant_id, title, product, issue, status, version, change)
     values ($1, $2, 'Nobody heard of it', 'Mortgage', 'Fees', 'received', 1, 'created')`,
    [missing, tenant],
  );
  await unseen(`update canonical.cases set title = 'Unheard', version = version + 1 where id = $1`, [stale]);
  await unseen(`update canonical.cases set title = 'Forged' where id = $1`, [different]);
  await unseen('delete from canonical.cases where id = $1', [buried]);
  for (const name of STORES) {
    const store = open(name);
    const outcomes = await store.write((await store.current())!, [
      {
        key: extra,
        tenant: tenant as TenantId,
        version: storedVersion(0, 7),
        digest: 7,
        committedAt: Date.now(),
        document: { status: 'received' },
      },
    ]);
    expect(outcomes).toEqual([{ kind: 'applied' }]);
  }
  return { missing, extra, stale, different, 'should-be-tombstone': buried };
}

test(
  'one of each kind is found, named and repaired in every store, while changes go on; nothing else is touched',
  async () => {
    const planted = await plant();
    const wanted = (...without: DriftKind[]) =>
      new Map(
        Object.entries(planted).flatMap(([kind, key]) => (without.includes(kind as DriftKind) ? [] : [[key, kind]])),
      );
    const untouched = cases.slice(600, 1400);
    const before = await heldBy('case-search', untouched);

    const writer = startWriter();
    const found = await drift('case-search');
    await writer.stop();
    expect(kindsOf(found.report)).toEqual(wanted());
    expect(found).toMatchObject({ code: 1, report: { mismatches: 5, repaired: 0, unsettled: 0 } });

    for (const [index, store] of STORES.entries()) {
      const { code, report } = await drift(store, { repair: true });
      // A new version goes to every store: the first repair has mended that one for all.
      expect([store, kindsOf(report)]).toEqual([store, wanted(...(index > 0 ? (['different'] as const) : []))]);
      expect({ store, code, repaired: report.repaired }).toEqual({ store, code: 0, repaired: report.mismatches });
    }
    await settle(endpoints, catalogue);
    for (const store of STORES) expect((await drift(store)).report).toMatchObject({ mismatches: 0, complete: true });
    expect(await heldBy('case-search', untouched)).toEqual(before);
    const compared = definitions.filter(({ contract }) => STORES.some(store => store === contract.store_name));
    const verdicts = await verifyStores(endpoints, compared);
    expect(verdicts.map(({ store, examples }) => ({ store, examples }))).toEqual(
      verdicts.map(({ store }) => ({ store, examples: [] })),
    );
  },
  TEST_MS,
);

async function heldBy(name: string, keys: readonly AggregateId[]) {
  const store = open(name);
  const target = (await store.current())!;
  const held = [];
  for (const key of keys) held.push(await store.read(target, key));
  return held;
}

/** Changes cases that nothing is planted in, on a connection of its own. */
function startWriter(): { stop(): Promise<void> } {
  let done = false;
  const ended = (async () => {
    const client = new pg.Client(endpoints.postgres.url);
    await client.connect();
    for (let round = 0; !done; round++) {
      const ids = cases.slice((round * 5) % 300).slice(0, 5);
      await client.query('update canonical.cases set title = title || $2 where id = any ($1)', [
        ids,
        String(round % 10),
      ]);
      await delay(50);
    }
    await client.end();
  })();
  return {
    stop() {
      done = true;
      return ended;
    },
  };
}

test(
  'the doctor names what is wrong and what to do: a trigger that is off, a slot that nobody reads, that was made anew, or is gone',
  async () => {
    await rows('alter table canonical.cases disable trigger emit');
    await rows(`select pg_create_logical_replication_slot('forgotten', 'pgoutput')`);
    await rows(`update canonical.slots set anew_at = now()`);
    await rows(`insert into canonical.slots (name) values ('vanished')`);
    try {
      const { code, said } = await run(doctorCommand, [], {});
      const { findings } = said as Diagnosis;
      expect(code).toBe(1);
      expect(findings).toEqual([
        expect.objectContaining({
          subject: 'capture',
          severity: 'broken',
          what: expect.stringContaining('cases.emit'),
        }),
        expect.objectContaining({
          subject: `slot ${mode.endpoints.slot}`,
          what: expect.stringMatching(/^was made anew at .*: .*case-search.* may miss what was committed before$/),
        }),
        expect.objectContaining({ subject: 'slot forgotten', severity: 'broken', what: 'nobody reads it' }),
        expect.objectContaining({ subject: 'slot vanished', severity: 'broken', what: 'is not there any more' }),
      ]);
      for (const { todo } of findings) expect(todo).not.toBe('');
    } finally {
      await rows('alter table canonical.cases enable trigger emit');
      await rows(`select pg_drop_replication_slot('forgotten')`);
      await rows(`delete from canonical.slots where name = 'vanished'`);
      await rows('update canonical.slots set anew_at = null');
    }
  },
  TEST_MS,
);

/** A second target of the search store that holds the same, and is written to as well. */
async function makeCandidate(): Promise<Target> {
  const store = open('case-search');
  const current = (await store.current())!;
  const candidate: Target = { store: 'case-search', name: 'case-search.1.candidate' };
  await store.create(candidate);
  await stores.control.startBuilding(candidate);
  await delay(TARGETS_TTL_SECONDS * 1000);
  const all: Stored[] = [];
  for await (const stored of store.scan(current, {})) all.push(stored);
  await store.write(candidate, all);
  return candidate;
}

test(
  'shadow reads let an equal candidate pass, and refuse one that lacks or shows too much; a canary sends reads there and back',
  async () => {
    const candidate = await makeCandidate();
    const equal = await run(shadowCommand, ['case-search'], {});
    const { report, gate } = equal.said as Shadowed;
    expect({ code: equal.code, gate, differences: report.differences }).toEqual({
      code: 0,
      gate: { passes: true, reasons: [] },
      differences: [],
    });
    expect(report).toMatchObject({ missing: 0, exposed: 0, overlap: 1, errors: { current: 0, candidate: 0 } });
    expect(report.asked).toBeGreaterThan(20);

    const oneUseCase = { useCase: ['supervisor_case_filtering'] };
    const nobody = { code: 'usage', message: expect.stringContaining('nobody to ask') };
    await expect(run(canaryCommand, ['case-search'], oneUseCase)).rejects.toMatchObject(nobody);
    expect((await run(canaryCommand, ['case-search'], {})).said).toMatchObject({ canary: null });
    const view = await run(canaryCommand, ['case-search'], { ...oneUseCase, yes: true });
    expect(view.said).toMatchObject({ canary: { candidate: candidate.name, percent: 0 } });
    const going = reads(stores.control);
    expect(await going.targetFor('case-search', 'supervisor_case_filtering')).toEqual({
      target: candidate,
      isCandidate: true,
    });
    expect(await going.targetFor('case-search', 'investigator_case_search')).toMatchObject({ isCandidate: false });
    await run(canaryCommand, ['case-search'], { off: true, yes: true });
    expect(await reads(stores.control).targetFor('case-search', 'supervisor_case_filtering')).toMatchObject({
      isCandidate: false,
    });

    // Another tenant's document looks like one of ours, and one of ours is gone from sight.
    const store = open('case-search');
    const [first, second] = await heldBy('case-search', cases.slice(700, 702));
    const newer = (stored: Stored, change: Partial<Stored>) => ({
      ...stored,
      ...change,
      version: (stored.version + 5) as Version,
    });
    const spoilt = [newer(first!, { document: null }), newer(second!, { tenant: randomUUID() as TenantId })];
    await store.write(candidate, spoilt);
    await store.digest(candidate, {}); // What readers may find from now on.
    const worse = await run(shadowCommand, ['case-search'], {});
    expect(worse.code).toBe(1);
    expect((worse.said as Shadowed).gate.passes).toBe(false);
    await stores.control.forgetTarget(candidate);
    await store.drop(candidate);
  },
  TEST_MS,
);

test(
  'a store is retired step by step: nothing is deleted before it is quiet, archived and approved; then nothing of it is left',
  async () => {
    const name = 'case-timeline';
    const stateOf = (said: RetireView, step: string) => said.steps.find(one => one.step === step)?.state.kind;
    const retire = async (options: object = {}) => {
      const { code, said } = await run(retireCommand, [name], { quietDays: 30, yes: true, ...options });
      return { code, said: said as RetireView };
    };
    await reads(stores.control).targetFor(name, 'case_timeline_view');
    expect(stateOf((await retire()).said, 'consumers')).toBe('done');
    expect((await retire({ next: true })).said.did).toBe('freeze');
    // The present use case may still read, another may not any more.
    await reads(stores.control).targetFor(name, 'case_timeline_view');
    await expect(reads(stores.control).targetFor(name, 'a_new_report')).rejects.toMatchObject({
      code: 'store-retired',
    });
    const read = await retire({ next: true });
    expect([stateOf(read.said, 'move'), read.said.did]).toEqual(['blocked', null]);

    const bucket = 'retired-stores';
    await stores.s3.send(new CreateBucketCommand({ Bucket: bucket }));
    const decided = {
      quietDays: 0,
      replacement: 'case-search',
      archive: `s3://${bucket}/${name}`,
    };
    expect((await drift('case-search')).code).toBe(0);
    expect((await retire({ ...decided, next: true })).said.did).toBe('stop-writes');
    await expect(reads(stores.control).targetFor(name, 'case_timeline_view')).rejects.toMatchObject({
      code: 'store-retired',
    });
    await delay(TARGETS_TTL_SECONDS * 1000);
    const target = (await stores.control.readTargets(name)).current!;
    const before = await open(name).digest(target, {});
    await rows(`update canonical.cases set title = 'After the end' where id = any ($1)`, [cases.slice(800, 810)]);
    await settle(endpoints, catalogue);
    expect(await open(name).digest(target, {})).toEqual(before);

    await retire({ quietDays: 0, next: true });
    const { Body } = await stores.s3.send(new GetObjectCommand({ Bucket: bucket, Key: `${name}/manifest.json` }));
    const manifest = JSON.parse(await Body!.transformToString()) as { documents: number; parts: object[] };
    expect(manifest.documents).toBeGreaterThanOrEqual(before.count);
    expect(stateOf((await retire({ quietDays: 0, next: true })).said, 'delete')).toBe('blocked');
    const deleted = await retire({ quietDays: 0, approve: 'Records office', next: true });
    expect([deleted.said.did, stateOf(deleted.said, 'delete')]).toEqual(['delete', 'done']);
    expect(await stores.control.readTargets(name)).toEqual({ current: undefined, building: [] });
    await expect(open(name).digest(target, {})).rejects.toMatchObject({ code: 'target-missing' });
    // What is left is its contract's: the next deployment, and the documentation.
    expect(deleted.code).toBe(1);
    expect(['credentials', 'documentation'].map(step => stateOf(deleted.said, step))).toEqual(['blocked', 'blocked']);
  },
  TEST_MS,
);

import { randomBytes, randomUUID } from 'node:crypto';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Operations } from '../bin/operations.ts';
import { Bundle } from '../bin/transfer/bundle.ts';
import { exportInto, importFrom } from '../bin/transfer/steps.ts';
import { canonicalConnection } from '../functions/operate/canonical/canonical-connection.ts';
import type { OperateContext } from '../functions/operate/context.ts';
import { answer } from '../functions/operate/operations.ts';
import { advance } from '../functions/operate/runs/advancing.ts';
import type { Run } from '../functions/operate/runs/run.ts';
import { runs } from '../functions/operate/runs/runs.ts';
import { systemClock } from '../functions/operate/system-clock.ts';
import { addCase, type Canonical, openCanonical, openServer, seed, verdictOf } from './canonical-fixture.ts';
import { addEvidence, addTask, assign, hold, link, transaction } from './canonical-outbox-rows.ts';
import { searchOf } from './followed-search.ts';
import { mapItems } from './map-items.ts';

/** A company goes over to a deployment with a canonical store of its own, through the operations that the command line asks. */

const TEST_MS = 120_000;
const CASES = 24;
const EPOCH = 3;
const AGGREGATES = ['case', 'party', 'evidence', 'decision', 'assignment', 'membership', 'tenant'];
const MOVE = 'tenant-move';

let server: Awaited<ReturnType<typeof openServer>>;
const folder = mkdtempSync(join(tmpdir(), 'tenant-transfer-'));
const key = join(folder, 'key');
writeFileSync(key, randomBytes(32).toString('base64'), { mode: 0o600 });
beforeAll(async () => {
  server = await openServer();
});
const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A deployment: its canonical store, and its operations function without any store. */
async function deployment() {
  const db = await openCanonical(server.url);
  const ids = await seed(db);
  const supervisor = randomUUID();
  await db.sql(`insert into users (id, display_name) values ($1, 'Sven Supervisor')`, [supervisor]);
  await db.sql(
    `insert into memberships (tenant_id, tenant_kind, user_id, role) values ($1, 'bureau', $2, 'supervisor')`,
    [...[ids.bureau, supervisor]],
  );
  const url = new URL(db.url);
  url.searchParams.set('options', '-c role=distributary_operator');
  const connection = canonicalConnection({ DATABASE_URL: url.href, DATABASE_PORT: '', DATABASE_NAME: '' });
  const clock = systemClock();
  const items = mapItems();
  const audit = { note: async () => async () => {}, list: async () => [] };
  const context = (deadline = Date.now() + TEST_MS) =>
    ({
      stores: [],
      erasable: { between: undefined, facts: () => undefined },
      connection,
      clock,
      runs: runs(items, clock.now),
      audit,
      deadline,
    }) as Partial<OperateContext> as OperateContext;
  let asked = 0;
  let dies = Number.POSITIVE_INFINITY;
  const ask = async (operation: string, fields: object) => {
    if (++asked > dies) throw new Error('killed');
    const reply = await answer({ api: 1, operation, actor: 'Olive Operator', reason: 'a test', ...fields }, context());
    if (reply.ok) return reply.answer;
    throw Object.assign(new Error(reply.error.message), reply.error);
  };
  const reader = await db.connect('distributary_app');
  const look = async (who: string, tenant: string, as: string | null): Promise<string[]> => {
    try {
      await reader.query('begin');
      await reader.query('select canonical.act_as($1, $2)', [who, as]);
      const text = 'select id from canonical.cases where tenant_id = $1 order by id';
      return (await reader.query<{ id: string }>(text, [tenant])).rows.map(({ id }) => id);
    } catch (error) {
      if ((error as { code?: string }).code !== '42501') throw error;
      return [];
    } finally {
      await reader.query('rollback');
    }
  };
  // One after the other: a connection does one thing at a time.
  let looking: Promise<string[]> = Promise.resolve([]);
  opened.push({
    async close() {
      await connection.close();
      await db.close();
    },
  });
  return {
    ...{ db, ids, supervisor },
    operations: { ask } as unknown as Operations,
    /** The command line ends after so many requests. */
    dieAfter: (requests: number) => {
      dies = asked + requests;
    },
    live: () => {
      dies = Number.POSITIVE_INFINITY;
    },
    /** Works on its run until that rests, in invocations of so many milliseconds, twice as many, and so on. */
    async finish(milliseconds = TEST_MS): Promise<Run> {
      for (let time = milliseconds; ; time *= 2) {
        await advance(context(Date.now() + 5_000 + time), MOVE);
        const run = (await context().runs.read(MOVE))!;
        if (run.state !== 'running') return run;
      }
    },
    /** The tenant's cases that somebody sees, as the bureau's or as its own; none while that is refused. */
    seen(who: string, tenant: string, as: string | null = null): Promise<string[]> {
      looking = looking.then(() => look(who, tenant, as));
      return looking;
    },
  };
}
type Deployment = Awaited<ReturnType<typeof deployment>>;

/** A company with a person of its own, and cases with everything that a case may have. */
async function companyOf({ db, ids }: Deployment) {
  const { sql, main } = db;
  const tenant = ids.company;
  const person = randomUUID();
  await sql(`insert into users (id, display_name, email) values ($1, 'Carla Clerk', 'carla@acme.example')`, [person]);
  const member = `insert into memberships (tenant_id, tenant_kind, user_id, role) values ($1, 'company', $2, 'company-user')`;
  await sql(member, [tenant, person]);
  for (let raised = 0; raised < EPOCH; raised++) await sql('select raise_epoch()');
  const cases: string[] = [];
  for (let n = 0; n < CASES; n++) {
    const id = await addCase(main, tenant, n % 5 === 0 ? 'closed' : 'referred');
    await transaction(db, [
      [link, [tenant, id, ids.party]],
      [addEvidence, [tenant, id]],
      [assign, [tenant, id, ids.investigator]],
    ]);
    if (n % 5 !== 0) await sql(addTask, [tenant, id]);
    if (n % 4 === 0) await sql(hold, [tenant, id]);
    if (n % 8 === 0)
      await sql("update legal_holds set released_at = now() + interval '1 second' where case_id = $1", [id]);
    cases.push(id);
  }
  await sql(
    `update cases set reference = 'R-' || left(id::text, 8), tags = '{a,"b c"}', narrative = E'Zeile\\n"é" \\\\ 😀', restricted = true
      where id = $1`,
    [cases[1]],
  );
  const decide =
    'insert into decisions (id, tenant_id, case_id, kind, summary, supersedes) values ($1, $2, $3, $4, $5, $6)';
  const first = randomUUID();
  await sql(decide, [first, tenant, cases[2], 'finding', 'First', null]);
  await sql(decide, [randomUUID(), tenant, cases[2], 'correction', 'Second', first]);
  await sql(
    `insert into policy_periods (tenant_id, policy, jurisdiction, valid, response_days, retention_days)
      values ($1, 'response', 'US', '[2026-01-01,2027-01-01)', 15, 2000)`,
    [tenant],
  );
  // One has come from another company here, one is gone.
  const other = randomUUID();
  await sql(`insert into tenants (id, name, kind) values ($1, 'Former Bank', 'company')`, [other]);
  const moved = await addCase(main, other);
  const [{ id: move } = { id: '' }] = await sql<{ id: string }>('select start_tenant_move($1, $2, $3) as id', [
    ...[other, tenant, 'Olive Operator'],
  ]);
  for (let left = 1; left > 0; ) {
    const [part] = await sql<{ moved_cases: number; moved_parties: number }>(
      'select * from move_tenant_part($1, 100)',
      [move],
    );
    left = part!.moved_cases + part!.moved_parties;
  }
  const gone = await addCase(main, tenant);
  await sql('delete from cases where id = $1', [gone]);
  return { tenant, person, cases: [...cases, moved].sort(), gone, moved };
}

/** Every state of the tenant, as stores are given it, with its version. */
async function statesOf({ sql }: Canonical, tenant: string) {
  const states = new Map<string, { version: number; state: unknown }>();
  for (const aggregate of AGGREGATES) {
    const rows = await sql<{ id: string; tenant_id: string; version: number; state: unknown }>(
      `select id, tenant_id, version, state from capture.${aggregate}_rows(null, 10000)`,
    );
    for (const { id, tenant_id, version, state } of rows)
      if (tenant_id === tenant) states.set(`${aggregate} ${id}`, { version, state });
  }
  return states;
}

const watching = { signal: new AbortController().signal, onProgress: () => {} };

async function exported(from: Deployment, tenant: string): Promise<Bundle> {
  const { departure } = await from.operations.ask('tenant.depart', { tenant });
  const bundle = Bundle.begin(join(folder, departure), { departure, tenant }, key);
  await exportInto(bundle, from.operations, watching);
  return bundle;
}

const outboxRows = async ({ sql }: Canonical, tenant: string) =>
  (await sql<{ count: number }>('select count(*) from outbox where tenant_id = $1', [tenant]))[0]!.count;

test(
  'while it departs nothing of it changes and all of it is read; taken back, everything is as it was',
  async () => {
    const here = await deployment();
    const { db, supervisor, operations, seen } = here;
    const { tenant, person, cases, moved } = await companyOf(here);
    const before = await statesOf(db, tenant);
    const late = await db.connect();
    await late.query('begin');
    await late.query(`update cases set title = 'Written late' where id = $1`, [cases[0]]);
    const { departure } = await operations.ask('tenant.depart', { tenant });
    expect(await operations.ask('tenant.departure', { departure })).toEqual({ manifest: null });
    await late.query('commit');
    const { manifest } = await operations.ask('tenant.departure', { departure });
    expect(manifest).toMatchObject({ tenant, epoch: EPOCH, tables: { cases: { rows: CASES + 1 } } });
    const { rows } = await operations.ask('tenant.departing-rows', { departure, table: 'cases', after: null });
    expect(rows.map(({ row }) => row.title)).toContain('Written late');
    expect(rows.map(({ row }) => row.id)).toContain(moved);

    for (const [text, values] of [
      ['update cases set title = $2 where id = $1', [cases[3], 'Changed']],
      ['update parties set name = $2 where tenant_id = $1', [tenant, 'Changed']],
      [`insert into tasks (tenant_id, case_id, title, done_at) values ($1, $2, 'Call', now())`, [tenant, cases[3]]],
      [hold, [tenant, cases[3]]],
      ['delete from cases where id = $1', [moved]],
      [`insert into cases (tenant_id, title, product, issue) values ($1, 'New', 'Loan', 'Fees')`, [tenant]],
    ] as const) {
      expect([text, await verdictOf(db.sql(text, values))]).toMatchObject([text, { rule: 'tenant_departs' }]);
    }
    const plan = await db.sql('select verdict from erasure_plan($1, $2)', [[cases[0]], ['closed', 'draft']]);
    expect(plan).toEqual([{ verdict: 'departing' }]);
    expect(await seen(supervisor, tenant)).toEqual(cases);
    expect(await seen(person, tenant, tenant)).toHaveLength(cases.length - 1);
    // A rename of somebody here is carried along as ever: what is published again says the same of the tenant.
    expect(
      await verdictOf(
        db.sql(`update users set display_name = 'Ines Ortega-Ruiz' where id = $1`, [here.ids.investigator]),
      ),
    ).toBe('done');
    expect(
      (await db.sql<{ n: number }>('select republished as n from republish_dependants(500)'))[0]!.n,
    ).toBeGreaterThan(0);

    expect(await operations.ask('tenant.stay', { tenant })).toEqual({ aborted: true });
    expect(await verdictOf(db.sql(`update cases set title = 'A fee' where id = $1`, [cases[0]]))).toBe('done');
    expect([...(await statesOf(db, tenant)).keys()]).toEqual([...before.keys()]);
    expect(await operations.ask('tenant.stay', { tenant })).toEqual({ aborted: false });
  },
  TEST_MS,
);

test(
  'the whole way, killed at every step: never seen in both places, every table and state as it was, every version above',
  async () => {
    const [here, there] = [await deployment(), await deployment()];
    const { tenant, person, cases, gone } = await companyOf(here);
    // Somebody who works for both; and what is there already.
    await there.db.sql(`insert into users (id, display_name) values ($1, 'Ines O.')`, [here.ids.investigator]);
    await addCase(there.db.main, there.ids.company);
    const search = { here: await searchOf(here.db), there: await searchOf(there.db) };
    await search.here.follow();
    const was = { states: await statesOf(here.db, tenant), documents: await search.here.documentsOf(tenant) };

    const { departure } = await here.operations.ask('tenant.depart', { tenant });
    let bundle = Bundle.begin(join(folder, departure), { departure, tenant }, key);
    here.dieAfter(6);
    await expect(exportInto(bundle, here.operations, watching)).rejects.toThrow('killed');
    here.live();
    bundle = Bundle.begin(join(folder, departure), { departure, tenant }, key);
    expect(bundle.index.parts).toHaveLength(5);
    expect(() => bundle.manifest).toThrow(/has not all/);
    await exportInto(bundle, here.operations, watching);

    there.dieAfter(8);
    await expect(importFrom(bundle, there.operations, watching)).rejects.toThrow('killed');
    there.live();
    expect(await importFrom(bundle, there.operations, watching)).toEqual([]);
    // Kept aside: nobody there knows of it.
    expect(await there.seen(there.supervisor, tenant)).toEqual([]);
    expect(await outboxRows(there.db, tenant)).toBe(0);
    expect(await there.db.sql('select from identifiers where id = any ($1)', [cases])).toEqual([]);
    await expect(bundle.readReceipt()).rejects.toMatchObject({ code: 'usage' });
    await expect(there.operations.ask('tenant.open', { departure, receipt: { departure } })).rejects.toMatchObject({
      code: 'run-refused',
    });

    // Who is shut out on the way does not come in there.
    const intruder = randomUUID();
    await here.db.sql(`insert into users (id, display_name) values ($1, 'Ivan Intruder')`, [intruder]);
    const member = `insert into memberships (tenant_id, tenant_kind, user_id, role, valid_from) values ($1, 'company', $2, 'company-user', now() - interval '1 day')`;
    await here.db.sql(member, [tenant, intruder]);
    await here.db.sql(`update memberships set valid_to = now() where user_id = $1`, [intruder]);

    // What anybody sees at any moment: first there, so that what has come later is never taken for both.
    const looks: { here: string[]; there: string[]; theirs: string[] }[] = [];
    let isOver = false;
    const looking = (async () => {
      while (!isOver) {
        const theirs = await there.seen(person, tenant, tenant);
        const arrived = await there.seen(there.supervisor, tenant);
        looks.push({ here: await here.seen(here.supervisor, tenant), there: arrived, theirs });
      }
    })();
    while (looks.length === 0) await delay(5);
    const { receipt } = await here.operations.ask('tenant.close', { departure });
    await bundle.writeReceipt(receipt);
    expect(await here.operations.ask('tenant.close', { departure })).toEqual({ receipt });
    expect(await here.seen(person, tenant, tenant)).toEqual([]);
    expect(await here.operations.ask('tenant.stay', { tenant })).toEqual({ aborted: false });
    await there.operations.ask('tenant.open', { departure, receipt: await bundle.readReceipt() });
    // A part that was killed leaves nothing; then it is worked on in pieces.
    await there.db.sql('begin');
    expect((await there.db.sql<{ n: number }>('select take_in_part($1, 5) as n', [departure]))[0]!.n).toBeGreaterThan(
      0,
    );
    await there.db.sql('rollback');
    for (let taken = 0; taken < 3; taken++) await there.db.sql('select take_in_part($1, 5)', [departure]);
    expect(await there.finish(40)).toMatchObject({ state: 'done', error: null });
    isOver = true;
    await looking;

    for (const look of looks) expect(look.here.length === 0 || look.there.length === 0).toBe(true);
    expect(looks.some(look => look.here.length === cases.length)).toBe(true);
    for (const { theirs } of looks) expect([0, cases.length - 1]).toContain(theirs.length);
    expect(await there.seen(there.supervisor, tenant)).toEqual(cases);
    expect(await there.seen(person, tenant, tenant)).toHaveLength(cases.length - 1);
    expect(await there.seen(intruder, tenant, tenant)).toEqual([]);

    const states = await statesOf(there.db, tenant);
    for (const [name, { version, state }] of was.states) {
      if (name.startsWith('tenant ')) continue;
      const arrived = states.get(name);
      expect([name, arrived?.version]).toEqual([name, expect.any(Number)]);
      expect(arrived!.version).toBeGreaterThan(version);
      expect(Number.isSafeInteger(arrived!.version)).toBe(true);
      expect([name, renamed(arrived!.state)]).toEqual([name, renamed(state)]);
    }
    await search.there.follow();
    expect(renamed(await search.there.documentsOf(tenant))).toEqual(renamed(was.documents));
    await neverAgain(there, { tenant, cases, gone });
    await removed(here, departure, tenant);
  },
  TEST_MS,
);

/** A person who was there before keeps the name that it has there. */
const renamed = (value: unknown) => JSON.parse(JSON.stringify(value).replaceAll('Ines O.', 'Ines Ortega'));

/** No identifier is used twice, no history rewritten; what was one deletion there is one here, and of no other case. */
async function neverAgain({ db, operations }: Deployment, moved: { tenant: string; cases: string[]; gone: string }) {
  const { tenant, cases, gone } = moved;
  const again = `insert into cases (id, tenant_id, title, product, issue) values ($2, $1, 'Again', 'Loan', 'Fees')`;
  expect(await verdictOf(db.sql(again, [tenant, gone]))).toMatchObject({ rule: 'identifier_never_reused' });
  const forged = `insert into case_transitions (tenant_id, case_id, to_status, at, actor) values ($1, $2, 'closed', now(), 'x')`;
  expect(await verdictOf(db.sql(forged, [tenant, cases[0]]))).toMatchObject({ code: '23001' });
  expect(await verdictOf(db.sql('delete from audit_log where aggregate_id = $1', [gone]))).toMatchObject({
    code: '23001',
  });
  const erased = await db.sql<{ id: string }>('select id from erased_with($1)', [[gone]]);
  expect(erased).toEqual([{ id: gone }]);
  expect(await verdictOf(db.sql(`update cases set title = 'Goes on' where id = $1`, [cases[0]]))).toBe('done');
  await expect(operations.ask('tenant.stay', { tenant })).resolves.toEqual({ aborted: false });
}

/** Holds and all; what it leaves in former states is due at once. */
async function removed({ db, operations, finish }: Deployment, departure: string, tenant: string) {
  await operations.ask('tenant.remove', { departure });
  const erasing = (async () => {
    for (;;) {
      const left = await db.sql('select from cases where tenant_id = $1', [tenant]);
      const due = await db.sql<{ case_id: string }>('select case_id from purges_due');
      if (due.length > 0) await db.sql('select note_erased($1)', [due.map(one => one.case_id)]);
      if (due.length === 0 && left.length === 0) return;
    }
  })();
  expect(await finish()).toMatchObject({ state: 'done', report: { cases: CASES + 1, notErased: 0 } });
  await erasing;
  for (const table of [
    'cases',
    'parties',
    'case_parties',
    'assignments',
    'evidence',
    'tasks',
    'decisions',
    'legal_holds',
  ]) {
    expect([table, await db.sql(`select from ${table} where tenant_id = $1`, [tenant])]).toEqual([table, []]);
  }
  const again = `insert into cases (tenant_id, title, product, issue) values ($1, 'New', 'Loan', 'Fees')`;
  expect(await verdictOf(db.sql(again, [tenant]))).toMatchObject({ rule: 'tenant_departs' });
}

test(
  'what is altered, does not fit or is used there is told, and nothing is let in; dropped, it can be brought again',
  async () => {
    const [here, there] = [await deployment(), await deployment()];
    const { tenant } = await companyOf(here);
    const bundle = await exported(here, tenant);
    const { departure } = bundle.index;
    const part = bundle.index.parts.find(({ table }) => table === 'cases')!;

    const [{ reference } = { reference: '' }] = await here.db.sql<{ reference: string }>(
      'select reference from cases where reference is not null',
    );
    const taken = await addCase(there.db.main, there.ids.company);
    await there.db.sql('update cases set reference = $2 where id = $1', [taken, reference]);
    await there.db.sql(`insert into users (display_name, email) values ('Other Clerk', 'carla@acme.example')`);
    const obstacles = [
      { what: 'reference used here', value: reference },
      { what: 'e-mail of somebody else here', value: 'carla@acme.example' },
    ];
    expect(await importFrom(bundle, there.operations, watching)).toEqual(expect.arrayContaining(obstacles));
    const { receipt } = { receipt: { departure, closed_at: 'now', tenant: {}, users: [], memberships: [] } };
    const refused = { code: 'run-refused', message: expect.stringContaining('cannot arrive') };
    await expect(there.operations.ask('tenant.open', { departure, receipt })).rejects.toMatchObject(refused);
    expect(await there.operations.ask('tenant.forget', { departure })).toEqual({ forgotten: true });
    await there.db.sql('update cases set reference = null where id = $1', [taken]);
    await there.db.sql(`delete from users where email = 'carla@acme.example'`);
    expect(await importFrom(bundle, there.operations, watching)).toEqual([]);
    expect(await there.operations.ask('tenant.forget', { departure })).toEqual({ forgotten: true });

    // A part under another name, one that was altered, another key, another schema.
    const other = Bundle.open(bundle.folder, key);
    other.note({ parts: other.index.parts.filter(one => one !== other.index.parts.at(-1)) });
    const missing = other.index.parts.length;
    expect((await importFrom(other, there.operations, watching)).length).toBeGreaterThan(0);
    expect(missing).toBe(bundle.index.parts.length - 1);
    other.note({ parts: bundle.index.parts });
    const stranger = join(folder, 'stranger');
    writeFileSync(stranger, randomBytes(32).toString('base64'), { mode: 0o600 });
    await expect(Bundle.open(bundle.folder, stranger).readPart(part)).rejects.toMatchObject({
      code: 'document-refused',
    });
    appendFileSync(join(bundle.folder, part.file), 'x');
    await expect(bundle.readPart(part)).rejects.toMatchObject({ code: 'document-refused' });
    const manifest = {
      ...bundle.manifest,
      schema: 'another',
      departure: randomUUID(),
      tenant: randomUUID(),
    };
    await expect(there.operations.ask('tenant.arrive', { manifest })).rejects.toMatchObject({ code: 'run-refused' });
  },
  TEST_MS,
);

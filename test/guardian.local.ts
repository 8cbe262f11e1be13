import type pg from 'pg';
import { inspectSource } from '../functions/guardian/source.ts';
import { judge } from '../functions/guardian/verdict.ts';
import { type Canonical, openCanonical, openServer } from './canonical-fixture.ts';

const SLOT = 'guarded';

let server: Awaited<ReturnType<typeof openServer>>;
let db: Canonical;
let guardian: pg.Client;
beforeAll(async () => {
  server = await openServer({ max_slot_wal_keep_size: '1MB' });
  db = await openCanonical(server.url);
  guardian = await db.connect();
  // Looks with the permissions that it has on AWS.
  await guardian.query('set session authorization distributary_guardian');
}, 60_000);
afterAll(async () => {
  await db?.sql(
    `select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = current_database()`,
  );
  await db?.close();
  await server?.stop();
});

const inspect = () => inspectSource(guardian, SLOT);

test('its role reads slots and heartbeats, and no state of any case', async () => {
  expect((await inspect()).heartbeatAgeSeconds).toBeNull();
  await expect(guardian.query('select * from canonical.cases')).rejects.toThrow('permission denied');
  await expect(guardian.query('select * from canonical.outbox')).rejects.toThrow('permission denied');
});

test('a slot that does not exist is as lost as one that lost its WAL', async () => {
  expect(judge(await inspect(), SLOT).lost).toEqual([SLOT]);
});

test('the heartbeat is as old as the database says', async () => {
  await db.sql(`select canonical.beat($1, now() + interval '1 minute')`, [SLOT]);
  const first = (await inspect()).heartbeatAgeSeconds!;
  expect(first).toBeGreaterThanOrEqual(0);
  const later = (await inspect()).heartbeatAgeSeconds!;
  expect(later).toBeGreaterThan(first);
});

test('WAL is counted for every slot, ours or not, until one is lost, which stays said', async () => {
  await db.sql(`select pg_create_logical_replication_slot($1, 'pgoutput')`, [SLOT]);
  await db.sql(`select pg_create_logical_replication_slot('stranger', 'pgoutput')`);
  const fresh = judge(await inspect(), SLOT);
  expect(fresh).toMatchObject({ lost: [], atRisk: [], unsafe: undefined });
  await db.sql(`select pg_logical_emit_message(true, 'test', repeat('x', 200000)) from generate_series(1, 10)`);
  const busy = judge(await inspect(), SLOT);
  expect(busy.retainedBytes).toBeGreaterThanOrEqual(fresh.retainedBytes + 2_000_000);

  await db.sql(`select pg_drop_replication_slot('stranger')`);
  // Two segments of WAL further, a checkpoint takes what the limit no longer keeps.
  for (let segment = 0; segment < 2; segment += 1) {
    await db.sql(`select pg_logical_emit_message(true, 'test', repeat('x', 200000)) from generate_series(1, 90)`);
    await db.sql('select pg_switch_wal()');
  }
  expect(judge(await inspect(), SLOT).atRisk).toEqual([SLOT]);
  await db.sql('checkpoint');
  const lost = await inspect();
  expect(lost.slots).toEqual([expect.objectContaining({ name: SLOT, walStatus: 'lost', active: false })]);
  expect(judge(lost, SLOT)).toMatchObject({ lost: [SLOT], atRisk: [] });
}, 60_000);

test.each([
  ['14.5.2', undefined, true],
  ['14.5', '-1', true],
  ['11.17.0', '65536', true],
  ['14.5.2', '0', false],
  ['14.6.0', '-1', false],
  ['14.50.1', undefined, false],
  ['17.7.1', '-1', false],
])('Aurora %s with its cache at %s: loses rows %s', async (version, cache, unsafe) => {
  await db.sql('begin');
  try {
    // What Aurora has and an ordinary PostgreSQL does not.
    await db.sql(`create function public.aurora_version() returns text language sql as $$ select '${version}' $$`);
    await db.sql(`set local search_path = canonical, public`);
    if (cache !== undefined) await db.sql(`select set_config('rds.logical_wal_cache', $1, true)`, [cache]);
    const report = await inspectSource(db.main, SLOT);
    expect(report).toMatchObject({ auroraVersion: version, walCache: cache === undefined ? null : Number(cache) });
    expect(judge(report, SLOT).unsafe !== undefined).toBe(unsafe);
  } finally {
    await db.sql('rollback');
  }
});

test('any other PostgreSQL has no such version', async () => {
  expect(await inspect()).toMatchObject({ auroraVersion: null, walCache: null });
});

import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Heartbeat } from '../core/change.ts';
import type { DistributaryError } from '../core/errors.ts';
import { decodePack } from '../core/pack.ts';
import { migrate } from '../functions/migrate/migrate.ts';
import { readScripts } from '../functions/migrate/scripts.ts';
import type { Sink } from '../functions/relay/relay.ts';
import { type RunEvents, runRelay } from '../functions/relay/run.ts';
import { dropSlot, ensureSlot, slotStatus } from '../functions/relay/slot.ts';
import { type Postgres, startPostgres } from '../local/postgres.ts';
import { addCase, CANONICAL, seed } from './canonical-fixture.ts';
import { type RelayProcess, startRelayProcess, startTopic } from './relay-process.ts';

/** The relay on a real server: what is committed arrives, over restarts, hand-overs and rows that nobody can read. */

const SLOT = 'relay_test';
const PUBLICATION = 'distributary_outbox';
const dataDir = mkdtempSync(join(tmpdir(), 'distributary-relay-'));
let server: Postgres;
let db: pg.Client;
let tenants: Awaited<ReturnType<typeof seed>>;
const sql = async <R extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<R[]> =>
  (await db.query<R>(text, [...values])).rows;

beforeAll(async () => {
  server = await startPostgres({ dataDir, onLog: () => {} });
  await migrate({ connectionString: server.url }, readScripts(CANONICAL));
  await connect();
  await ensureSlot(db, SLOT, PUBLICATION);
  tenants = await seed({ sql });
}, 60_000);

afterAll(async () => {
  await db?.end();
  await server?.stop();
  rmSync(dataDir, { recursive: true, force: true });
}, 30_000);

async function connect(): Promise<void> {
  db = new pg.Client({ connectionString: server.url });
  db.on('error', () => {});
  await db.connect();
}

/** What consumers would hold: the newest version of each key, and what else arrived. */
function collector() {
  const newest = new Map<string, { version: number; title: unknown; deleted: boolean; company: unknown }>();
  const heartbeats: Heartbeat[] = [];
  const parked: DistributaryError[] = [];
  const sink: Sink = {
    async publish(packs) {
      for (const item of packs.flatMap(({ body }) => decodePack(body))) {
        if (item.kind !== 'change') throw new Error(`unexpected ${item.kind}`);
        const { change } = item;
        if ((newest.get(change.key)?.version ?? 0) >= change.version) continue;
        const state = change.kind === 'state' ? change.state : {};
        newest.set(change.key, {
          version: change.version,
          title: state.title,
          company: state.company,
          deleted: change.kind === 'deleted',
        });
      }
    },
    heartbeat: async heartbeat => void heartbeats.push(heartbeat),
    keepState: async () => 's3://payloads/x',
    park: async (_, error) => void parked.push(error),
  };
  return { newest, heartbeats, parked, sink };
}

function startRelay(sink: Sink, { deadlineMs = 600_000, heartbeatSeconds = 0.5 } = {}) {
  const leave = new AbortController();
  const reconnected: DistributaryError[] = [];
  const refused: string[] = [];
  const streaming = Promise.withResolvers<void>();
  const events: RunEvents = {
    published() {},
    parked() {},
    failing() {},
    saw() {},
    streaming: () => streaming.resolve(),
    slot() {},
    dependantsRefused: error => void refused.push(error.message),
    reconnecting: error => void reconnected.push(error),
  };
  const ended = runRelay({
    database: { connectionString: server.url },
    slot: SLOT,
    publication: PUBLICATION,
    heartbeatSeconds,
    deadline: new Date(Date.now() + deadlineMs),
    sink,
    events,
    signal: leave.signal,
  });
  ended.catch(() => {});
  return { ended, reconnected, refused, streaming: streaming.promise, leave: () => leave.abort() };
}

async function until(what: string, condition: () => boolean | Promise<boolean>, seconds = 20): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
    await delay(20);
  }
}

test('what is committed arrives; a heartbeat follows on both lanes; a rename reaches the cases; a bad row is parked', async () => {
  const { newest, heartbeats, parked, sink } = collector();
  const relay = startRelay(sink);
  await relay.streaming;
  const first = await addCase(db, tenants.company, 'received');
  const second = await addCase(db, tenants.company, 'received');
  for (const id of [first, second]) {
    await sql(
      `insert into canonical.case_parties (tenant_id, case_id, party_id, role) values ($1, $2, $3, 'respondent')`,
      [tenants.company, id, tenants.party],
    );
  }
  await until('cases', () => newest.has(first) && newest.has(second));
  await until('heartbeats', () => new Set(heartbeats.map(({ lane }) => lane)).size === 2);

  await sql(`update canonical.parties set name = 'Acme Renamed' where id = $1`, [tenants.party]);
  await until('the new name in both cases', () =>
    [first, second].every(id => newest.get(id)?.company === 'Acme Renamed'),
  );

  await sql(
    `insert into canonical.outbox (tenant_id, aggregate, aggregate_id, version, change, lane, schema_version, digest, payload)
     values ($1, 'case', $2, 0, 'updated', 'express', 1, 1, '{}')`,
    [tenants.company, randomUUID()],
  );
  const after = await addCase(db, tenants.company, 'received');
  await until('the row after the bad one', () => newest.has(after));
  expect(parked.map(({ code, message }) => `${code} ${message}`)).toEqual([
    expect.stringMatching(/outbox-row-malformed outbox row \d+: lane is "express".*version is 0/),
  ]);
  relay.leave();
  expect(await relay.ended).toBe('handed-over');
}, 60_000);

test('a second relay finds that it is not needed, and takes over when the first leaves or means to', async () => {
  const one = collector();
  const first = startRelay(one.sink);
  await until('the first beats', () => one.heartbeats.length > 0);
  expect(await startRelay(collector().sink).ended).toBe('not-needed');

  const two = collector();
  first.leave();
  await first.ended;
  const second = startRelay(two.sink, { deadlineMs: 5_000 });
  await until('the second beats', () => two.heartbeats.length > 0);
  // Its deadline is near: the next one does not turn away but waits for the slot, and ends a holder that stays.
  const three = collector();
  const third = startRelay(three.sink);
  await until('the third beats', () => three.heartbeats.length > 0);
  second.leave();
  third.leave();
  await Promise.all([second.ended, third.ended]);
}, 60_000);

test('as a service it streams until it is told to leave; the next stands by and takes over, and no commit is lost', async () => {
  const topic = await startTopic();
  const environment = {
    ...topic.environment,
    DATABASE_URL: server.url,
    SLOT_NAME: SLOT,
    PUBLICATION_NAME: 'distributary_outbox',
    HEARTBEAT_SECONDS: '1',
  };
  const processes: RelayProcess[] = [];
  const start = () => processes[processes.push(startRelayProcess(environment)) - 1]!;
  const says = (relay: RelayProcess, what: string) => until(what, () => relay.said().includes(what), 60);
  const confirmed: string[] = [];
  const write = async () => confirmed.push(await addCase(db, tenants.company, 'received'));
  const allArrived = async () => {
    const arrived = await topic.arrived();
    return confirmed.every(id => arrived.has(id));
  };
  try {
    const first = start();
    await says(first, 'streaming');
    const second = start();
    await says(second, 'standing by: another relay streams');
    let isWriting = true;
    const writing = (async () => {
      while (isWriting) await write();
    })();
    await until('cases by the first', async () => confirmed.length > 20);
    first.kill('SIGTERM');
    expect(await first.ended).toBe(0);
    expect(first.said()).toContain('left, as told');
    await says(second, 'streaming');
    isWriting = false;
    await writing;
    await until('every case that was committed', allArrived, 60);
    // Nobody had to be ended for it.
    expect(second.said()).not.toMatch(/"ended":\d/);
    second.kill('SIGTERM');
    expect(await second.ended).toBe(0);
    for (const relay of processes) expect(relay.said()).not.toMatch(/"level":"(WARN|ERROR)"/);
  } finally {
    for (const relay of processes) relay.kill('SIGKILL');
    await topic.stop();
  }
  // All of it is acknowledged: whoever comes next is sent none of it again.
  const { newest, sink } = collector();
  const next = startRelay(sink);
  const last = await addCase(db, tenants.company, 'received');
  await until('a case after all that', () => newest.has(last));
  expect(confirmed.filter(id => newest.has(id))).toEqual([]);
  next.leave();
  await next.ended;
}, 180_000);

test('dependants that the database refuses to touch are reported, and changes flow on', async () => {
  const { newest, sink } = collector();
  const relay = startRelay(sink);
  await relay.streaming;
  const id = await addCase(db, tenants.company, 'received');
  await sql(
    `create trigger broken before update on canonical.cases for each row when (new.id = '${id}') execute function canonical.refuse('broken')`,
  );
  await sql(`insert into canonical.dependants_skipped (aggregate, key) values ('case', $1)`, [id]);
  await until('the refusal', () => relay.refused.length > 0);
  const other = await addCase(db, tenants.company, 'received');
  await until('a change after it', () => newest.has(other));
  expect(relay.refused[0]).toMatch(/broken/);
  await sql('drop trigger broken on canonical.cases');
  await until('the dependant', () => (newest.get(id)?.version ?? 0) > 1);
  relay.leave();
  await relay.ended;
}, 60_000);

test('kill -9 of PostgreSQL while writing: every commit that was confirmed arrives', async () => {
  const { newest, sink } = collector();
  const relay = startRelay(sink);
  const confirmed: string[] = [];
  const write = async (count: number) => {
    for (let n = 0; n < count; n++) confirmed.push(await addCase(db, tenants.company, 'received'));
  };
  await write(50);
  server.kill9();
  await server.exited;
  await db.end().catch(() => {});
  server = await startPostgres({ dataDir, port: server.port, onLog: () => {} });
  await connect();
  await write(50);
  await until('all confirmed cases', () => confirmed.every(id => newest.has(id)), 30);
  expect(relay.reconnected.length).toBeGreaterThan(0);
  relay.leave();
  await relay.ended;
}, 90_000);

test('a slot that is gone is lost: a relay does not make it anew, for what was committed meanwhile is not in it', async () => {
  const { sink } = collector();
  const relay = startRelay(sink);
  await relay.streaming;
  const [{ pid }] = (await sql<{ pid: number }>(
    'select active_pid as pid from pg_replication_slots where slot_name = $1',
    [SLOT],
  )) as [{ pid: number }];
  // As after a failover that left the slot behind: its reader's connection breaks, and it is not there any more.
  await sql('select pg_terminate_backend($1)', [pid]);
  await until('the slot is gone', () =>
    dropSlot(db, SLOT).then(
      () => true,
      () => false,
    ),
  );
  await expect(relay.ended).rejects.toMatchObject({ code: 'slot-lost' });
  expect(await slotStatus(db, SLOT)).toBeUndefined();
});

import { type ChildProcess, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import pg from 'pg';
import type { Lsn } from '../core/lsn.ts';
import { openReplication } from '../functions/relay/replication.ts';
import type { ReplicationStream, TransactionPart } from '../functions/relay/replication-stream.ts';
import { dropSlot, ensureSlot, slotStatus, takeOver } from '../functions/relay/slot.ts';
import { type Postgres, startPostgres } from '../local/postgres.ts';

const SLOT = 'relay';
const PUBLICATION = 'changes';

let folder: string;
let server: Postgres;
let db: pg.Client;
const streams: ReplicationStream[] = [];
const children: ChildProcess[] = [];

const options = () => ({
  connection: { connectionString: server.url },
  slot: SLOT,
  publication: PUBLICATION,
  statusIntervalMs: 20,
});

async function open(more: Partial<Parameters<typeof openReplication>[0]> = {}): Promise<ReplicationStream> {
  const stream = await openReplication({ ...options(), ...more });
  streams.push(stream);
  return stream;
}

async function connect(): Promise<pg.Client> {
  const client = new pg.Client(server.url);
  client.on('error', () => {});
  await client.connect();
  return client;
}

const start = () => startPostgres({ dataDir: folder, settings: { max_slot_wal_keep_size: '64MB' }, onLog: () => {} });

beforeAll(async () => {
  folder = fs.mkdtempSync(join(tmpdir(), 'replication-local-'));
  fs.chmodSync(folder, 0o755);
  server = await start();
  db = await connect();
  await db.query('CREATE TABLE outbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, payload json)');
  await db.query('CREATE TABLE other (id int, filler text)');
});

beforeEach(async () => {
  await db.query(`TRUNCATE outbox, other RESTART IDENTITY; DROP PUBLICATION IF EXISTS ${PUBLICATION}`);
  await db.query(`CREATE PUBLICATION ${PUBLICATION} FOR TABLE outbox WITH (publish = 'insert')`);
  expect(await ensureSlot(db, SLOT, PUBLICATION)).toBe('created');
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const stream of streams.splice(0)) stream.destroy();
  await db.query('SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots');
  await until(async () => (await slotStatus(db, SLOT))?.holder == null);
  await dropSlot(db, SLOT);
});

afterAll(async () => {
  await db?.end();
  await server?.stop();
  fs.rmSync(folder, { recursive: true, force: true });
});

const PATIENCE_MS = 10_000;

async function until(condition: () => Promise<boolean> | boolean, limitMs = PATIENCE_MS): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${limitMs} ms: ${condition}`);
    await delay(10);
  }
}

/** Commits one transaction of so many rows, and yields their ids. */
async function commit(rows: number, client = db): Promise<number[]> {
  const text = `INSERT INTO outbox (payload) SELECT '{"a":"é"}' FROM generate_series(1, $1) RETURNING id::int`;
  return (await client.query<{ id: number }>(text, [rows])).rows.map(row => row.id);
}

const idsOf = (parts: readonly TransactionPart[]): number[] =>
  parts.flatMap(part => part.inserts.map(insert => Number(insert.row.id)));

/** Reads parts one by one, whatever the stream groups them in. */
class Reader {
  readonly stream: ReplicationStream;
  readonly #batches: AsyncIterator<readonly TransactionPart[]>;
  #parts: TransactionPart[] = [];

  constructor(stream: ReplicationStream) {
    this.stream = stream;
    this.#batches = stream[Symbol.asyncIterator]();
  }

  async part(): Promise<TransactionPart> {
    while (this.#parts.length === 0) {
      const late = delay(PATIENCE_MS, undefined, { ref: false });
      const batch = await Promise.race([this.#batches.next(), late]);
      if (!batch) throw new Error(`nothing came within ${PATIENCE_MS} ms`);
      if (batch.done) throw new Error('the stream ended');
      this.#parts = [...batch.value];
    }
    return this.#parts.shift()!;
  }
}

async function confirmed(): Promise<Lsn> {
  return (await slotStatus(db, SLOT))!.confirmed!;
}

describe('acknowledgement', () => {
  test('whatever is committed, acknowledged and broken off, the next stream begins with the first that was not acknowledged', async () => {
    const session = fc.record({
      /** Rows of the transactions that are committed before and while this session reads; 0 is one rolled back. */
      commits: fc.array(fc.nat({ max: 3 }), { maxLength: 6 }),
      while: fc.array(fc.nat({ max: 3 }), { maxLength: 6 }),
      reads: fc.double({ min: 0, max: 1, noNaN: true }),
      acknowledges: fc.double({ min: 0, max: 1, noNaN: true }),
      leaves: fc.constantFrom('stop', 'destroy'),
    });
    const write = async (commits: readonly number[], open: number[][]) => {
      for (const rows of commits) {
        if (rows > 0) open.push(await commit(rows));
        else await db.query(`BEGIN; INSERT INTO outbox (payload) VALUES ('{}'); ROLLBACK`);
      }
    };
    const run = async (sessions: readonly (typeof session extends fc.Arbitrary<infer S> ? S : never)[]) => {
      /** Committed and not acknowledged, oldest first. */
      const open: number[][] = [];
      for (const { commits, while: meanwhile, reads, acknowledges, leaves } of sessions) {
        await write(commits, open);
        const { stream } = await takeOver({ ...options(), graceMs: 5_000 });
        streams.push(stream);
        await write(meanwhile, open);
        const reader = new Reader(stream);
        const read: TransactionPart[] = [];
        const toRead = Math.round(open.length * reads);
        while (read.length < toRead) read.push(await reader.part());
        expect(read.map(part => idsOf([part]))).toEqual(open.slice(0, toRead));
        const toAcknowledge = Math.round(toRead * acknowledges);
        if (toAcknowledge > 0) stream.acknowledge(read[toAcknowledge - 1]!.endLsn!);
        if (leaves === 'stop') await stream.stop();
        else await until(async () => (await confirmed()) >= (read[toAcknowledge - 1]?.endLsn ?? 0n));
        stream.destroy();
        open.splice(0, toAcknowledge);
      }
      await dropSlotWhenFree();
      await ensureSlot(db, SLOT, PUBLICATION);
    };
    await fc.assert(fc.asyncProperty(fc.array(session, { minLength: 1, maxLength: 6 }), run), {
      numRuns: 25,
      endOnFailure: true,
    });
  }, 120_000);

  async function dropSlotWhenFree(): Promise<void> {
    await until(async () => (await slotStatus(db, SLOT))?.holder == null);
    await dropSlot(db, SLOT);
  }

  test('of commits that touch in the log, acknowledging one leaves the next', async () => {
    const writers = await Promise.all([1, 2, 3, 4, 5].map(() => connect()));
    const ids: number[] = [];
    for (const writer of writers) {
      await writer.query('BEGIN');
      ids.push(...(await commit(1, writer)));
    }
    for (const writer of writers) await writer.query('COMMIT');
    await Promise.all(writers.map(writer => writer.end()));
    let previousEnd: Lsn | undefined;
    for (const id of ids) {
      const reader = new Reader(await open());
      const part = await reader.part();
      expect(idsOf([part])).toEqual([id]);
      // Nothing but the commit record itself lies between: where one ends, the next begins.
      if (previousEnd) expect(part.endLsn! - previousEnd).toBeLessThan(100n);
      previousEnd = part.endLsn!;
      reader.stream.acknowledge(previousEnd);
      await reader.stream.stop();
    }
  });

  test('an idle slot follows the log while others write, and retains none of it', async () => {
    await open();
    for (let round = 0; round < 5; round++) {
      await db.query(`INSERT INTO other SELECT n, repeat('x', 1000) FROM generate_series(1, 2000) n`);
    }
    await until(async () => (await slotStatus(db, SLOT))!.lagBytes === 0);
    // The server moves the oldest log it keeps at its own checkpoints of running transactions.
    await db.query('CHECKPOINT');
    await until(async () => (await slotStatus(db, SLOT))!.retainedBytes < 2 ** 20, 20_000);
  });

  test('while a transaction is outstanding the slot stays before it, whatever others write', async () => {
    const reader = new Reader(await open());
    await commit(1);
    const { endLsn } = await reader.part();
    await db.query(`INSERT INTO other SELECT n, repeat('x', 1000) FROM generate_series(1, 2000) n`);
    await delay(300);
    expect(await confirmed()).toBeLessThan(endLsn!);
    reader.stream.acknowledge(endLsn!);
    await until(async () => (await slotStatus(db, SLOT))!.lagBytes === 0);
    const { received, acknowledged } = reader.stream.progress;
    expect(acknowledged).toBe(received);
  });

  test('a position that was never received is refused', async () => {
    const stream = await open();
    expect(() => stream.acknowledge((2n ** 60n) as Lsn)).toThrow(/acknowledged 10000000\/0, but received no more than/);
  });
});

describe('delivery', () => {
  test('a row arrives as it was written, with the time of its commit', async () => {
    const reader = new Reader(await open());
    const before = Date.now();
    await db.query(`INSERT INTO outbox (payload) VALUES ('{"title":"Überweisung 金額"}'), (NULL)`);
    const { inserts, committedAt, endLsn } = await reader.part();
    expect(inserts.map(insert => insert.row)).toEqual([
      { id: '1', payload: '{"title":"Überweisung 金額"}' },
      { id: '2', payload: null },
    ]);
    expect(inserts[0]!.relation).toMatchObject({ schema: 'public', table: 'outbox' });
    expect(committedAt).toBeGreaterThanOrEqual(before - 1);
    expect(committedAt).toBeLessThanOrEqual(Date.now());
    expect(endLsn).not.toBeNull();
  });

  test('a transaction far larger than the buffers streams in parts, of which the last can be acknowledged', async () => {
    const rows = 120_000;
    await db.query(
      `INSERT INTO outbox (payload) SELECT json_build_object('filler', repeat('x', 1000)) FROM generate_series(1, $1)`,
      [rows],
    );
    const stream = await open();
    const memoryBefore = process.memoryUsage().rss;
    let memory = 0;
    let largestPart = 0;
    let largestBatch = 0;
    let batches = 0;
    let next = 1;
    for await (const parts of stream) {
      memory = Math.max(memory, process.memoryUsage().rss);
      largestBatch = Math.max(largestBatch, idsOf(parts).length);
      for (const { inserts, endLsn } of parts) {
        largestPart = Math.max(largestPart, inserts.length);
        for (const { row } of inserts) if (Number(row.id) !== next++) throw new Error(`${row.id} is out of turn`);
        expect(endLsn === null).toBe(next <= rows);
      }
      if (next > rows) break;
      // A consumer that lags, so that the socket has to wait.
      if (batches++ < 3) await delay(700);
    }
    expect(largestPart).toBeLessThan(1_100);
    expect(largestBatch).toBeGreaterThan(1_700);
    expect(largestBatch).toBeLessThan(3_000);
    expect((memory - memoryBefore) / 2 ** 20).toBeLessThan(100);
  }, 60_000);

  test('a consumer that lags beyond the patience of the server keeps its stream', async () => {
    await db.query(
      `INSERT INTO outbox (payload) SELECT json_build_object('filler', repeat('x', 1000)) FROM generate_series(1, 30000)`,
    );
    const reader = new Reader(await open({ maxBufferedBytes: 2 ** 20 }));
    let ids = idsOf([await reader.part()]);
    await delay(6_500);
    while (ids.at(-1)! < 30_000) ids = idsOf([await reader.part()]);
    reader.stream.acknowledge(reader.stream.progress.received);
  }, 30_000);

  test('aborting the signal ends the iteration and leaves the stream open for the acknowledgement', async () => {
    const giveUp = new AbortController();
    const stream = await open({ signal: giveUp.signal });
    await commit(1);
    let last: Lsn | null = null;
    for await (const parts of stream) {
      last = parts.at(-1)!.endLsn;
      giveUp.abort();
    }
    stream.acknowledge(last!);
    await stream.stop();
    expect(await confirmed()).toBeGreaterThanOrEqual(last!);
  });
});

/** A consumer in a process of its own; what it received, in order. */
function consumerProcess(): { child: ChildProcess; ids: number[] } {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'replication-consumer.ts'), server.url, SLOT, PUBLICATION],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  children.push(child);
  const ids: number[] = [];
  createInterface(child.stdout!).on('line', line => ids.push(Number(line)));
  return { child, ids };
}

/** Commits transactions of one to three rows until stopped. */
function keepCommitting(): () => Promise<number[]> {
  let going = true;
  const done = (async () => {
    const client = await connect();
    const ids: number[] = [];
    while (going) {
      const added = await commit(1 + (ids.length % 3), client).catch(() => []);
      if (added.length === 0) break;
      ids.push(...added);
    }
    await client.end().catch(() => {});
    return ids;
  })();
  return () => {
    going = false;
    return done;
  };
}

describe('hand-over', () => {
  test('a clean stop frees the slot at once, and its successor gets what follows', async () => {
    const first = new Reader(await open());
    const [one] = await commit(1);
    const [two] = await commit(1);
    const part = await first.part();
    expect(idsOf([part])).toEqual([one]);
    first.stream.acknowledge(part.endLsn!);
    await first.stream.stop();
    const second = new Reader(await open());
    expect(idsOf([await second.part()])).toEqual([two]);
  });

  test('while one holds the slot another is told so, and waits for it with takeOver', async () => {
    const holder = await open();
    await expect(open()).rejects.toMatchObject({ code: 'slot-active', retry: 'later' });
    const waiting = takeOver(options());
    await delay(100);
    await holder.stop();
    const { stream, ended } = await waiting;
    streams.push(stream);
    expect(ended).toBeUndefined();
  });

  test('waiting for a slot can be given up', async () => {
    await open();
    await expect(takeOver({ ...options(), signal: AbortSignal.timeout(100) })).rejects.toThrow(/abort/i);
  });

  test('consumers killed again and again under load lose nothing', async () => {
    const stop = keepCommitting();
    const received = new Set<number>();
    for (let round = 0; round < 6; round++) {
      const { child, ids } = consumerProcess();
      await until(() => ids.length > 50);
      child.kill('SIGKILL');
      await new Promise(closed => child.once('close', closed));
      for (const id of ids) received.add(id);
    }
    const committed = await stop();
    const { ids } = consumerProcess();
    await until(() => ids.includes(committed.at(-1)!) || received.has(committed.at(-1)!));
    for (const id of ids) received.add(id);
    expect(committed.filter(id => !received.has(id))).toEqual([]);
  }, 60_000);

  test('a frozen holder is ended after its grace, and nothing it held is lost', async () => {
    const { child, ids } = consumerProcess();
    const stop = keepCommitting();
    await until(() => ids.length > 20);
    child.kill('SIGSTOP');
    await delay(100);
    const frozen = (await slotStatus(db, SLOT))!.holder;
    const before = Date.now();
    const { stream, ended } = await takeOver({ ...options(), graceMs: 500 });
    const tookMs = Date.now() - before;
    streams.push(stream);
    expect(ended).toBe(frozen);
    expect(tookMs).toBeGreaterThanOrEqual(500);
    expect(tookMs).toBeLessThan(1_500);
    const committed = await stop();
    const reader = new Reader(stream);
    const received = new Set(ids);
    while (!received.has(committed.at(-1)!)) for (const id of idsOf([await reader.part()])) received.add(id);
    expect(committed.filter(id => !received.has(id))).toEqual([]);
  });
});

describe('failure', () => {
  const nextOf = (stream: ReplicationStream) => stream[Symbol.asyncIterator]().next();

  test('kill -9 of the server breaks the stream, and the next one has every commit', async () => {
    const stream = await open();
    const stop = keepCommitting();
    const received: number[] = [];
    const reading = (async () => {
      for await (const parts of stream) {
        received.push(...idsOf(parts));
        // Acknowledges a part of what it has, so that the next stream overlaps.
        if (received.length % 4 === 0 && parts[0]!.endLsn) stream.acknowledge(parts[0]!.endLsn);
      }
    })();
    await until(() => received.length > 300);
    server.kill9();
    await expect(reading).rejects.toMatchObject({ code: 'source-unavailable', retry: 'later' });
    const committed = await stop();
    await expect(open()).rejects.toMatchObject({ code: 'source-unavailable' });
    server = await start();
    db = await connect();
    const reader = new Reader(await open());
    const all = new Set(received);
    while (!all.has(committed.at(-1)!)) for (const id of idsOf([await reader.part()])) all.add(id);
    expect(committed.filter(id => !all.has(id))).toEqual([]);
  }, 30_000);

  test('being ended by an administrator is told as such', async () => {
    const stream = await open();
    await db.query('SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots');
    await expect(nextOf(stream)).rejects.toMatchObject({
      code: 'source-unavailable',
      message: 'terminating connection due to administrator command',
    });
  });

  test('a server that falls silent is given up', async () => {
    const stream = await open({ silenceLimitMs: 400 });
    await delay(1_000);
    const { holder } = (await slotStatus(db, SLOT))!;
    process.kill(holder!, 'SIGSTOP');
    try {
      await expect(nextOf(stream)).rejects.toThrow(/^the server was silent for 4\d\d ms$/);
    } finally {
      process.kill(holder!, 'SIGCONT');
    }
  });

  test('a slot that does not exist, or whose log is gone, is lost', async () => {
    await expect(open({ slot: 'nowhere' })).rejects.toMatchObject({ code: 'slot-lost', retry: 'never' });
    for (let segment = 0; segment < 8; segment++) {
      await db.query(`INSERT INTO other VALUES (1, 'x'); SELECT pg_switch_wal()`);
    }
    await db.query('CHECKPOINT');
    expect(await slotStatus(db, SLOT)).toMatchObject({ walStatus: 'lost' });
    expect(await ensureSlot(db, SLOT, PUBLICATION)).toBe('lost');
    await expect(open()).rejects.toMatchObject({ code: 'slot-lost' });
  });

  test('a publication that does not exist is named, before a slot is made that could never decode it', async () => {
    await expect(ensureSlot(db, 'early', 'nothing')).rejects.toMatchObject({
      code: 'publication-unusable',
      message: 'there is no publication "nothing"',
    });
    expect(await slotStatus(db, 'early')).toBeUndefined();
    const stream = await open({ publication: 'nothing' });
    await commit(1);
    await expect(nextOf(stream)).rejects.toMatchObject({ code: 'publication-unusable' });
  });

  test('a publication that is not insert-only is refused at the first row it should not carry', async () => {
    await db.query(`ALTER PUBLICATION ${PUBLICATION} SET (publish = 'insert, update')`);
    const stream = await open();
    await db.query(`INSERT INTO outbox (payload) VALUES ('{}'); UPDATE outbox SET payload = '[]'`);
    await expect(nextOf(stream)).rejects.toMatchObject({ message: 'the publication sent an update' });
  });

  test('a wrong password stays the error that it is', async () => {
    const url = new URL(server.url);
    url.password = 'guess';
    await expect(open({ connection: { connectionString: url.href } })).rejects.toMatchObject({ code: '28P01' });
  });
});

import { setTimeout as delay } from 'node:timers/promises';
import { epochOf, rowVersionOf, storedVersion, type Version } from '../core/version.ts';
import {
  addCase,
  type Canonical,
  interleave,
  openCanonical,
  openServer,
  seed,
  stampede,
  verdictOf,
} from './canonical-fixture.ts';

/** The outbox is kept for days, by days; the epoch outranks what was; the publication carries what the relay needs. */

let server: Awaited<ReturnType<typeof openServer>>;
let db: Canonical;
let ids: Awaited<ReturnType<typeof seed>>;

beforeAll(async () => {
  server = await openServer();
});
afterAll(() => server?.stop());
beforeEach(async () => {
  db = await openCanonical(server.url);
  ids = await seed(db);
});
afterEach(() => db?.close());

const day = (offset: number) => new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);
const partitionOf = (offset: number) => `outbox_${day(offset).replaceAll('-', '_')}`;
const partitions = async () =>
  (
    await db.sql<{ name: string }>(
      `select relname as name from pg_inherits join pg_class on pg_class.oid = inhrelid
        where inhparent = 'outbox'::regclass order by relname`,
    )
  ).map(({ name }) => name);
const addRow = (offset: number) =>
  db.sql(
    `insert into outbox (day, tenant_id, aggregate, aggregate_id, version, change, lane, schema_version, digest)
      values ($1, gen_random_uuid(), 'case', gen_random_uuid(), 1, 'updated', 'standard', 1, 0)`,
    [day(offset)],
  );
const maintain = (keepDays: number) =>
  db.sql<{ action: string; partition: string }>('select * from maintain_outbox($1)', [keepDays]);

describe('maintenance of the outbox', () => {
  test('there is a partition for today and the next days, and rows go there', async () => {
    expect(await partitions()).toEqual([0, 1, 2, 3].map(partitionOf).concat('outbox_default'));
    await addCase(db.main, ids.company);
    expect(await db.sql('select from outbox_default')).toEqual([]);
    expect(await maintain(7)).toEqual([]);
  });

  test('days that are over are dropped, and no others', async () => {
    for (const offset of [-9, -8, -7, -1]) {
      await db.sql(
        `create table ${partitionOf(offset)} partition of outbox for values from ('${day(offset)}') to ('${day(offset + 1)}')`,
      );
      await addRow(offset);
    }
    expect(await maintain(7)).toEqual([-9, -8].map(offset => ({ action: 'dropped', partition: partitionOf(offset) })));
    expect(await partitions()).toEqual([-7, -1, 0, 1, 2, 3].map(partitionOf).concat('outbox_default'));
  });

  test('where it did not run in time, rows wait in the default partition, which is replaced when all are old', async () => {
    for (const offset of [0, 1, 2, 3]) await db.sql(`drop table ${partitionOf(offset)}`);
    await addRow(-8);
    await addCase(db.main, ids.company);
    expect(await maintain(7)).toEqual([
      { action: 'left in default', partition: partitionOf(0) },
      ...[1, 2, 3].map(offset => ({ action: 'created', partition: partitionOf(offset) })),
    ]);
    expect(await db.sql(`select from outbox_default where day < now() - interval '7 days'`)).toHaveLength(1);

    await db.sql('drop table outbox_default');
    await db.sql('create table outbox_default partition of outbox default');
    await db.sql('alter table outbox_default owner to distributary_owner');
    await addRow(-8);
    expect(await maintain(7)).toEqual([
      { action: 'created', partition: partitionOf(0) },
      { action: 'replaced', partition: 'outbox_default' },
    ]);
    expect(await db.sql('select from outbox_default')).toEqual([]);
    expect(await verdictOf(db.sql('truncate outbox_default'))).toMatchObject({ code: '23001' });
  });

  test('runs of it at the same time, and commands meanwhile, do not hurt each other', async () => {
    for (const offset of [1, 2, 3]) await db.sql(`drop table ${partitionOf(offset)}`);
    await db.sql(
      `create table ${partitionOf(-9)} partition of outbox for values from ('${day(-9)}') to ('${day(-8)}')`,
    );
    const verdicts = await stampede(db, 8, async (one, index) => {
      for (let turn = 0; turn < 10; turn += 1) {
        if (index < 4) await one.query('select maintain_outbox(7)');
        else await addCase(one, ids.company);
      }
    });
    expect(verdicts).toEqual(Array(8).fill('done'));
    expect(await partitions()).toEqual([0, 1, 2, 3].map(partitionOf).concat('outbox_default'));
    expect(await db.sql(`select from outbox where aggregate = 'case'`)).toHaveLength(4 * 10 * 2);
  });

  test('it gives up rather than hold up commands behind a long transaction', async () => {
    await db.sql(
      `create table ${partitionOf(-9)} partition of outbox for values from ('${day(-9)}') to ('${day(-8)}')`,
    );
    const long = await db.connect();
    await long.query('begin');
    await addCase(long, ids.company);
    await long.query('set constraints all immediate');
    const maintainer = await db.connect('distributary_relay');
    const attempt = verdictOf(maintainer.query('select canonical.maintain_outbox(7)'));
    await delay(100);
    const started = performance.now();
    await addCase(db.main, ids.company);
    expect(performance.now() - started).toBeLessThan(4_000);
    expect(await attempt).toMatchObject({ code: '55P03' });
    await long.query('commit');
    expect(await maintain(7)).toEqual([{ action: 'dropped', partition: partitionOf(-9) }]);
  });
});

describe('the epoch', () => {
  test('outranks every version before it, and the row goes on counting', async () => {
    const id = await addCase(db.main, ids.company, 'received');
    await db.sql('select raise_epoch()');
    await db.sql(`update cases set title = 'Restored' where id = $1`, [id]);
    const rows = await db.sql<{ version: Version }>('select version from outbox where aggregate_id = $1 order by id', [
      id,
    ]);
    expect(rows.map(({ version }) => version)).toEqual([storedVersion(0, 1), storedVersion(1, 2)]);
    expect(epochOf(rows[1]!.version)).toBe(1);
    expect(rowVersionOf(rows[1]!.version)).toBe(2);
    const [row] = await db.sql('select version from capture.case_rows(null, 1)');
    expect(row).toEqual({ version: rows[1]!.version });
  });

  test('does not begin while somebody still writes in the old one', async () => {
    const { first, second, waited } = await interleave(
      db,
      async one => {
        await addCase(one, ids.company);
        await one.query('set constraints all immediate');
      },
      other => other.query('select raise_epoch()'),
    );
    expect({ first, second, waited }).toEqual({ first: 'done', second: 'done', waited: true });
  });

  test('ends where versions would be no safe integers any more', async () => {
    await db.sql('update epoch set epoch = 8191');
    expect(await verdictOf(db.sql('select raise_epoch()'))).toMatchObject({ code: '23514' });
  });
});

test('the publication carries inserts of the outbox as one table, and heartbeats', async () => {
  const [publication] = await db.sql(
    `select pubinsert, pubupdate, pubdelete, pubtruncate, pubviaroot from pg_publication where pubname = 'distributary_outbox'`,
  );
  expect(publication).toEqual({
    pubinsert: true,
    pubupdate: false,
    pubdelete: false,
    pubtruncate: false,
    pubviaroot: true,
  });
  const tables = await db.sql<{ tablename: string; attnames: string }>(
    `select tablename, array_to_string(attnames, ' ') as attnames from pg_publication_tables order by tablename`,
  );
  expect(tables).toEqual([
    { tablename: 'heartbeat', attnames: 'slot beat_at' },
    {
      tablename: 'outbox',
      attnames:
        'id tenant_id aggregate aggregate_id version change lane schema_version deleted digest traceparent recorded_at payload',
    },
  ]);
});

test('a beat says until when its relay stays, and old ones go', async () => {
  const relay = await db.connect('distributary_relay');
  await db.sql(`insert into heartbeat (slot, beat_at) values ('slot', now() - interval '2 hours')`);
  await relay.query(`select canonical.beat('slot', now() + interval '5 minutes')`);
  const beats = await db.sql(`select slot, deadline > now() as stays from heartbeat`);
  expect(beats).toEqual([{ slot: 'slot', stays: true }]);
});

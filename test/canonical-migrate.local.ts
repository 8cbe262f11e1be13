import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { jest } from '@jest/globals';
import pg from 'pg';
import { migrate } from '../functions/migrate/migrate.ts';
import { readScripts } from '../functions/migrate/scripts.ts';
import { CANONICAL, createDatabase, openServer } from './canonical-fixture.ts';

let server: Awaited<ReturnType<typeof openServer>>;
let url: string;

beforeAll(async () => {
  server = await openServer({ max_slot_wal_keep_size: '1MB' });
});
afterAll(() => server?.stop());
beforeEach(async () => {
  url = await createDatabase(server.url);
});
// Slots are the whole server's.
afterEach(() => query('select pg_drop_replication_slot(slot_name) from pg_replication_slots'));

const config = () => ({ connectionString: url });
const one = { name: '001-one.sql', sql: 'create table one (n integer)' };
const two = { name: '002-two.sql', sql: 'create table two (n integer)' };
const view = (text: string) => ({ name: 'view.sql', sql: `create or replace view v as select ${text} as n` });

async function query(text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(config());
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

test('the canonical store comes up, and a second run finds nothing to do', async () => {
  const scripts = readScripts(CANONICAL);
  expect(scripts.repeatable.map(({ name }) => name)).toEqual(['capture.sql']);
  const applied = await migrate(config(), scripts);
  expect(applied).toEqual([...scripts.migrations, ...scripts.repeatable].map(({ name }) => name));
  expect(applied[0]).toBe('001-roles.sql');
  expect(await migrate(config(), scripts)).toEqual([]);
});

test('a login without superuser rights can migrate, as on Aurora', async () => {
  await query(`drop role if exists migrator`);
  await query(`create role migrator login createrole replication password 'm'`);
  await query(`alter database ${new URL(url).pathname.slice(1)} owner to migrator`);
  const login = new URL(url);
  login.username = 'migrator';
  login.password = 'm';
  // Roles outlive the databases of other tests; on a new cluster this login makes them, and may hand itself their rights.
  await query('grant distributary_owner to migrator with admin option').catch(() => {});
  await query('grant distributary_relay to migrator with admin option').catch(() => {});
  const applied = await migrate({ connectionString: login.href }, readScripts(CANONICAL));
  expect(applied).toContain('capture.sql');
});

describe('the function behind the custom resource', () => {
  const answers: { Status: string; Reason?: string; PhysicalResourceId: string; Data?: object }[] = [];
  const cloudFormation = createServer(async (request, response) => {
    answers.push((await json(request)) as (typeof answers)[number]);
    response.end();
  });
  beforeAll(() => new Promise<void>(resolve => cloudFormation.listen(0, '127.0.0.1', resolve)));
  afterAll(() => new Promise(resolve => cloudFormation.close(resolve)));

  async function call(RequestType: string, database: string) {
    Object.assign(process.env, {
      DATABASE_URL: database,
      CANONICAL_DIR: CANONICAL,
      SLOT_NAME: 'migrated',
      PUBLICATION_NAME: 'distributary_outbox',
    });
    jest.resetModules();
    const { handler } = await import('../functions/migrate/index.ts');
    const { port } = cloudFormation.address() as AddressInfo;
    const event = { RequestType, ResponseURL: `http://127.0.0.1:${port}/`, StackId: 's', LogicalResourceId: 'Applied' };
    const context = { getRemainingTimeInMillis: () => 60_000 } as never;
    await handler(event as never, context);
    return { ...answers.at(-1)!, byHand: () => handler(null, context) };
  }

  test('migrates and makes the slot on creation and on update, and leaves the data alone on deletion', async () => {
    expect(await call('Create', url)).toMatchObject({
      Status: 'SUCCESS',
      PhysicalResourceId: 'canonical-schema',
      Data: { applied: String(Object.values(readScripts(CANONICAL)).flat().length) },
    });
    expect(await call('Update', url)).toMatchObject({ Status: 'SUCCESS', Data: { applied: '0' } });
    expect(await call('Delete', url)).toMatchObject({ Status: 'SUCCESS' });
    expect(await query('select from canonical.cases')).toEqual([]);
    expect(await query('select plugin from pg_replication_slots')).toEqual([{ plugin: 'pgoutput' }]);
  });

  test('a slot that it makes for the second time leaves a gap, which it notes; a lost one it replaces by hand only', async () => {
    const noted = () => query('select anew_at as at from canonical.slots');
    const { byHand } = await call('Create', url);
    expect(await noted()).toEqual([{ at: null }]);
    expect(await byHand()).toMatchObject({ applied: [], slot: 'present' });

    await query(`select pg_drop_replication_slot('migrated')`);
    await call('Update', url);
    const [first] = (await noted()) as unknown as [{ at: Date }];
    expect(first.at).toBeInstanceOf(Date);

    await query('create table wal (content text)');
    const status = async () => (await query('select wal_status as status from pg_replication_slots'))[0];
    while ((await status())?.status !== 'lost') {
      await query(`insert into wal values ('x')`);
      await query('select pg_switch_wal()');
      await query('checkpoint');
    }
    await call('Update', url);
    expect(await noted()).toEqual([first]);
    expect(await byHand()).toMatchObject({ slot: 'created' });
    expect(await status()).toEqual({ status: 'reserved' });
    const [second] = (await noted()) as unknown as [{ at: Date }];
    expect(second.at.getTime()).toBeGreaterThan(first.at.getTime());
  });

  test('tells CloudFormation why it failed', async () => {
    const silenced = jest.spyOn(console, 'error').mockImplementation(() => {});
    await query('create schema canonical');
    const { Status, Reason } = await call('Create', url);
    silenced.mockRestore();
    expect(Status).toBe('FAILED');
    expect(Reason).toContain('canonical/001-roles.sql');
    expect(Reason).toContain('schema "canonical" already exists (42P06) (migration-failed)');
  });
});

test('new ones are applied in order, a repeatable one when its text differs', async () => {
  expect(await migrate(config(), { migrations: [one], repeatable: [view('1')] })).toEqual(['001-one.sql', 'view.sql']);
  expect(await migrate(config(), { migrations: [one, two], repeatable: [view('1')] })).toEqual(['002-two.sql']);
  expect(await migrate(config(), { migrations: [one, two], repeatable: [view('2')] })).toEqual(['view.sql']);
  expect(await query('select n from v')).toEqual([{ n: 2 }]);
});

test('an applied migration that was changed is refused by name, and nothing else is applied', async () => {
  await migrate(config(), { migrations: [one], repeatable: [] });
  const changed = { ...one, sql: `${one.sql} -- changed` };
  await expect(migrate(config(), { migrations: [changed, two], repeatable: [] })).rejects.toMatchObject({
    code: 'migration-changed',
    message: 'migration 001-one.sql was applied with another text',
  });
  expect(await query(`select to_regclass('two') as two`)).toEqual([{ two: null }]);
  const otherLineEnds = { ...one, sql: `${one.sql}\r\n` };
  await migrate(config(), { migrations: [{ name: '003.sql', sql: 'select 1;\n' }], repeatable: [] });
  await expect(
    migrate(config(), { migrations: [{ name: '003.sql', sql: 'select 1;\r\n' }], repeatable: [] }),
  ).resolves.toEqual([]);
  await expect(migrate(config(), { migrations: [otherLineEnds], repeatable: [] })).rejects.toMatchObject({
    code: 'migration-changed',
  });
});

test('one that fails leaves nothing of itself, keeps those before it, and says file, line and reason', async () => {
  const broken = { name: '002-broken.sql', sql: 'create table half (n integer);\n\ncreate tabel whole ();' };
  const attempt = migrate(config(), { migrations: [one, broken], repeatable: [] });
  await expect(attempt).rejects.toMatchObject({
    code: 'migration-failed',
    place: { file: 'canonical/002-broken.sql', line: 3 },
    message: 'syntax error at or near "tabel" (42601)',
  });
  expect(await query(`select to_regclass('one')::text as one, to_regclass('half') as half`)).toEqual([
    { one: 'one', half: null },
  ]);
  expect(await migrate(config(), { migrations: [one, two], repeatable: [] })).toEqual(['002-two.sql']);
});

test('several at the same time apply each script once', async () => {
  const scripts = { migrations: [one, two], repeatable: [view('1')] };
  const applied = await Promise.all(Array.from({ length: 5 }, () => migrate(config(), scripts)));
  expect(applied.flat().sort()).toEqual(['001-one.sql', '002-two.sql', 'view.sql']);
});

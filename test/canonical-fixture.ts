import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { migrate } from '../functions/migrate/migrate.ts';
import { readScripts } from '../functions/migrate/scripts.ts';
import { type Postgres, startPostgres } from '../local/postgres.ts';

export const CANONICAL = join(import.meta.dirname, '..', 'canonical');

/** Counts and versions of these tests are small: bigint as a number reads better. */
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

type Role =
  | 'distributary_app'
  | 'distributary_query'
  | 'distributary_relay'
  | 'distributary_reader'
  | 'distributary_operator'
  | 'distributary_owner';

/** A real server with an empty database, for one test file. */
export async function openServer(settings: Readonly<Record<string, string>> = {}) {
  const dataDir = mkdtempSync(join(tmpdir(), 'distributary-canonical-'));
  const log: string[] = [];
  const server: Postgres = await startPostgres({
    dataDir,
    onLog: line => log.push(line),
    settings,
  });
  return {
    url: server.url,
    async stop() {
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** A migrated database: `main` and `sql` are the superuser's, `connect` gives more connections, `close` ends them all. */
export async function openCanonical(serverUrl: string) {
  const url = await createDatabase(serverUrl);
  await migrate({ connectionString: url }, readScripts(CANONICAL));
  const clients: pg.Client[] = [];
  const connect = async (role?: Role): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url });
    clients.push(client);
    await client.connect();
    if (role) await client.query(`set session authorization ${role}`);
    return client;
  };
  const main = await connect();
  return {
    url,
    main,
    connect,
    sql: async <R extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<R[]> =>
      (await main.query<R>(text, [...values])).rows,
    close: async () => {
      await Promise.all(clients.map(client => client.end()));
    },
  };
}
export type Canonical = Awaited<ReturnType<typeof openCanonical>>;

/** A seeded database on a server of its own, until the last test of the file is over. */
export async function seededCanonical() {
  const server = await openServer();
  let db: Canonical | undefined;
  afterAll(async () => {
    await db?.close();
    await server.stop();
  });
  db = await openCanonical(server.url);
  return { db, ids: await seed(db) };
}

export async function createDatabase(serverUrl: string): Promise<string> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  await client.query(`create database ${name}`);
  await client.end();
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

/** The bureau, a company with its party, and an investigator. */
export async function seed({ sql }: Pick<Canonical, 'sql'>) {
  const ids = { bureau: randomUUID(), company: randomUUID(), party: randomUUID(), investigator: randomUUID() };
  await sql(`insert into tenants (id, name, kind) values ($1, 'Bureau', 'bureau'), ($2, 'Acme Bank', 'company')`, [
    ids.bureau,
    ids.company,
  ]);
  await sql(`insert into parties (id, tenant_id, kind, name) values ($1, $2, 'company', 'Acme Bank')`, [
    ids.party,
    ids.company,
  ]);
  await sql(`insert into users (id, display_name) values ($1, 'Ines Ortega')`, [ids.investigator]);
  await sql(
    `insert into memberships (tenant_id, tenant_kind, user_id, role) values ($1, 'bureau', $2, 'investigator')`,
    [ids.bureau, ids.investigator],
  );
  return ids;
}

type Query = Pick<pg.Client, 'query'>;

/** A case of the tenant in the given status, by the shortest legal way. */
export async function addCase(
  db: Query,
  tenant: string,
  status: 'draft' | 'received' | 'referred' | 'closed' = 'referred',
) {
  const id = randomUUID();
  const first = status === 'draft' ? 'draft' : 'received';
  await db.query(
    `insert into cases (id, tenant_id, title, product, issue, status) values ($1, $2, 'A fee', 'Credit card', 'Fees', $3)`,
    [id, tenant, first],
  );
  if (status === 'referred' || status === 'closed')
    await db.query(`update cases set status = 'referred' where id = $1`, [id]);
  if (status === 'closed') await closeCase(db, id);
  return id;
}

/** So many, one after the other: a connection does one thing at a time. */
export async function several<T>(count: number, make: () => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  while (made.length < count) made.push(await make());
  return made;
}

export const closeCase = (db: Query, id: string) =>
  db.query(`update cases set status = 'closed', outcome = 'explanation' where id = $1`, [id]);

/** What the database says when it refuses: SQLSTATE and the name of the rule. */
export interface Refusal {
  readonly code: string;
  readonly rule: string;
  readonly message: string;
  readonly hint: string;
}
export type Verdict = 'done' | Refusal;

export async function verdictOf(attempt: Promise<unknown>): Promise<Verdict> {
  try {
    await attempt;
    return 'done';
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error;
    const { code = '', constraint = '', message, hint = '' } = error;
    return { code, rule: constraint, message, hint };
  }
}

/** How long a statement that must wait for a lock is given to show that it does. */
const SETTLE_MS = 150;

/**
 * Two open transactions: the first has done its part when the second begins its own, and commits while the second waits
 * or is done. Says what became of both.
 */
export async function interleave(
  canonical: Canonical,
  first: (db: pg.Client) => Promise<unknown>,
  second: (db: pg.Client) => Promise<unknown>,
  isolation: 'read committed' | 'serializable' = 'read committed',
): Promise<{ first: Verdict; second: Verdict; waited: boolean }> {
  const [a, b] = await Promise.all([canonical.connect(), canonical.connect()]);
  await a.query(`begin isolation level ${isolation}`);
  await b.query(`begin isolation level ${isolation}`);
  await b.query('select 1 from tenants');
  await first(a);
  let pending = true;
  const late = verdictOf(second(b)).finally(() => {
    pending = false;
  });
  await delay(SETTLE_MS);
  const waited = pending;
  const firstVerdict = await verdictOf(a.query('commit'));
  const secondVerdict = await late;
  const committed = secondVerdict === 'done' ? await verdictOf(b.query('commit')) : secondVerdict;
  if (secondVerdict !== 'done') await b.query('rollback');
  return { first: firstVerdict, second: committed, waited };
}

/** The same attempt on so many connections at the same moment. */
export async function stampede(
  canonical: Canonical,
  contenders: number,
  attempt: (db: pg.Client, index: number) => Promise<unknown>,
): Promise<readonly Verdict[]> {
  const clients = await Promise.all(Array.from({ length: contenders }, () => canonical.connect()));
  return Promise.all(clients.map((client, index) => verdictOf(attempt(client, index))));
}

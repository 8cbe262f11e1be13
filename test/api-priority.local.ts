import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import pg from 'pg';
import { ISSUER_FILE, signToken } from '../local/issuer.ts';
import { type LocalMode, startLocalMode } from '../local/local-mode.ts';

/**
 * What takes rights away overtakes: a restriction is in force at once in what is read through the API, and soon in every
 * store, however many ordinary changes wait. BACKLOG says how many; 50,000 take a quiet machine some minutes.
 */

const BACKLOG = Number(process.env.BACKLOG ?? 12_000);
const CASES = 2_000;
const TIMEOUT_MS = 200_000;

const folder = mkdtempSync(join(tmpdir(), 'distributary-priority-'));
chmodSync(folder, 0o755);
let mode: LocalMode;
let db: pg.Client;
const [bureau, acme, supervisor, clerk, target] = Array.from({ length: 5 }, () => randomUUID());

beforeAll(async () => {
  mode = await startLocalMode({ dataDir: folder, search: 'embedded' });
  db = new pg.Client(mode.endpoints.postgres.url);
  await db.connect();
  await db.query('set search_path = canonical');
  await db.query(`insert into tenants (id, name, kind) values ($1, 'Bureau', 'bureau'), ($2, 'Acme', 'company')`, [
    bureau,
    acme,
  ]);
  for (const [user, tenant, kind, role] of [
    [supervisor, bureau, 'bureau', 'supervisor'],
    [clerk, acme, 'company', 'company-user'],
  ]) {
    await db.query(`insert into users (id, display_name) values ($1, 'Somebody')`, [user]);
    await db.query('insert into memberships (tenant_id, tenant_kind, user_id, role) values ($1, $2, $3, $4)', [
      tenant,
      kind,
      user,
      role,
    ]);
  }
  await openCases([target!]);
}, TIMEOUT_MS);
afterAll(async () => {
  await db?.end();
  await mode?.stop();
  rmSync(folder, { recursive: true, force: true });
}, TIMEOUT_MS);

const openCases = (ids: readonly string[]) =>
  db.query(
    `insert into cases (id, tenant_id, title, product, issue, status)
      select id, $2, 'A fee', 'Credit card', 'Fees', 'received' from unnest($1::uuid[]) id`,
    [ids, acme],
  );

async function call(user: string, method: string, path: string, body?: object) {
  const token = await signToken(readFileSync(join(folder, ISSUER_FILE), 'utf8'), mode.endpoints.issuer!, user);
  const response = await fetch(mode.endpoints.api + path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'if-match': '*' },
    ...(body && { body: JSON.stringify(body) }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: as deep as the test looks
  return { status: response.status, body: (await response.json()) as any };
}

async function until(what: string, look: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 90_000; Date.now() < deadline; await delay(20)) if (await look()) return;
  throw new Error(`not in time: ${what}`);
}

/** Everything committed so far is with the queues. */
async function published(): Promise<void> {
  const { rows } = await db.query<{ lsn: string }>('select pg_current_wal_lsn() as lsn');
  await until('the relay has published the backlog', async () => {
    const slots = await db.query('select from pg_replication_slots where confirmed_flush_lsn >= $1', [rows[0]!.lsn]);
    return slots.rows.length > 0;
  });
}

const waiting = async (queue: string): Promise<number> => {
  const { queues } = await mode.status();
  const depth = queues.find(({ name }) => name === queue)!;
  return depth.visible + depth.inFlight;
};

/** Whether a table has the case in that version. */
async function hasCome(client: DynamoDBClient, table: string, version: number): Promise<boolean> {
  const { Items = [] } = await client.send(
    new ScanCommand({
      TableName: table,
      FilterExpression: '#key = :key AND #version >= :version',
      ExpressionAttributeNames: { '#key': 'key', '#version': 'version' },
      ExpressionAttributeValues: { ':key': { S: target! }, ':version': { N: String(version) } },
    }),
  );
  return Items.length > 0;
}

test(
  `a restriction overtakes ${BACKLOG} ordinary changes, and is in force at once in what is read`,
  async () => {
    const { dynamodb, region, credentials, opensearch } = mode.endpoints;
    const client = new DynamoDBClient({ endpoint: dynamodb.endpoint, region, credentials: { ...credentials } });
    await until(
      'the clerk finds the case',
      async () => (await call(clerk!, 'POST', '/search', {})).body.hits?.length === 1,
    );
    await call(supervisor!, 'GET', `/cases/${target}`);

    await openCases(Array.from({ length: CASES }, () => randomUUID()));
    for (let changes = CASES; changes < BACKLOG; changes += CASES) {
      await db.query(`update cases set title = 'A fee ' || $1 where id <> $2`, [changes, target]);
    }
    await published();
    expect(await waiting('distributary-case-timeline')).toBeGreaterThan(10);

    const start = Date.now();
    const { status, body } = await call(supervisor!, 'PUT', `/cases/${target}/restriction`);
    expect(status).toBe(200);
    expect(await call(clerk!, 'GET', `/cases/${target}`)).toMatchObject({ status: 404 });
    expect(await call(clerk!, 'GET', `/cases/${target}/timeline`)).toMatchObject({ status: 404 });
    const { hits } = (await call(clerk!, 'POST', '/search', { filter: { field: 'title', exists: true } })).body;
    expect(hits.map(({ id }: { id: string }) => id)).not.toContain(target);

    await until('the timeline has it', () => hasCome(client, 'distributary-case-timeline', body.version));
    const timelineSeconds = (Date.now() - start) / 1000;
    const stillWaiting = await waiting('distributary-case-timeline');
    await until('search has it', async () => {
      const answer = await fetch(`${opensearch.url}/case-search/_doc/${target}`);
      // biome-ignore lint/suspicious/noExplicitAny: as deep as the test looks
      return ((await answer.json()) as any)._source?.restricted === true;
    });
    const searchSeconds = (Date.now() - start) / 1000;
    console.log(
      `in the timeline after ${timelineSeconds} s, in search after ${searchSeconds} s; ${stillWaiting} messages still waiting`,
    );
    expect(stillWaiting).toBeGreaterThan(0);
    client.destroy();
  },
  TIMEOUT_MS,
);

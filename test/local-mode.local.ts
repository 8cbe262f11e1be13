import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { openOverview } from '../bin/overview/overview.ts';
import { settle } from '../bin/running/settled.ts';
import { readDefinitions } from '../lib/definitions.ts';
import { ENDPOINTS_FILE, type Endpoints, readEndpoints } from '../local/endpoints.ts';
import type { LocalEvent, LocalMode } from '../local/local-mode.ts';
import { isAlive } from '../local/process-life.ts';
import { findRealParts } from '../local/search/real.ts';
import { startLocalMode } from '../local/starting.ts';
import { verifyStores } from '../local/verify.ts';
import { until } from './local-fixture.ts';

/** Servers are started, killed and started again on a machine that may be busy. */
const START_MS = 180_000;
const KILLS_MS = 400_000;
const CASES_PER_STEP = 12;
const STEP_PAUSE_MS = 100;

const dataDir = mkdtempSync(join(tmpdir(), 'local-mode-'));
// Servers that refuse to run as root run as somebody else.
chmodSync(dataDir, 0o755);
const events: LocalEvent[] = [];
let mode: LocalMode | undefined;
const start = async () => {
  mode = await startLocalMode({ dataDir, search: 'embedded', onEvent: event => events.push(event) });
  return mode;
};

afterAll(async () => {
  await mode?.stop();
  rmSync(dataDir, { recursive: true, force: true });
}, START_MS);

/** Writes cases as fast as it is let, over every restart of the canonical store: inserts, updates, restrictions, deletes. */
class Writer {
  readonly #url: string;
  #isDone = false;
  #steps = 0;
  readonly #ended: Promise<void>;

  constructor({ postgres }: Endpoints) {
    this.#url = postgres.url;
    this.#ended = this.#write();
  }

  get steps(): number {
    return this.#steps;
  }

  async stop(): Promise<void> {
    this.#isDone = true;
    await this.#ended;
  }

  async #write(): Promise<void> {
    while (!this.#isDone) {
      const client = new pg.Client(this.#url);
      client.on('error', () => {});
      try {
        await client.connect();
        while (!this.#isDone) await this.#step(client);
      } catch (error) {
        // The server was killed: what was not committed is not there, and what was is. Go on with the next step.
        if (error instanceof pg.DatabaseError && !/^(57|08)/.test(error.code ?? '')) throw error;
        await delay(100);
      }
      await client.end().catch(() => {});
    }
  }

  async #step(client: pg.Client): Promise<void> {
    const tenant = await tenantOf(client);
    const ids = Array.from({ length: CASES_PER_STEP }, () => randomUUID());
    await client.query(
      `INSERT INTO canonical.cases (id, tenant_id, title, product, issue, status)
       SELECT id, $1, 'Case ' || id, 'Mortgage', 'Fees', 'received' FROM unnest($2::uuid[]) id`,
      [tenant, ids],
    );
    await client.query(`UPDATE canonical.cases SET title = 'Changed ' || id WHERE id = ANY ($1)`, [ids.slice(0, 6)]);
    await client.query('UPDATE canonical.cases SET restricted = true WHERE id = ANY ($1)', [ids.slice(0, 2)]);
    await client.query('DELETE FROM canonical.cases WHERE id = ANY ($1)', [ids.slice(-2)]);
    this.#steps += 1;
    await delay(STEP_PAUSE_MS);
  }
}

async function tenantOf(client: pg.Client): Promise<string> {
  const { rows } = await client.query("SELECT id FROM canonical.tenants WHERE name = 'Test'");
  if (rows[0]) return rows[0].id;
  await client.query("INSERT INTO canonical.tenants (name, kind) VALUES ('Test', 'company')");
  return tenantOf(client);
}

/** Every store, document by document, against the canonical rows. */
async function expectAgreement(endpoints: Endpoints): Promise<void> {
  const { catalogue, definitions } = await readDefinitions();
  await settle(endpoints, catalogue);
  const looking = openOverview(endpoints, catalogue);
  try {
    const { stores } = await looking.look();
    expect(stores.map(({ store, failed }) => ({ store, failed }))).toEqual(
      stores.map(({ store }) => ({ store, failed: 0 })),
    );
  } finally {
    await looking.close();
  }
  const verdicts = await verifyStores(endpoints, definitions);
  expect(verdicts.map(({ store, drift, examples }) => ({ store, drift, examples }))).toEqual(
    verdicts.map(({ store }) => ({ store, drift: 0, examples: [] })),
  );
  expect(verdicts.length).toBeGreaterThanOrEqual(4);
}

test(
  'local mode starts from nothing, and tells clients where everything is',
  async () => {
    const { endpoints } = await start();
    expect(readEndpoints(dataDir)).toEqual(endpoints);
    await expect(startLocalMode({ dataDir })).rejects.toMatchObject({ code: 'folder-in-use' });
  },
  START_MS,
);

test(
  'whatever is killed during load, nothing is lost and nothing is stale at the end',
  async () => {
    const running = mode!;
    const writer = new Writer(running.endpoints);
    const find = (name: string) => running.processes().find(process => process.name.endsWith(name));
    for (const name of [
      'relay',
      'project-case-search',
      'aws',
      'project-case-facts',
      'dynamodb',
      'search',
      'postgres',
      'relay',
    ]) {
      const before = writer.steps;
      await until(() => writer.steps > before + 5, 'the writer writes', 60_000);
      const victim = await until(() => find(name), `${name} runs`, 60_000);
      victim.kill9();
      await until(() => !isAlive(victim.pid), `${name} is gone`);
      await until(() => find(name), `${name} runs again`, 60_000);
    }
    await writer.stop();
    await expectAgreement(running.endpoints);
    const died = events.flatMap(event => (event.kind === 'died' ? [event.name] : []));
    expect(died).toEqual(['aws', 'dynamodb', 'search', 'postgres']);
  },
  KILLS_MS,
);

test(
  'it stops with everything it has started, and resumes where it was',
  async () => {
    const first = mode!;
    const pids = first.processes().map(({ pid }) => pid);
    const writer = new Writer(first.endpoints);
    await until(() => writer.steps > 5, 'there is something in hand', 60_000);
    await writer.stop();
    await first.stop();
    expect(pids.filter(isAlive)).toEqual([]);
    expect(existsSync(join(dataDir, ENDPOINTS_FILE))).toBe(false);

    const second = await start();
    const { pid, startedAt, ...places } = first.endpoints;
    expect(second.endpoints).toMatchObject(places);
    await expectAgreement(second.endpoints);
  },
  START_MS + KILLS_MS,
);

test(
  'another search engine is filled from what the canonical store holds',
  async () => {
    await mode?.stop();
    const parts = await findRealParts(process.env);
    if ('missing' in parts) return void console.warn(`skipped "another search engine": ${parts.missing}`);
    mode = await startLocalMode({ dataDir, search: 'real', onEvent: event => events.push(event) });
    expect(mode.endpoints.opensearch.kind).toBe('real');
    await expectAgreement(mode.endpoints);
  },
  START_MS + KILLS_MS,
);

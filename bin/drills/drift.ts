import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { DRIFT_KINDS, type DriftKind } from '../../core/drift.ts';
import { type AggregateId, storedVersion, type TenantId } from '../../core/version.ts';
import type { DriftReport } from '../../functions/operate/drift/drift-report.ts';
import { readDefinitions } from '../../lib/definitions.ts';
import type { Endpoints } from '../../local/endpoints.ts';
import { startLocalMode } from '../../local/starting.ts';
import { openStores } from '../../local/verification/open-stores.ts';
import type { Session } from '../command.ts';
import { followRun } from '../operate/following.ts';
import { driftReportOf } from '../operate/shown-drift.ts';
import { localOperations } from '../operations.ts';
import { settle } from '../running/settled.ts';
import { openTerminal } from '../terminal/terminal.ts';

/** `npm run drill:drift`: one of each kind of drift among 100,000 documents in a real OpenSearch, found and repaired. */

const STORE = 'case-search';
/** The others would be filled through a local key-value table, at some hundred documents a second. */
const STORES = [STORE, 'case-facts'];
const CASES = Number(process.env.CASES ?? 100_000);
const CASES_AT_ONCE = 5_000;
const ASKING = { actor: 'drill', reason: 'npm run drill:drift' };

const terminal = openTerminal();
const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interruption.abort());
const session: Session = { terminal, json: false, signal: interruption.signal };

const dataDir = mkdtempSync(join(tmpdir(), 'drill-drift-'));
chmodSync(dataDir, 0o755);
const mode = await startLocalMode({ dataDir, search: 'real', stores: STORES }).catch(error => {
  rmSync(dataDir, { recursive: true, force: true });
  throw error;
});
try {
  process.exitCode = (await drill(mode.endpoints)) ? 0 : 1;
} finally {
  await mode.stop();
  rmSync(dataDir, { recursive: true, force: true });
}

async function drill(endpoints: Endpoints): Promise<boolean> {
  const client = new pg.Client(endpoints.postgres.url);
  await client.connect();
  try {
    const tenant = await fill(client);
    await backfill(endpoints);
    const { catalogue } = await readDefinitions();
    const projected = catalogue.projected.filter(({ store_name }) => STORES.includes(store_name));
    await settle(endpoints, { ...catalogue, projected }, { signal: session.signal });
    const clean = await compare(endpoints, false);
    const planted = await plant(endpoints, client, tenant);
    const found = await compare(endpoints, false);
    const repaired = await compare(endpoints, true);
    const after = await compare(endpoints, false);
    const report = { cases: CASES, search: endpoints.opensearch.version, clean, found, repaired, after };
    terminal.print(JSON.stringify(report, null, 2));
    return (
      clean.report.mismatches === 0 &&
      DRIFT_KINDS.every(kind => found.report.findings.some(one => one.kind === kind && one.key === planted[kind])) &&
      found.report.mismatches === DRIFT_KINDS.length &&
      repaired.report.repaired === DRIFT_KINDS.length &&
      after.report.mismatches === 0
    );
  } finally {
    await client.end();
  }
}

/** Past capture, which would take minutes; a backfill brings them into the store. */
async function fill(client: pg.Client): Promise<TenantId> {
  const text = `insert into canonical.tenants (name, kind) values ('Drill', 'company') returning id`;
  const tenant = (await client.query<{ id: TenantId }>(text)).rows[0]!.id;
  for (let done = 0; done < CASES && !interruption.signal.aborted; done += CASES_AT_ONCE) {
    await client.query('begin');
    await client.query(`set local session_replication_role = 'replica'`);
    await client.query(
      `insert into canonical.cases (tenant_id, title, product, issue, narrative, status, version, change)
       select $1, 'Case ' || n, 'Mortgage', 'Fees', repeat('A fee that nobody can explain. ', 15), 'received', 1, 'created'
         from generate_series(1, $2::integer) n`,
      [tenant, Math.min(CASES_AT_ONCE, CASES - done)],
    );
    await client.query('commit');
    terminal.note(`${Math.min(CASES, done + CASES_AT_ONCE)} cases written`);
  }
  // As the trigger notes each of them, so that a deletion is known for one.
  await client.query(
    `insert into canonical.identifiers (id, aggregate, tenant_id) select id, 'case', tenant_id from canonical.cases`,
  );
  await client.query('analyze canonical.cases, canonical.identifiers');
  return tenant;
}

async function backfill(endpoints: Endpoints): Promise<void> {
  const operations = localOperations(endpoints, ASKING);
  try {
    const run = await operations.ask('backfill.start', { store: STORE });
    const ended = await followRun(operations, run, session);
    if (ended.state !== 'done') throw new Error(`the backfill is ${ended.state}: ${ended.error?.message}`);
  } finally {
    operations.close();
  }
}

/** Past the triggers, and past the canonical store: what no pipeline can have made. */
async function plant(
  endpoints: Endpoints,
  client: pg.Client,
  tenant: TenantId,
): Promise<Readonly<Record<DriftKind, string>>> {
  const { rows } = await client.query<{ id: string }>('select id from canonical.cases limit 3');
  const [stale, different, buried] = rows.map(({ id }) => id) as [string, string, string];
  const [missing, extra] = [randomUUID(), randomUUID() as AggregateId];
  await client.query('begin');
  await client.query(`set local session_replication_role = 'replica'`);
  await client.query(
    `insert into canonical.cases (id, tenant_id, title, product, issue, status, version, change)
     values ($1, $2, 'Nobody heard of it', 'Mortgage', 'Fees', 'received', 1, 'created')`,
    [missing, tenant],
  );
  await client.query(`update canonical.cases set title = 'Unheard', version = version + 1 where id = $1`, [stale]);
  await client.query(`update canonical.cases set title = 'Forged' where id = $1`, [different]);
  await client.query('delete from canonical.cases where id = $1', [buried]);
  await client.query('commit');
  const stores = openStores(endpoints);
  const store = stores.open((await readDefinitions()).catalogue.projected.find(one => one.store_name === STORE)!);
  const write = { key: extra, tenant, version: storedVersion(0, 7), digest: 7, committedAt: Date.now() };
  await store.write((await store.current())!, [{ ...write, document: { status: 'received' } }]);
  stores.close();
  return { missing, extra, stale, different, 'should-be-tombstone': buried };
}

interface Comparison {
  readonly report: Omit<DriftReport, 'findings'> & { readonly findings: readonly { key: string; kind: DriftKind }[] };
  /** Searches that the index answered, and its refreshes. */
  readonly requests: { readonly searches: number; readonly refreshes: number };
}

async function compare(endpoints: Endpoints, repair: boolean): Promise<Comparison> {
  const operations = localOperations(endpoints, ASKING);
  try {
    const before = await requestsOf(endpoints);
    const run = await operations.ask('drift.start', { store: STORE, repair });
    const report = driftReportOf(await followRun(operations, run, session));
    const { searches, refreshes } = await requestsOf(endpoints);
    const requests = { searches: searches - before.searches, refreshes: refreshes - before.refreshes };
    terminal.note(
      `${report.rows} rows, ${report.mismatches} mismatches, ${report.seconds} s, ${requests.searches} searches`,
    );
    const findings = report.findings.map(({ key, kind }) => ({ key, kind }));
    return { report: { ...report, findings }, requests };
  } finally {
    operations.close();
  }
}

/** As the engine counts them. */
async function requestsOf({ opensearch }: Endpoints): Promise<Comparison['requests']> {
  const answer = await fetch(new URL('/_stats/search,refresh', opensearch.url));
  const { _all } = (await answer.json()) as {
    _all: { primaries: { search: { query_total: number }; refresh: { external_total: number } } };
  };
  return { searches: _all.primaries.search.query_total, refreshes: _all.primaries.refresh.external_total };
}

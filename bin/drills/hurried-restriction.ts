import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { DistributaryError } from '../../core/errors.ts';
import type { ProjectedContract } from '../../core/store-contract.ts';
import type { AggregateId } from '../../core/version.ts';
import type { Endpoints } from '../../local/endpoints.ts';
import { type OpenStores, openStores } from '../../local/verification/open-stores.ts';
import type { AskApi } from './api-client.ts';
import { type Look, watchFacts } from './fact-watch.ts';
import type { DrillCase, DrillWorld } from './made-up-people.ts';

/** All ordinary changes are of these. */
const CASES = 2_000;
const LOOK_MS = 20;
/** A store that has not come that far by then is out of order. */
const PATIENCE_MS = 90_000;

export interface RestrictionReport {
  /** Ordinary changes that were committed right before. */
  readonly backlog: number;
  /** Messages of ordinary changes that were still in the queues of all stores when the last of them had the restriction. */
  readonly stillWaiting: number;
  /** From the request to the answer of the command, milliseconds. */
  readonly commandMs: number;
  /** From the commit until the store has it, milliseconds. */
  readonly inForceMs: Readonly<Record<string, number>>;
  /** Reads that showed the case after it was restricted to somebody who may not see it. */
  readonly shown: readonly string[];
}

/**
 * Commits a backlog, restricts the first case of the world before any store has come through it, and looks when each store
 * has the restriction; what is read through the API meanwhile must not show the case, from the command's answer on.
 */
export async function hurryRestriction(
  endpoints: Endpoints,
  db: pg.Client,
  ask: AskApi,
  world: DrillWorld,
  { contracts, backlog }: { readonly contracts: readonly ProjectedContract[]; readonly backlog: number },
): Promise<RestrictionReport> {
  const kase = world.cases[0]!;
  await commitBacklog(db, world, backlog);
  await published(db, endpoints.slot);
  const stores = openStores(endpoints);
  try {
    const restrict = { method: 'PUT', path: `/cases/${kase.id}/restriction` };
    const looks = await Promise.all(
      contracts.map(async contract => ({
        name: contract.store_name,
        look: await lookInto(stores, endpoints, contract, kase.id),
      })),
    );
    // For no version that there is: the function is awake then.
    await ask(world.supervisor, { ...restrict, ifMatch: '"0"' });
    const start = performance.now();
    const reply = await ask(world.supervisor, { ...restrict, ifMatch: '*' });
    if (reply.status !== 200)
      throw new DistributaryError('store-unavailable', `the restriction has status ${reply.status}`);
    const commandMs = Math.round(performance.now() - start);
    const committedAt = await restrictedAt(db, kase);
    const came = looks.map(async ({ name, look }) => {
      const cameAt = await hasCome(look, name, reply.body.version);
      return [name, cameAt - committedAt] as const;
    });
    const [shown, inForce] = await Promise.all([readsOf(ask, world, kase), Promise.all(came)]);
    const stillWaiting = await waitingIn(endpoints, contracts);
    return { backlog, stillWaiting, commandMs, inForceMs: Object.fromEntries(inForce), shown };
  } finally {
    stores.close();
  }
}

/**
 * New cases, each of whose first changes is committed again and again, a version newer: to the relay and to all behind it what
 * as many commands would have made, at a fraction of what these cost.
 */
async function commitBacklog(db: pg.Client, { companies: [company] }: DrillWorld, backlog: number): Promise<void> {
  const ids = Array.from({ length: Math.min(CASES, backlog) }, () => randomUUID());
  await db.query(
    `insert into canonical.cases (id, tenant_id, title, product, issue, status)
      select id, $2, 'A fee', 'Backlog', 'Fees', 'received' from unnest($1::uuid[]) id`,
    [ids, company],
  );
  const more = backlog - ids.length;
  await db.query('begin');
  // The triggers would number and capture each change by itself.
  await db.query('set local session_replication_role = replica');
  await db.query(AGAIN, [ids, Math.ceil(more / ids.length), more]);
  await db.query('commit');
}

/** The cases get the versions that were published of them, so that what comes later is newer. */
const AGAIN = `
  with again as (
    insert into canonical.outbox
           (tenant_id, aggregate, aggregate_id, version, change, lane, schema_version, deleted, digest, payload)
    select tenant_id, aggregate, aggregate_id, version + turn, 'updated', 'standard', schema_version, deleted,
           canonical.digest(aggregate_id, version + turn, payload), payload
      from canonical.outbox, generate_series(1, $2::int) turn
     where aggregate_id = any ($1) order by turn limit $3
    returning aggregate_id, version)
  update canonical.cases set version = newest.version & ((1::bigint << 40) - 1)
    from (select aggregate_id, max(version) as version from again group by aggregate_id) newest
   where id = newest.aggregate_id`;

/** What was committed so far is with the queues. */
async function published(db: pg.Client, slot: string): Promise<void> {
  const { rows } = await db.query<{ lsn: string }>('select pg_current_wal_lsn() as lsn');
  const look = 'select from pg_replication_slots where slot_name = $1 and confirmed_flush_lsn >= $2';
  await until('the relay has published the backlog', async () => {
    return (await db.query(look, [slot, rows[0]!.lsn])).rowCount === 1;
  });
}

/** By the clock of the database, which is this machine's. */
async function restrictedAt(db: pg.Client, { id }: DrillCase): Promise<number> {
  const text = `select at from canonical.audit_log where aggregate_id = $1 and change = 'restricted' order by version desc limit 1`;
  return (await db.query<{ at: Date }>(text, [id])).rows[0]!.at.getTime();
}

/** Shows the newest version of the case that a store has; what it had before is behind it. */
async function lookInto(
  stores: OpenStores,
  { stores: places }: Endpoints,
  contract: ProjectedContract,
  id: string,
): Promise<Look> {
  const store = stores.open(contract);
  const target = (await store.current())!;
  if (contract.engine !== 's3') return async () => (await store.read(target, id as AggregateId))?.version ?? 0;
  const look = watchFacts(stores, contract, { bucket: places[contract.store_name]!.bucket!, target }, id);
  await look();
  return look;
}

/** When the store was seen to have the version. */
async function hasCome(look: Look, name: string, version: number): Promise<number> {
  await until(`${name} has the restriction`, async () => (await look()) >= version);
  return Date.now();
}

/** What a clerk is shown who saw the case until now. */
async function readsOf(ask: AskApi, { clerk, product }: DrillWorld, { id }: DrillCase): Promise<readonly string[]> {
  const shown: string[] = [];
  for (const path of [`/cases/${id}`, `/cases/${id}/timeline`]) {
    if ((await ask(clerk, { method: 'GET', path })).status !== 404) shown.push(`GET ${path}`);
  }
  const body = { filter: { field: 'product', is: product }, highlight: true };
  const found = await ask(clerk, { method: 'POST', path: '/search', body });
  if (found.status !== 200 || found.body.hits.some((hit: { id: string }) => hit.id === id)) shown.push('POST /search');
  return shown;
}

async function waitingIn({ control }: Endpoints, contracts: readonly ProjectedContract[]): Promise<number> {
  const status = (await (await fetch(new URL('/status', control))).json()) as {
    queues: readonly { name: string; visible: number; inFlight: number }[];
  };
  return status.queues
    .filter(({ name }) => contracts.some(({ store_name }) => name.endsWith(`-${store_name}`)))
    .reduce((sum, { visible, inFlight }) => sum + visible + inFlight, 0);
}

async function until(what: string, look: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await delay(LOOK_MS)) if (await look()) return;
  throw new DistributaryError('store-unavailable', `not in ${PATIENCE_MS / 1000} s: ${what}`);
}

import { setTimeout as delay } from 'node:timers/promises';
import type { Endpoints } from '../../local/endpoints.ts';
import { caseIds, openCaseWriter } from './case-writer.ts';
import { answerOrders } from './child.ts';
import { lookByGet, lookBySearch, Observer, type Written } from './observer.ts';

/** Those who write and those who watch, in a process of their own: they wait for nobody but the servers. */

interface Target {
  readonly endpoints: Endpoints;
  /** In whose name cases are updated. */
  readonly actor: string;
}

/** Commits at a steady rate, a change a transaction, and watches some of them arrive in the search index. */
export interface SteadyLoad extends Target {
  readonly kind: 'steady';
  readonly changesPerSecond: number;
  /** Not counted: connections are made, code is compiled. */
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

export interface SteadyReport {
  readonly changesPerSecond: number;
  /** When the counted part began and ended, ms since 1970. */
  readonly from: number;
  readonly to: number;
  /** Milliseconds from the commit's being sent until a read by id, or a search, saw the change. */
  readonly get: readonly number[];
  readonly search: readonly number[];
  /** Changes that were watched and not seen in time. */
  readonly unseen: number;
}

/** Commits so many changes as fast as it can. */
export interface Burst extends Target {
  readonly kind: 'burst';
  readonly changes: number;
}

export interface BurstReport {
  /** When the first commit was sent and the last was answered, ms since 1970. */
  readonly from: number;
  readonly to: number;
}

/** A commit may take many milliseconds on a busy disk; the rate must hold nevertheless. */
const STEADY_WRITERS = 8;
/** Every so manieth change is watched by id, and as many by search. */
const WATCH_EVERY = 20;
/** What a measured latency may be too long by. */
const GET_EVERY_MS = 3;
const SEARCH_EVERY_MS = 20;
const SEEN_WITHIN_MS = 15_000;

/** Two keep the server busy; more would only take processor time from the pipe. */
const BURST_WRITERS = 2;
const BURST_CASES = 100;

async function steady(order: SteadyLoad): Promise<SteadyReport> {
  const { endpoints, actor, changesPerSecond, warmUpSeconds, seconds } = order;
  const ids = await caseIds(endpoints);
  const writers = await Promise.all(Array.from({ length: STEADY_WRITERS }, () => openCaseWriter(endpoints, actor)));
  const index = endpoints.stores['case-search']!.index!;
  const get = new Observer(lookByGet(endpoints.opensearch.url, index), GET_EVERY_MS);
  const search = new Observer(lookBySearch(endpoints.opensearch.url, index), SEARCH_EVERY_MS);
  const from = Date.now() + warmUpSeconds * 1000;
  const to = from + seconds * 1000;
  const start = Date.now();
  let next = 0;
  let counted = 0;
  const watch = (number: number, [written]: readonly Written[]) => {
    if (!written || written.at < from) return;
    counted += 1;
    if (number % WATCH_EVERY === 0) get.watch(written);
    else if (number % WATCH_EVERY === WATCH_EVERY / 2) search.watch(written);
  };
  await Promise.all(
    writers.map(async writer => {
      for (;;) {
        const number = next++;
        const due = start + (number * 1000) / changesPerSecond;
        if (due >= to) return;
        if (due > Date.now()) await delay(due - Date.now());
        watch(number, await writer.update([ids[number % ids.length]!]));
      }
    }),
  );
  const took = (Date.now() - from) / 1000;
  const unseen = (await Promise.all([get, search].map(observer => observer.close(SEEN_WITHIN_MS)))).reduce(
    (a, b) => a + b,
  );
  await Promise.all(writers.map(writer => writer.close()));
  return { changesPerSecond: counted / took, from, to, get: get.latencies, search: search.latencies, unseen };
}

async function burst({ endpoints, actor, changes }: Burst): Promise<BurstReport> {
  const ids = await caseIds(endpoints);
  const writers = await Promise.all(Array.from({ length: BURST_WRITERS }, () => openCaseWriter(endpoints, actor)));
  const from = Date.now();
  let next = 0;
  await Promise.all(
    writers.map(async writer => {
      while (next < changes) {
        const first = next;
        next += Math.min(BURST_CASES, changes - first);
        await writer.update(Array.from({ length: next - first }, (_, index) => ids[(first + index) % ids.length]!));
      }
    }),
  );
  const to = Date.now();
  await Promise.all(writers.map(writer => writer.close()));
  return { from, to };
}

answerOrders((order: SteadyLoad | Burst) => (order.kind === 'steady' ? steady(order) : burst(order)));

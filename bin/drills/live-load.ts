import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { type Dice, dice } from '../workload/dice.ts';

/** What was done to cases, each in a transaction of its own. */
export interface LoadReport {
  readonly updated: number;
  readonly restricted: number;
  readonly deleted: number;
  readonly seconds: number;
}

export interface LiveLoad {
  /** Ends it; what was begun is committed. */
  stop(): Promise<LoadReport>;
}

export interface LoadOptions {
  /** Of the superuser. */
  readonly databaseUrl: string;
  readonly changesPerSecond: number;
  readonly seed: number;
  /** Cases that it may change, and delete. */
  readonly keys: readonly string[];
}

const TICK_MS = 50;
/** Of all changes. */
const RESTRICT_CHANCE = 0.15;
const DELETE_CHANCE = 0.03;
/** Deletions leave at least so many, so that there is always something to change. */
const SPARED = 50;

/** Updates, restricts and deletes cases at a steady rate until it is stopped. */
export async function startLoad(options: LoadOptions): Promise<LiveLoad> {
  const client = new pg.Client(options.databaseUrl);
  await client.connect();
  const stopping = new AbortController();
  const startedAt = performance.now();
  const done = run(client, options, stopping.signal).finally(() => client.end());
  // Whoever stops it hears of a failure.
  done.catch(() => {});
  return {
    async stop() {
      stopping.abort();
      return { ...(await done), seconds: (performance.now() - startedAt) / 1000 };
    },
  };
}

async function run(client: pg.Client, { changesPerSecond, seed, keys }: LoadOptions, signal: AbortSignal) {
  const chances = dice(seed);
  const left = [...keys];
  const report = { updated: 0, restricted: 0, deleted: 0 };
  const startedAt = performance.now();
  for (let count = 0; !signal.aborted; count++) {
    const due = startedAt + (count / changesPerSecond) * 1000;
    if (due > performance.now() + TICK_MS) await delay(TICK_MS, undefined, { signal }).catch(() => {});
    report[await change(client, left, chances, count)] += 1;
  }
  return report;
}

async function change(client: pg.Client, keys: string[], chances: Dice, count: number) {
  const at = chances.integer(keys.length);
  const key = keys[at]!;
  if (keys.length > SPARED && chances.chance(DELETE_CHANCE)) {
    keys[at] = keys.at(-1)!;
    keys.pop();
    await client.query('delete from canonical.cases where id = $1', [key]);
    return 'deleted';
  }
  if (chances.chance(RESTRICT_CHANCE)) {
    await client.query('update canonical.cases set restricted = not restricted where id = $1', [key]);
    return 'restricted';
  }
  await client.query('update canonical.cases set title = $2 where id = $1', [key, `Changed ${count} times`]);
  return 'updated';
}

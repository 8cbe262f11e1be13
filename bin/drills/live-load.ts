import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { DistributaryError } from '../../core/errors.ts';
import { asSourceError } from '../../functions/relay/source-error.ts';
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

/** A change waits for the one before: what one connection does while the machine has other things to do. */
const CHANGES_OF_ONE_WRITER = 50;

/** Updates, restricts and deletes cases at a steady rate until it is stopped; waits for a server that was killed. */
export function startLoad({ databaseUrl, keys, changesPerSecond, seed }: LoadOptions): LiveLoad {
  const count = Math.ceil(changesPerSecond / CHANGES_OF_ONE_WRITER);
  const pool = new pg.Pool({ connectionString: databaseUrl, max: count });
  // An idle connection that breaks is replaced; nobody waits for it.
  pool.on('error', () => {});
  const writers = Array.from({ length: count }, (_, index) => ({
    pool,
    keys: keys.filter((_key, at) => at % count === index),
    changesPerSecond: changesPerSecond / count,
    seed: seed + index,
  }));
  const stopping = new AbortController();
  const startedAt = performance.now();
  const done = Promise.all(writers.map(writer => run(writer, stopping.signal))).finally(() => pool.end());
  // Whoever stops it hears of a failure.
  done.catch(() => {});
  return {
    async stop() {
      stopping.abort();
      const sum = (of: (one: Changes) => number) => all.reduce((total, one) => total + of(one), 0);
      const all = await done;
      const seconds = (performance.now() - startedAt) / 1000;
      return {
        updated: sum(one => one.updated),
        restricted: sum(one => one.restricted),
        deleted: sum(one => one.deleted),
        seconds,
      };
    },
  };
}

type Changes = Record<'updated' | 'restricted' | 'deleted', number>;

interface Writer extends Omit<LoadOptions, 'databaseUrl'> {
  readonly pool: pg.Pool;
}

async function run({ pool, changesPerSecond, seed, keys }: Writer, signal: AbortSignal): Promise<Changes> {
  const chances = dice(seed);
  const left = [...keys];
  const report: Changes = { updated: 0, restricted: 0, deleted: 0 };
  const startedAt = performance.now();
  for (let count = 0; !signal.aborted; count++) {
    const due = startedAt + (count / changesPerSecond) * 1000;
    if (due > performance.now() + TICK_MS) await delay(TICK_MS, undefined, { signal }).catch(() => {});
    const { kind, text, values } = nextChange(left, chances, count);
    if (await committed(() => pool.query(text, values), signal)) report[kind] += 1;
  }
  return report;
}

/** Repeats what a server that went away may or may not have done: each of these changes may be made twice. */
async function committed(change: () => Promise<unknown>, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    try {
      await change();
      return true;
    } catch (error) {
      const named = asSourceError(error);
      if (!(named instanceof DistributaryError) || named.retry !== 'later') throw named;
      await delay(TICK_MS, undefined, { signal }).catch(() => {});
    }
  }
  return false;
}

interface Change {
  readonly kind: keyof Changes;
  readonly text: string;
  readonly values: string[];
}

function nextChange(keys: string[], chances: Dice, count: number): Change {
  const at = chances.integer(keys.length);
  const key = keys[at]!;
  if (keys.length > SPARED && chances.chance(DELETE_CHANCE)) {
    keys[at] = keys.at(-1)!;
    keys.pop();
    return { kind: 'deleted', text: 'delete from canonical.cases where id = $1', values: [key] };
  }
  if (chances.chance(RESTRICT_CHANCE)) {
    const text = 'update canonical.cases set restricted = not restricted where id = $1';
    return { kind: 'restricted', text, values: [key] };
  }
  const text = 'update canonical.cases set title = $2 where id = $1';
  return { kind: 'updated', text, values: [key, `Changed ${count} times`] };
}

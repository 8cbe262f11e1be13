import { randomBytes } from 'node:crypto';
import type { JsonObject } from '../../../core/change.ts';
import { DistributaryError } from '../../../core/errors.ts';
import { type ControlItem, type ControlItems, parseBody, storeGroup } from '../../control-items.ts';
import { isFinished, type NewRun, type Run, runSchema } from './run.ts';

/** Losers of a swap try again; whoever loses this often is up against something that does not end. */
const MAX_SWAPS = 20;

/** The runs of each store, in the control table: the one under way or the last, and those before it. */
export interface Runs {
  /** The store's run under way, or its last one. */
  read(store: string): Promise<Run | undefined>;
  /** The store's runs, newest first: the one that `read` yields, and those before it. */
  newest(store: string, limit: number): Promise<readonly Run[]>;
  /** Throws `run-active` while the store has one that is not finished. */
  start(run: NewRun): Promise<Run>;
  /**
   * Changes the store's run if it still has this id; `next` may be called again, with what another process left, and says
   * nothing when there is nothing to do. Throws `run-missing` when the store has another run, or none.
   */
  change(store: string, id: string, next: (run: Run) => Run | undefined): Promise<Run>;
}

const CURRENT = 'run';
const HISTORY = 'run#';
/** Runs of a store in the order of their names are in that of their starts, newest last. */
const newId = (operation: string, now: number): string =>
  `${new Date(now).toISOString().replace(/[:.]/g, '-')}-${operation}-${randomBytes(3).toString('hex')}`;

export function runs(items: ControlItems, now: () => number): Runs {
  const parse = (item: ControlItem): Run => parseBody(runSchema, item);

  async function find(store: string): Promise<{ run: Run | undefined; revision: number }> {
    const item = await items.read(storeGroup(store), CURRENT);
    return { run: item && parse(item), revision: item?.revision ?? 0 };
  }

  async function keep(run: Run): Promise<void> {
    // Already there: a start before this one kept it, and was beaten to the swap.
    await items.swap(storeGroup(run.store), HISTORY + run.id, 0, run as JsonObject);
  }

  return {
    read: async store => (await find(store)).run,

    async newest(store, limit) {
      const { run } = await find(store);
      const before: ControlItem[] = [];
      for await (const item of items.list(storeGroup(store), HISTORY)) before.push(item);
      const parsed = before
        .reverse()
        .slice(0, run ? limit - 1 : limit)
        .map(parse);
      return run ? [run, ...parsed] : parsed;
    },

    async start(asked) {
      const { run: former, revision } = await find(asked.store);
      if (former && !isFinished(former)) throw active(former);
      if (former) await keep(former);
      const run = newRun(asked, now());
      if (await items.swap(storeGroup(asked.store), CURRENT, revision, run as JsonObject)) return run;
      const { run: other } = await find(asked.store);
      if (other?.id === run.id) return run;
      throw active(other);
    },

    async change(store, id, next) {
      for (let swaps = 0; swaps < MAX_SWAPS; swaps++) {
        const { run, revision } = await find(store);
        if (run?.id !== id) throw new DistributaryError('run-missing', `${store} has no run ${id} now`);
        const changed = next(run);
        if (changed === undefined) return run;
        if (await items.swap(storeGroup(store), CURRENT, revision, changed as JsonObject)) return changed;
      }
      throw new DistributaryError('store-unavailable', `run ${id} changed ${MAX_SWAPS} times under our hands`);
    },
  };
}

function newRun({ memo = {}, unit, ...asked }: NewRun, now: number): Run {
  return {
    id: newId(asked.operation, now),
    ...asked,
    state: 'running',
    wanted: 'run',
    memo,
    progress: { done: 0, total: 0, unit, ratePerSecond: 0 },
    startedAt: now,
    updatedAt: now,
    finishedAt: null,
    error: null,
    report: null,
    lease: null,
  };
}

function active(run: Run | undefined): DistributaryError {
  const what = run
    ? `${run.operation} of ${run.store} is ${run.state} since ${new Date(run.startedAt).toISOString()}`
    : 'another run was started at this moment';
  return new DistributaryError('run-active', what);
}

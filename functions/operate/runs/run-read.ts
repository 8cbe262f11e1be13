import { DistributaryError } from '../../../core/errors.ts';
import { defineOperation, storeName } from '../operation.ts';
import { isFinished, type Run } from './run.ts';
import type { Runs } from './runs.ts';
import { OF_NO_STORE } from './runs-of-no-store.ts';

/** A store's run under way, or its last one; null when it never had one. */
export const runRead = defineOperation({
  name: 'run.read',
  changes: false,
  request: { store: storeName },
  run: async ({ store }, { runs, ...context }) =>
    (await runs.read(OF_NO_STORE.includes(store) ? store : context.store(store).name)) ?? null,
});

/** Throws `run-missing` when the store has no run that could be paused, resumed or cancelled. */
export async function currentRun(runs: Runs, store: string): Promise<Run> {
  const run = await runs.read(store);
  if (run && !isFinished(run)) return run;
  throw new DistributaryError('run-missing', `nothing is under way for ${store}`);
}

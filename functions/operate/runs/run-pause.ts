import { DistributaryError } from '../../../core/errors.ts';
import { defineOperation, storeName } from '../operation.ts';
import { currentRun } from './run-read.ts';

/** Lets a run rest at the next point where it can be resumed. What it has built keeps receiving live changes. */
export const runPause = defineOperation({
  name: 'run.pause',
  changes: true,
  request: { store: storeName },
  async run({ store }, { runs, clock }) {
    const { id } = await currentRun(runs, store);
    return runs.change(store, id, run => {
      if (run.state === 'paused') return undefined;
      if (run.state === 'running' && run.wanted !== 'cancel')
        return { ...run, wanted: 'pause', updatedAt: clock.now() };
      throw new DistributaryError('run-refused', `${run.operation} of ${store} is ${run.state} and cannot be paused`);
    });
  },
});

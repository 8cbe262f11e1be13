import { DistributaryError } from '../../core/errors.ts';
import { defineOperation, storeName } from './operation.ts';
import { currentRun } from './run-read.ts';

/** Takes up a run that was paused or has failed, where it was. */
export const runResume = defineOperation({
  name: 'run.resume',
  changes: true,
  request: { store: storeName },
  async run({ store }, { runs, clock }) {
    const { id } = await currentRun(runs, store);
    return runs.change(store, id, run => {
      if (run.wanted === 'cancel') {
        throw new DistributaryError('run-refused', `${run.operation} of ${store} is being cancelled`);
      }
      return { ...run, state: 'running', wanted: 'run', error: null, updatedAt: clock.now() };
    });
  },
});

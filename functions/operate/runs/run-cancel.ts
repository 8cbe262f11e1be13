import { DistributaryError } from '../../../core/errors.ts';
import { defineOperation, storeName } from '../operation.ts';
import { runKind } from './run-kinds.ts';
import { currentRun } from './run-read.ts';

/** Ends a run and takes back what it has done: whoever works on it does so next. Asked again where that has failed, too. */
export const runCancel = defineOperation({
  name: 'run.cancel',
  changes: true,
  request: { store: storeName },
  async run({ store }, { runs, clock }) {
    const { id } = await currentRun(runs, store);
    return runs.change(store, id, run => {
      if (run.wanted === 'cancel' && run.state === 'running') return undefined;
      const tooLate = runKind(run.operation)?.pastCancelling?.[run.step];
      if (tooLate !== undefined) {
        throw new DistributaryError('run-refused', `${run.operation} of ${store} cannot be cancelled: ${tooLate}`);
      }
      return { ...run, state: 'running', wanted: 'cancel', error: null, updatedAt: clock.now() };
    });
  },
});

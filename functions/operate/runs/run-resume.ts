import * as z from 'zod';
import { DistributaryError } from '../../../core/errors.ts';
import { defineOperation, storeName } from '../operation.ts';
import { currentRun } from './run-read.ts';

/** Takes up a run that was paused or has failed, where it was. */
export const runResume = defineOperation({
  name: 'run.resume',
  changes: true,
  request: {
    store: storeName,
    /** What it failed for is accepted: a rebuild then cuts over although it found differences. */
    accept: z.boolean().default(false),
  },
  async run({ store, accept }, { runs, clock }) {
    const { id } = await currentRun(runs, store);
    return runs.change(store, id, run => {
      if (run.wanted === 'cancel') {
        throw new DistributaryError('run-refused', `${run.operation} of ${store} is being cancelled`, {
          hint: `half of it may have been taken back: distributary cancel ${store} goes on with that where it has failed`,
        });
      }
      const request = accept ? { ...run.request, accept } : run.request;
      return { ...run, request, state: 'running', wanted: 'run', error: null, updatedAt: clock.now() };
    });
  },
});

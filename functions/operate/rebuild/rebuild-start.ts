import { defineOperation, storeName } from '../operation.ts';
import { rebuildRequest } from './rebuild.ts';

/** Starts a rebuild; the run is gone on with by `runs.advance`. */
export const rebuildStart = defineOperation({
  name: 'rebuild.start',
  changes: true,
  request: { store: storeName, ...rebuildRequest },
  async run({ store, actor, reason, rate, rollbackWindowSeconds, accept }, context) {
    context.store(store);
    const request = { rollbackWindowSeconds, accept, ...(rate !== undefined && { rate }) };
    return context.runs.start({ store, operation: 'rebuild', step: 'prepare', unit: 'rows', actor, reason, request });
  },
});

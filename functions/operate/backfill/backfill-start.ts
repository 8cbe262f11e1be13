import { defineOperation, storeName } from '../operation.ts';
import { backfillRequest } from './backfill.ts';

/** Starts a backfill of what a store has: the same states again, for a new aggregate or after a mended projector. */
export const backfillStart = defineOperation({
  name: 'backfill.start',
  changes: true,
  request: { store: storeName, ...backfillRequest },
  async run({ store, actor, reason, from, tenant, ids, rate }, context) {
    context.store(store);
    const request = {
      ...(from !== undefined && { from }),
      ...(tenant !== undefined && { tenant }),
      ...(ids !== undefined && { ids }),
      ...(rate !== undefined && { rate }),
    };
    return context.runs.start({ store, operation: 'backfill', step: 'backfill', unit: 'rows', actor, reason, request });
  },
});

import { defineOperation, storeName } from '../operation.ts';
import { replayRequest } from './replay.ts';

/** Starts a replay of the outbox into one store. */
export const replayStart = defineOperation({
  name: 'replay.start',
  changes: true,
  request: { store: storeName, ...replayRequest },
  async run({ store, actor, reason, since, rate }, context) {
    context.store(store);
    const request = { since, ...(rate !== undefined && { rate }) };
    return context.runs.start({ store, operation: 'replay', step: 'replay', unit: 'changes', actor, reason, request });
  },
});

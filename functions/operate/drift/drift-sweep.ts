import * as z from 'zod';
import { DistributaryError } from '../../../core/errors.ts';
import { defineOperation } from '../operation.ts';
import { driftStart } from './drift.ts';

const DEFAULT_BUDGET_SECONDS = 600;
const MAX_BUDGET_SECONDS = 86_400;

/**
 * Starts a comparison of every store, which a schedule asks for once a day; each ends by itself when its time is up, and the
 * next one goes on there. A store that something else is done to is left out.
 */
export const driftSweep = defineOperation({
  name: 'drift.sweep',
  changes: true,
  request: { budgetSeconds: z.int().min(1).max(MAX_BUDGET_SECONDS).default(DEFAULT_BUDGET_SECONDS) },
  async run({ budgetSeconds, actor, reason }, context) {
    const started: string[] = [];
    const leftOut: { store: string; code: string }[] = [];
    for (const { name: store } of context.stores) {
      try {
        await driftStart.run({ store, repair: false, rate: null, budgetSeconds, actor, reason }, context);
        started.push(store);
      } catch (error) {
        if (!(error instanceof DistributaryError)) throw error;
        leftOut.push({ store, code: error.code });
      }
    }
    return { started, leftOut };
  },
});

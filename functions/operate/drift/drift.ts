import * as z from 'zod';
import type { JsonObject } from '../../../core/change.ts';
import { DistributaryError } from '../../../core/errors.ts';
import { defineOperation, storeName } from '../operation.ts';
import { readPlace } from './drift-report.ts';

/** A day: what takes longer is no budget. */
const MAX_BUDGET_SECONDS = 86_400;
const MAX_RATE = 1_000_000;

/** Starts to compare a store with the canonical one, and answers with the run; it is advanced by `runs.advance`. */
export const driftStart = defineOperation({
  name: 'drift.start',
  changes: true,
  request: {
    store: storeName,
    repair: z.boolean().default(false),
    /** Rows per second that are read of the canonical store at most. */
    rate: z.int().min(1).max(MAX_RATE).nullable().default(null),
    /** After so many seconds it ends where it is, and the next run goes on from there. */
    budgetSeconds: z.int().min(1).max(MAX_BUDGET_SECONDS).nullable().default(null),
  },
  async run({ actor, reason, ...request }, { store, control, runs }) {
    const { name } = store(request.store);
    const { current } = await control.readTargets(name);
    if (!current) throw new DistributaryError('target-missing', `store ${name} has no current target`);
    const from = request.budgetSeconds === null ? null : ((await readPlace(control, name)) ?? null);
    const memo: JsonObject = { target: current.name, from, cursor: from };
    return runs.start({ store: name, operation: 'drift', step: 'begin', actor, reason, request, memo, unit: 'rows' });
  },
});

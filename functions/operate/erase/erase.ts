import * as z from 'zod';
import { defineOperation } from '../operation.ts';
import { mustErase } from './erasable-places.ts';
import { eraseRequest, MAX_CASES, mustHaveCases } from './erase-run.ts';
import { planErasure, statusesOver } from './erasure-rows.ts';
import { PATIENCE_SECONDS, startErasure } from './starting.ts';

/** What an erasure of these would do, and what it would leave and why. */
export const erasePlan = defineOperation({
  name: 'erase.plan',
  changes: false,
  request: { cases: z.array(z.uuid()).min(1).max(MAX_CASES), tenant: z.uuid().optional() },
  async run({ cases, tenant }, context) {
    const planned = await planErasure(context, cases, statusesOver(context));
    return { planned: planned.filter(one => tenant === undefined || one.tenant === tenant) };
  },
});

/** Starts to erase cases from every store. What a hold, its retention or its status keeps is left, and told of. */
export const eraseStart = defineOperation({
  name: 'erase.start',
  changes: true,
  request: eraseRequest,
  async run({ actor, reason, cases, again }, context) {
    mustErase(context);
    mustHaveCases(cases, again);
    const request = { cases: [...new Set(cases)], again };
    return startErasure(context, { actor, reason, request, patienceSeconds: PATIENCE_SECONDS });
  },
});

import * as z from 'zod';
import { DistributaryError } from '../../../core/errors.ts';
import { askedOf } from '../lifecycle/refused.ts';
import { TENANT_MOVE } from '../lifecycle/tenant-move.ts';
import { defineOperation } from '../operation.ts';
import { manifestSchema, movingRowSchema, receiptSchema } from './moving.ts';
import { TENANT_OPEN } from './open-run.ts';

/** Obstacles of one answer. */
const SHOWN = 50;

const departure = z.uuid();

/** Begins to keep aside what arrives, or goes on with it. */
export const tenantArrive = defineOperation({
  name: 'tenant.arrive',
  changes: true,
  request: { manifest: manifestSchema },
  async run({ manifest, actor }, context) {
    await askedOf(context, 'select canonical.start_arrival($1, $2)', [manifest, actor]);
    return {};
  },
});

/** Keeps a part aside; the same part again changes nothing. It is in no log: it has narratives. */
export const tenantKeep = defineOperation({
  name: 'tenant.keep',
  changes: false,
  request: { departure, part: z.int().min(1), table: z.string(), rows: z.array(movingRowSchema) },
  async run({ departure: id, part, table, rows }, context) {
    const values = [id, part, table, JSON.stringify(rows)];
    await askedOf(context, 'select canonical.keep_arriving($1, $2, $3, $4)', values);
    return {};
  },
});

/** Which parts are here, and what keeps them from being let in: nothing when all are here and fit. */
export const tenantArrival = defineOperation({
  name: 'tenant.arrival',
  changes: false,
  request: { departure },
  async run({ departure: id }, context) {
    const [kept] = await askedOf<{ parts: readonly number[] }>(context, 'select canonical.kept_parts($1) as parts', [
      id,
    ]);
    const text = 'select what, value from canonical.arrival_obstacles($1, $2)';
    const obstacles = await askedOf<{ what: string; value: string }>(context, text, [id, SHOWN]);
    return { parts: kept!.parts, obstacles };
  },
});

/** Forgets what is kept aside of a tenant that has not been let in. */
export const tenantForget = defineOperation({
  name: 'tenant.forget',
  changes: true,
  request: { departure },
  async run({ departure: id }, context) {
    const text = 'select canonical.drop_arrival($1) as forgotten';
    const [row] = await askedOf<{ forgotten: boolean }>(context, text, [id]);
    return row!;
  },
});

/** Starts to let it in, by what closing it answered; that names people, and is in no log. */
export const tenantOpen = defineOperation({
  name: 'tenant.open',
  changes: false,
  request: { departure, receipt: receiptSchema },
  async run({ departure: id, receipt, actor, reason }, context) {
    const noteOutcome = await context.audit.note('tenant.open', null, { actor, reason, departure: id });
    try {
      await askedOf(context, 'select canonical.begin_arrival($1, $2)', [id, receipt]);
      const run = await context.runs.start({
        ...{ store: TENANT_MOVE, operation: TENANT_OPEN, step: 'take', unit: 'rows' },
        ...{ actor, reason, request: { departure: id } },
      });
      await noteOutcome('done');
      return run;
    } catch (error) {
      await noteOutcome(error instanceof DistributaryError ? error.code : 'threw');
      throw error;
    }
  },
});

import * as z from 'zod';
import { DistributaryError } from '../../../core/errors.ts';
import type { OperateContext } from '../context.ts';
import { drained } from '../erase/erase-drain.ts';
import { askedOf } from '../lifecycle/refused.ts';
import { DONE, type NextStep, type RunHandle, type RunKind } from '../runs/run-kind.ts';

export const TENANT_OPEN = 'tenant-open';

/** Cases of one transaction, each with all that is its; ten times as many rows of history. */
const PART_ROWS = 200;
const DRAIN_LOOK_MS = 500;

const requestSchema = z.object({ departure: z.uuid() });
const memoSchema = z.object({
  /** That were kept aside at first. */
  rows: z.int().default(0),
  /** When the last part was committed, or a little later. */
  takenAt: z.int().default(0),
});

/**
 * Lets a tenant in that has been closed where it comes from: part by part, through the outbox like any change. Its people
 * come in last, once every table is as it was and every store has all of it.
 */
export const tenantOpenRun: RunKind = {
  operation: TENANT_OPEN,
  steps: { take, compare, drain, open },
  pastCancelling: {
    take: 'it is closed where it comes from',
    compare: 'it is closed where it comes from',
    drain: 'it is closed where it comes from',
    open: 'it is closed where it comes from',
  },
};

async function take(handle: RunHandle, context: OperateContext): Promise<NextStep> {
  const { departure } = requestSchema.parse(handle.run.request);
  const left = async () => {
    const text = 'select canonical.arrival_left($1) as rows';
    const [row] = await askedOf<{ rows: string }>(context, text, [departure]);
    return Number(row!.rows);
  };
  const rows = memoSchema.parse(handle.run.memo).rows || (await left());
  for (;;) {
    await handle.save({
      memo: { rows, takenAt: context.clock.now() },
      progress: { done: rows - (await left()), total: rows },
    });
    const text = 'select canonical.take_in_part($1, $2) as taken';
    const [part] = await askedOf<{ taken: number }>(context, text, [departure, PART_ROWS]);
    if (part!.taken === 0) return 'compare';
  }
}

/** Each table with its count and digest where it comes from. */
async function compare(handle: RunHandle, context: OperateContext): Promise<NextStep> {
  const { departure } = requestSchema.parse(handle.run.request);
  const [all] = await askedOf<{ tables: readonly string[] }>(
    context,
    'select canonical.transfer_tables() as tables',
    [],
  );
  const differing: string[] = [];
  for (const table of all!.tables) {
    const text = 'select canonical.arrival_differs($1, $2) as differs';
    const [row] = await askedOf<{ differs: boolean }>(context, text, [departure, table]);
    if (row!.differs) differing.push(table);
  }
  if (differing.length === 0) return 'drain';
  const hint =
    'somebody has changed them here meanwhile, or this is a defect: its people stay shut out; resume when it is mended';
  throw new DistributaryError('run-refused', `not as where it comes from: ${differing.join(', ')}`, { hint });
}

async function drain(handle: RunHandle, context: OperateContext): Promise<NextStep> {
  const { takenAt, rows } = memoSchema.parse(handle.run.memo);
  const last = ['case', 'party'].map(aggregate => ({ aggregate, at: takenAt }));
  while (rows > 0 && !(await drained(context, last))) await handle.sleep(DRAIN_LOOK_MS);
  return 'open';
}

async function open(handle: RunHandle, context: OperateContext): Promise<NextStep> {
  const { departure } = requestSchema.parse(handle.run.request);
  await askedOf(context, 'select canonical.open_arrival($1)', [departure]);
  const { rows } = memoSchema.parse(handle.run.memo);
  await handle.save({ report: { rows, durationSeconds: (context.clock.now() - handle.run.startedAt) / 1000 } });
  return DONE;
}

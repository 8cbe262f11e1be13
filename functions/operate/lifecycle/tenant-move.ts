import * as z from 'zod';
import { DistributaryError } from '../../../core/errors.ts';
import type { OperateContext } from '../context.ts';
import { drained } from '../erase/erase-drain.ts';
import { defineOperation } from '../operation.ts';
import { DONE, type NextStep, type RunHandle, type RunKind } from '../runs/run-kind.ts';
import { askedOf } from './refused.ts';

/** Under which name its runs are kept: they are of no single store. */
export const TENANT_MOVE = 'tenant-move';

/** Cases of one transaction: each is locked until its end, a few milliseconds for each. */
const PART_ROWS = 200;
/** Longer than anybody may go by what he knew of a membership (functions/api/permission-cache.ts). */
const FENCE_MS = 6_000;
const DRAIN_LOOK_MS = 500;

const requestSchema = z.object({ from: z.uuid(), to: z.uuid() });
const memoSchema = z.object({
  move: z.string().default(''),
  cases: z.int().default(0),
  parties: z.int().default(0),
  /** When its last part was committed, or a little later. */
  movedAt: z.int().default(0),
});

/** Starts to move everything of a tenant to another; one that was begun goes on. The old one is suspended, and stays so. */
export const tenantMoveStart = defineOperation({
  name: 'tenant.move',
  changes: true,
  request: { from: z.uuid(), to: z.uuid() },
  async run({ actor, reason, from, to }, { runs }) {
    if (from === to) throw new DistributaryError('usage', `tenant ${from} is moved to itself`);
    const request = { from, to };
    const of = { store: TENANT_MOVE, operation: TENANT_MOVE, step: 'begin', unit: 'aggregates' };
    return runs.start({ ...of, actor, reason, request });
  },
});

/**
 * Moves a tenant part by part, each in a transaction that a kill undoes whole. The old tenant's people are shut out first,
 * and it is waited until nobody goes by what was known before: only then the first case goes over.
 */
export const tenantMoveRun: RunKind = {
  operation: TENANT_MOVE,
  steps: { begin, fence, move, drain },
  pastCancelling: { move: 'cases have been moved', drain: 'everything has been moved' },
  cancel: takeBack,
};

async function begin(handle: RunHandle, context: OperateContext): Promise<NextStep> {
  const { from, to } = requestSchema.parse(handle.run.request);
  const [row] = await askedOf<{ id: string }>(context, 'select canonical.start_tenant_move($1, $2, $3) as id', [
    from,
    to,
    handle.run.actor,
  ]);
  await handle.save({ memo: { move: row!.id } });
  return 'fence';
}

async function fence(handle: RunHandle): Promise<NextStep> {
  await handle.sleep(FENCE_MS);
  return 'move';
}

async function move(handle: RunHandle, context: OperateContext): Promise<NextStep> {
  for (;;) {
    const memo = memoSchema.parse(handle.run.memo);
    const [part] = await askedOf<{ moved_cases: number; moved_parties: number }>(
      context,
      'select * from canonical.move_tenant_part($1, $2)',
      [memo.move, PART_ROWS],
    );
    const { moved_cases, moved_parties } = part!;
    if (moved_cases + moved_parties === 0) return 'drain';
    const [left] = await askedOf<{ cases: string; parties: string }>(
      context,
      'select cases, parties from canonical.tenant_move_left($1)',
      [memo.move],
    );
    const [cases, parties] = [memo.cases + moved_cases, memo.parties + moved_parties];
    const done = cases + parties;
    await handle.save({
      memo: { cases, parties, movedAt: context.clock.now() },
      progress: { done, total: done + Number(left!.cases) + Number(left!.parties) },
    });
  }
}

async function takeBack(handle: RunHandle, { connection }: OperateContext): Promise<void> {
  const { move: begun } = memoSchema.parse(handle.run.memo);
  if (begun !== '') await connection.query('select canonical.cancel_tenant_move($1)', [begun]);
}

/** Over when every store has taken the last part. */
async function drain(handle: RunHandle, context: OperateContext): Promise<NextStep> {
  const { cases, parties, movedAt } = memoSchema.parse(handle.run.memo);
  const last = ['case', 'party'].map(aggregate => ({ aggregate, at: movedAt }));
  while (cases + parties > 0 && !(await drained(context, last))) await handle.sleep(DRAIN_LOOK_MS);
  await handle.save({
    report: { cases, parties, durationSeconds: (context.clock.now() - handle.run.startedAt) / 1000 },
  });
  return DONE;
}

import * as z from 'zod';
import type { JsonObject } from '../../core/change.ts';
import { DistributaryError } from '../../core/errors.ts';
import { hintOf } from '../../core/hint.ts';
import type { Asked } from './audit/audit.ts';
import { auditList } from './audit/audit-list.ts';
import { backfillStart } from './backfill/backfill-start.ts';
import { replayStart } from './backfill/replay-start.ts';
import type { OperateContext } from './context.ts';
import { doctor } from './doctor/doctor.ts';
import { driftStart } from './drift/drift.ts';
import { driftSweep } from './drift/drift-sweep.ts';
import { erasePlan, eraseStart } from './erase/erase.ts';
import { eraseDue } from './erase/erase-due.ts';
import { failuresList } from './failures/failures-list.ts';
import { failuresRedrive } from './failures/failures-redrive.ts';
import { archiveSeal } from './lifecycle/archive-seal.ts';
import { holdsFollow } from './lifecycle/evidence-holds.ts';
import { retentionRun } from './lifecycle/retention.ts';
import { keysRotate } from './lifecycle/rotate-keys.ts';
import { tenantMoveStart } from './lifecycle/tenant-move.ts';
import { envelope } from './operation.ts';
import { rebuildPlan } from './rebuild/rebuild-plan.ts';
import { rebuildRollback } from './rebuild/rebuild-rollback.ts';
import { rebuildStart } from './rebuild/rebuild-start.ts';
import { retireDecide, retireRead, retireStep } from './retire/retire.ts';
import { runCancel } from './runs/run-cancel.ts';
import { runList } from './runs/run-list.ts';
import { runPause } from './runs/run-pause.ts';
import { runRead } from './runs/run-read.ts';
import { runResume } from './runs/run-resume.ts';
import { runsAdvance } from './runs/runs-advance.ts';
import { canaryRead, canarySet } from './shadow/canary.ts';
import { shadowAsk } from './shadow/shadow.ts';
import { tenantArrival, tenantArrive, tenantForget, tenantKeep, tenantOpen } from './transfer/arrival.ts';
import {
  tenantClose,
  tenantDepart,
  tenantDepartingRows,
  tenantDeparture,
  tenantRemove,
  tenantStay,
} from './transfer/departure.ts';

/** Everything that can be asked; a file each. */
export const OPERATIONS = [
  canaryRead,
  canarySet,
  doctor,
  driftStart,
  driftSweep,
  rebuildPlan,
  rebuildStart,
  rebuildRollback,
  backfillStart,
  replayStart,
  failuresList,
  failuresRedrive,
  runRead,
  runList,
  runPause,
  runResume,
  runCancel,
  runsAdvance,
  shadowAsk,
  erasePlan,
  eraseStart,
  eraseDue,
  retentionRun,
  retireRead,
  retireDecide,
  retireStep,
  archiveSeal,
  holdsFollow,
  keysRotate,
  tenantMoveStart,
  tenantDepart,
  tenantDeparture,
  tenantDepartingRows,
  tenantStay,
  tenantClose,
  tenantRemove,
  tenantArrive,
  tenantKeep,
  tenantArrival,
  tenantForget,
  tenantOpen,
  auditList,
] as const;

type AnyOperation = (typeof OPERATIONS)[number];
export type OperationName = AnyOperation['name'];
type Named<Name extends OperationName> = Extract<AnyOperation, { readonly name: Name }>;
/** The fields of an operation's request, as a client gives them. */
export type FieldsOf<Name extends OperationName> = z.input<z.ZodObject<Named<Name>['request']>>;
export type AnswerOf<Name extends OperationName> = Awaited<ReturnType<Named<Name>['run']>>;

/** What comes back over the wire: errors are out of core/errors.ts. */
export type Reply<Answer> =
  | { readonly ok: true; readonly answer: Answer }
  | { readonly ok: false; readonly error: { readonly code: string; readonly message: string; readonly hint: string } };

/** Answers one request. Expected errors are replies; a defect of ours is thrown, so that the invocation fails visibly. */
export async function answer(event: unknown, context: OperateContext): Promise<Reply<unknown>> {
  try {
    const { operation, request } = parseRequest(event);
    if (!operation.changes) return { ok: true, answer: await operation.run(request, context) };
    const store = typeof request.store === 'string' ? request.store : null;
    const noteOutcome = await context.audit.note(operation.name, store, request);
    try {
      const result = await operation.run(request, context);
      await noteOutcome('done');
      return { ok: true, answer: result };
    } catch (error) {
      await noteOutcome(error instanceof DistributaryError ? error.code : 'threw');
      throw error;
    }
  } catch (error) {
    if (!(error instanceof DistributaryError)) throw error;
    const { code, message, hint } = error;
    return { ok: false, error: { code, message, hint } };
  }
}

/** An operation whose own types are forgotten: its request has been parsed by its schema. */
interface Parsed {
  readonly operation: {
    readonly name: string;
    readonly changes: boolean;
    run(request: JsonObject & Asked, context: OperateContext): Promise<unknown>;
  };
  readonly request: JsonObject & Asked;
}

const named = z.looseObject({ operation: z.string() });

function parseRequest(event: unknown): Parsed {
  const asked = named.safeParse(event);
  if (!asked.success) throw new DistributaryError('request-invalid', 'the request names no operation');
  const { operation: name, ...rest } = asked.data;
  const operation = OPERATIONS.find(known => known.name === name);
  if (!operation) {
    const hint = hintOf(
      name,
      OPERATIONS.map(known => known.name),
      'operations',
    );
    throw new DistributaryError('request-invalid', `unknown operation "${name}"`, { hint });
  }
  const result = z.strictObject({ ...envelope, ...operation.request }).safeParse(rest);
  if (!result.success) {
    const what = result.error.issues.map(({ path, message }) => `${path.join('.') || 'request'}: ${message}`);
    throw new DistributaryError('request-invalid', `${name}: ${what.join('; ')}`);
  }
  const { api: _, ...request } = result.data;
  return { operation, request } as unknown as Parsed;
}

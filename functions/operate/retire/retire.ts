import * as z from 'zod';
import { DistributaryError } from '../../../core/errors.ts';
import { DESTRUCTIVE, type RetireStatus, type RetireStep, retireStatus } from '../../../core/retire.ts';
import { storeGroup } from '../../control-items.ts';
import { CLOSING, readClosing } from '../../reads.ts';
import type { Asked as Envelope } from '../audit/audit.ts';
import type { OperateContext } from '../context.ts';
import { ARCHIVE_PLACE } from '../lifecycle/archive-run.ts';
import { defineOperation, storeName } from '../operation.ts';
import {
  changeRetirement,
  type Retirement,
  readRetirement,
  retireFacts,
  stepSchema,
  targetNames,
} from './retirement.ts';

const MAX_QUIET_DAYS = 3650;
const DEFAULT_QUIET_DAYS = 30;
const MAX_FILES = 200;

const looking = {
  store: storeName,
  /** A consumer that has not read for so many days has moved. */
  quietDays: z.number().min(0).max(MAX_QUIET_DAYS).default(DEFAULT_QUIET_DAYS),
  /** Files of the repository that name it, as the client has found. */
  documentedIn: z.array(z.string()).max(MAX_FILES).optional(),
};

export interface RetireView {
  readonly store: string;
  readonly steps: readonly RetireStatus[];
  /** What was done just now. */
  readonly did: RetireStep | null;
}

/** How far the end of a store is. */
export const retireRead = defineOperation({
  name: 'retire.read',
  changes: false,
  request: looking,
  run: (request, context) => view(request, context, null),
});

/** Notes what somebody has decided: a replacement, an approval, a step that he vouches for. */
export const retireDecide = defineOperation({
  name: 'retire.decide',
  changes: true,
  request: {
    ...looking,
    replacement: storeName.optional(),
    archive: z.string().regex(ARCHIVE_PLACE, 'is no s3://bucket/prefix').optional(),
    approve: z.strictObject({ by: z.string().trim().min(1).max(200), notBefore: z.int().min(0) }).optional(),
    attest: z.array(stepSchema).default([]),
  },
  async run({ store, replacement, archive, approve, attest, ...request }, context) {
    const refused = attest.find(step => DESTRUCTIVE.includes(step));
    if (refused) throw new DistributaryError('usage', `nobody can vouch for ${refused}: it is done, or it is not`);
    if (replacement !== undefined) context.store(replacement);
    const before = await begun(context, store);
    await changeRetirement(context.control, store, {
      ...(replacement !== undefined && { replacement }),
      ...(archive !== undefined && { archive }),
      ...(approve && { approval: approve }),
      attested: [...new Set([...before.attested, ...attest])],
    });
    return view({ ...request, store }, context, null);
  },
});

/** Does the step that is due, if it is the one that is named: nobody deletes what he took for the step before. */
export const retireStep = defineOperation({
  name: 'retire.step',
  changes: true,
  request: { ...looking, step: stepSchema },
  async run({ step, actor, reason, ...request }, context) {
    await begun(context, request.store);
    const { steps } = await view(request, context, null);
    const { state } = steps.find(one => one.step === step)!;
    if (state.kind !== 'due') {
      const [what, hint] = state.kind === 'done' ? ['is done', 'look what is next'] : [state.what, state.todo];
      throw new DistributaryError('run-refused', `${step} of ${request.store}: ${what}`, { hint });
    }
    await carryOut(step, request.store, context, { actor, reason });
    return view(request, context, step);
  },
});

/** The record of its end, begun with what its contract says as long as there is one. */
async function begun(context: OperateContext, store: string): Promise<Retirement> {
  const known = await readRetirement(context.control, store);
  if (known) return known;
  const { served_use_cases } = context.store(store).definition.contract;
  return changeRetirement(context.control, store, { useCases: [...served_use_cases] });
}

async function view(
  { store, quietDays, documentedIn }: { store: string; quietDays: number; documentedIn?: string[] | undefined },
  context: OperateContext,
  did: RetireStep | null,
): Promise<RetireView> {
  // Long after its contract has gone its record tells what became of it.
  if (!(await readRetirement(context.control, store))) context.store(store);
  const facts = await retireFacts(context, store, { quietDays, documentedIn });
  return { store, steps: retireStatus(facts), did };
}

async function carryOut(step: RetireStep, store: string, context: OperateContext, asked: Envelope): Promise<void> {
  if (step === 'freeze') return close(context, store, 'frozen');
  if (step === 'stop-writes') return close(context, store, 'stopped');
  if (step === 'archive') return archive(context, store, asked);
  if (step === 'delete') return remove(context, store);
}

async function close(
  { control, ...context }: OperateContext,
  store: string,
  state: 'frozen' | 'stopped',
): Promise<void> {
  const item = await control.read(storeGroup(store), CLOSING);
  const former = await readClosing(control, store);
  const { replacement = null, useCases = [] } = (await readRetirement(control, store)) ?? {};
  const body = { state, useCases: former?.useCases ?? [...useCases], replacement };
  if (await control.swap(storeGroup(context.store(store).name), CLOSING, item?.revision ?? 0, body)) return;
  throw new DistributaryError('store-unavailable', `${store} was changed at this moment: ask again`);
}

async function archive({ control, runs }: OperateContext, store: string, asked: Envelope): Promise<void> {
  const place = (await readRetirement(control, store))?.archive ?? null;
  const { current } = await control.readTargets(store);
  if (place === null)
    throw new DistributaryError('usage', 'where to is not said', { hint: 'add --archive s3://bucket/prefix' });
  if (!current) throw new DistributaryError('target-missing', `store ${store} has no current target`);
  const memo = { target: current.name, to: place };
  const request = { store, archive: place };
  await runs.start({ store, operation: 'archive', step: 'copy', ...asked, request, memo, unit: 'documents' });
}

/** First its readers' way to it, then itself; what is to go is noted before, so that it can be repeated after a kill. */
async function remove({ control, ...context }: OperateContext, store: string): Promise<void> {
  const { name, store: engine } = context.store(store);
  const { current, building } = await control.readTargets(name);
  const before = (await readRetirement(control, name))?.deleting ?? [];
  const deleting = targetNames(current, building, before);
  await changeRetirement(control, name, { deleting: [...deleting] });
  await engine.withdraw();
  await control.withdraw(name);
  for (const target of deleting) {
    await control.forgetTarget({ store: name, name: target });
    await engine.drop({ store: name, name: target });
  }
  await changeRetirement(control, name, { deleting: [] });
}

import * as z from 'zod';
import { DistributaryError } from '../../../core/errors.ts';
import { type Compared, RETIRE_STEPS, type RetireFacts, type RetireStep } from '../../../core/retire.ts';
import type { Target } from '../../../core/store.ts';
import { type ControlItems, parseBody, storeGroup } from '../../control-items.ts';
import { lastReads, readClosing } from '../../reads.ts';
import type { OperateContext } from '../context.ts';
import { driftReportSchema } from '../drift/drift-report.ts';

const RETIREMENT = 'retirement';
const stepIds = RETIRE_STEPS.map(({ id }) => id) as [RetireStep, ...RetireStep[]];
export const stepSchema = z.enum(stepIds);

/** What has been decided about the end of a store; it outlives the store. */
export const retirementSchema = z.strictObject({
  replacement: z.string().nullable().default(null),
  /** `s3://bucket/prefix` */
  archive: z.string().nullable().default(null),
  archived: z.boolean().default(false),
  approval: z.strictObject({ by: z.string(), notBefore: z.int() }).nullable().default(null),
  attested: z.array(stepSchema).default([]),
  /** Of its contract, which may be gone by now. */
  useCases: z.array(z.string()).default([]),
  /** Targets whose deletion has begun: a kill forgets none of them. */
  deleting: z.array(z.string()).default([]),
});
export type Retirement = z.infer<typeof retirementSchema>;

export async function readRetirement(control: ControlItems, store: string): Promise<Retirement | undefined> {
  const item = await control.read(storeGroup(store), RETIREMENT);
  return item && parseBody(retirementSchema, item);
}

export async function changeRetirement(
  control: ControlItems,
  store: string,
  change: Partial<Retirement>,
): Promise<Retirement> {
  const item = await control.read(storeGroup(store), RETIREMENT);
  const body = { ...retirementSchema.parse(item?.body ?? {}), ...change };
  if (await control.swap(storeGroup(store), RETIREMENT, item?.revision ?? 0, body)) return body;
  throw new DistributaryError('store-unavailable', `the retirement of ${store} was changed at this moment: ask again`);
}

export interface Asked {
  readonly quietDays: number;
  readonly documentedIn: readonly string[] | undefined;
}

const DAY_MS = 86_400_000;

export async function retireFacts(
  context: OperateContext,
  name: string,
  { quietDays, documentedIn }: Asked,
): Promise<RetireFacts> {
  const { control, stores, clock } = context;
  const retirement = retirementSchema.parse((await readRetirement(control, name)) ?? {});
  const closing = await readClosing(control, name);
  const { current, building } = await control.readTargets(name);
  const { replacement } = retirement;
  const operated = stores.find(store => store.name === name);
  return {
    now: clock.now(),
    // Those that were frozen, once its contract is gone.
    servedUseCases: operated?.definition.contract.served_use_cases ?? retirement.useCases,
    lastReads: await lastReads(control, name),
    quietMs: quietDays * DAY_MS,
    frozen: closing !== undefined,
    writesStopped: closing?.state === 'stopped',
    replacement,
    compared: replacement === null ? [] : await comparisonsOf(context, replacement),
    archivedTo: retirement.archived ? retirement.archive : null,
    approval: retirement.approval,
    targets: targetNames(current, building, retirement.deleting),
    deployed: operated !== undefined,
    documentedIn,
    attested: retirement.attested,
  };
}

/** Runs that are looked at: what was compared before them proves nothing any more. */
const MAX_RUNS = 100;

/** Comparisons of a store that have ended, newest first. */
async function comparisonsOf({ control, runs }: OperateContext, store: string): Promise<readonly Compared[]> {
  const { current } = await control.readTargets(store);
  const newest = await runs.newest(store, MAX_RUNS);
  return newest.flatMap(({ operation, state, finishedAt: at, report }) => {
    if (operation !== 'drift' || state !== 'done' || at === null) return [];
    const read = driftReportSchema.safeParse(report);
    // A report that another version wrote judges nothing.
    if (!read.success) return [{ at, isOfCurrent: true, isWhole: false, mismatches: 0, unjudged: 1 }];
    const { target, complete, from, mismatches, unsettled, beyond } = read.data;
    const isOfCurrent = target === current?.name;
    return [{ at, isOfCurrent, isWhole: complete && from === null, mismatches, unjudged: unsettled + beyond }];
  });
}

export const targetNames = (
  current: Target | undefined,
  building: readonly Target[],
  deleting: readonly string[],
): readonly string[] => [
  ...new Set([...(current ? [current] : []), ...building].map(({ name }) => name).concat(deleting)),
];

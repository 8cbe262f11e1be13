import { type Diagnosis, diagnoseSource, diagnoseStore, gather } from '../../../core/doctor.ts';
import { diagnoseErasure } from '../../../core/doctor-erasure.ts';
import { DistributaryError } from '../../../core/errors.ts';
import type { OperateContext } from '../context.ts';
import { purgesDue } from '../erase/erase-due.ts';
import { ERASURE } from '../erase/erase-run.ts';
import { defineOperation, storeName } from '../operation.ts';
import type { Runs } from '../runs/runs.ts';
import { examineSource } from './doctor-source.ts';
import { examineStore } from './doctor-stores.ts';

/** Rebuilds are rare among a store's runs: drift is looked for each night. */
const RUNS_LOOKED_AT = 500;

/** Looks at every precondition and live risk of the pipeline, or at one store only; changes nothing. */
export const doctor = defineOperation({
  name: 'doctor.examine',
  changes: false,
  request: { store: storeName.optional() },
  async run({ store: name }, context): Promise<Diagnosis> {
    if (name !== undefined) return diagnoseStore(await examineStore(context, context.store(name)));
    const stores = await Promise.all(context.stores.map(store => examineStore(context, store)));
    return gather([await source(context), ...(await erasure(context)), ...stores.map(diagnoseStore)]);
  },
});

async function source({ connection, stores, runs }: OperateContext): Promise<Diagnosis> {
  const aggregates = new Map(
    stores.flatMap(({ definition }) => definition.aggregates.map(each => [each.aggregate, each] as const)),
  );
  try {
    const notRebuilt = async (at: number) => {
      const rebuilt = await Promise.all(stores.map(({ name }) => wasRebuiltSince(runs, name, at)));
      return stores.map(({ name }) => name).filter((_, index) => !rebuilt[index]);
    };
    return diagnoseSource(await examineSource(connection, [...aggregates.values()], notRebuilt));
  } catch (error) {
    if (!(error instanceof DistributaryError)) throw error;
    const { message: what, hint: todo } = error;
    return { findings: [{ subject: 'source', severity: 'broken', what, todo }], passed: [] };
  }
}

/** What a rebuild that began later has read is the whole state, whatever no relay has seen. */
async function wasRebuiltSince(runs: Runs, store: string, at: number): Promise<boolean> {
  const newest = await runs.newest(store, RUNS_LOOKED_AT);
  return newest.some(
    ({ operation, state, startedAt }) => operation === 'rebuild' && state === 'done' && startedAt > at,
  );
}

/** Nothing of a team's function, which erases what it is asked to, nor of a source that does not answer, which is said already. */
async function erasure(context: OperateContext): Promise<readonly Diagnosis[]> {
  if (!context.erasable.between) return [];
  try {
    const { waiting, oldestSeconds } = await purgesDue(context);
    const run = await context.runs.read(ERASURE);
    const failure = run?.state === 'failed' ? (run.error?.message ?? run.step) : undefined;
    return [diagnoseErasure({ waiting, oldestSeconds, failure })];
  } catch (error) {
    if (!(error instanceof DistributaryError)) throw error;
    return [];
  }
}

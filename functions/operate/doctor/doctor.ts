import { type Diagnosis, diagnoseSource, diagnoseStore, gather } from '../../../core/doctor.ts';
import { DistributaryError } from '../../../core/errors.ts';
import type { OperateContext } from '../context.ts';
import { defineOperation, storeName } from '../operation.ts';
import { examineSource } from './doctor-source.ts';
import { examineStore } from './doctor-stores.ts';

/** Looks at every precondition and live risk of the pipeline, or at one store only; changes nothing. */
export const doctor = defineOperation({
  name: 'doctor.examine',
  changes: false,
  request: { store: storeName.optional() },
  async run({ store: name }, context): Promise<Diagnosis> {
    if (name !== undefined) return diagnoseStore(await examineStore(context, context.store(name)));
    const stores = await Promise.all(context.stores.map(store => examineStore(context, store)));
    return gather([await source(context), ...stores.map(diagnoseStore)]);
  },
});

async function source({ connection, stores }: OperateContext): Promise<Diagnosis> {
  const aggregates = new Map(
    stores.flatMap(({ definition }) => definition.aggregates.map(each => [each.aggregate, each] as const)),
  );
  try {
    return diagnoseSource(await examineSource(connection, [...aggregates.values()]));
  } catch (error) {
    if (!(error instanceof DistributaryError)) throw error;
    const { message: what, hint: todo } = error;
    return { findings: [{ subject: 'source', severity: 'broken', what, todo }], passed: [] };
  }
}

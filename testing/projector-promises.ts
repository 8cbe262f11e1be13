import { openBench, type ProjectorPromise, type ProjectorUnderTest } from './projector-bench.ts';
import { deliveryPromises } from './projector-delivery.ts';
import { documentPromises } from './projector-documents.ts';
import { refusalPromises } from './projector-refusals.ts';

export const PROJECTOR_PROMISES: readonly ProjectorPromise[] = [
  ...documentPromises,
  ...deliveryPromises,
  ...refusalPromises,
];

/** Checks a promise for each aggregate that the projector's store is made from, on an empty store. */
export async function checkPromise({ check }: ProjectorPromise, subject: ProjectorUnderTest): Promise<void> {
  for (const aggregate of subject.definition.aggregates) await check(await openBench(subject, aggregate));
}

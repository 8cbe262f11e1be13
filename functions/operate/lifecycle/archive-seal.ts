import { isArchive } from '../../stores/archive.ts';
import { defineOperation, storeName } from '../operation.ts';

/** Left of the invocation for the answer. */
const RESERVE_MS = 5000;

/**
 * Adds what archives took in to their manifests: of one store, or of all, as a schedule asks. One that cannot be sealed holds
 * up no other; the first error is told in the end.
 */
export const archiveSeal = defineOperation({
  name: 'archive.seal',
  changes: false,
  request: { store: storeName.optional() },
  async run({ store }, context) {
    const sealed: { store: string; target: string; segments: number; entries: number }[] = [];
    const failures: unknown[] = [];
    for (const operated of store === undefined ? context.stores : [context.store(store)]) {
      if (!isArchive(operated.store)) continue;
      const { current, building } = await context.control.readTargets(operated.name);
      for (const target of current ? [current, ...building] : building) {
        try {
          const done = await operated.store.seal(target, context.deadline - RESERVE_MS);
          if (done) sealed.push({ store: operated.name, target: target.name, ...done });
        } catch (error) {
          failures.push(error);
        }
      }
    }
    if (failures.length > 0) throw failures[0];
    return { sealed };
  },
});

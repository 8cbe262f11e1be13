import { defineOperation, storeName } from '../operation.ts';
import { otherTarget } from './former-targets.ts';
import { moveReaders } from './moving-readers.ts';

/**
 * Moves readers to the target that they saw before the last cutover, which has been fed all the time; asked again, forward.
 * At once, whatever a canary said, and safe to repeat after a crash.
 */
export const rebuildRollback = defineOperation({
  name: 'rebuild.rollback',
  changes: true,
  request: { store: storeName },
  async run({ store }, context) {
    const to = await otherTarget(context, store);
    const { current } = await context.control.readTargets(store);
    await moveReaders(context, context.store(store), current, to);
    return { store, from: current?.name ?? null, to: to.name };
  },
});

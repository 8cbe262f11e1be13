import { defineOperation, storeName } from '../operation.ts';
import { otherTarget } from './former-targets.ts';

/**
 * Moves readers to the target that they saw before the last cutover, which has been fed all the time; asked again, forward.
 * At once, and safe to repeat after a crash: readers' engine is told first, the control table makes it known.
 */
export const rebuildRollback = defineOperation({
  name: 'rebuild.rollback',
  changes: true,
  request: { store: storeName },
  async run({ store }, context) {
    const { store: port } = context.store(store);
    const to = await otherTarget(context, store);
    const { current } = await context.control.readTargets(store);
    await port.cutOver(to);
    await context.control.cutOver(to);
    return { store, from: current?.name ?? null, to: to.name };
  },
});

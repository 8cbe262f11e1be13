import { DistributaryError } from '../../../core/errors.ts';
import { defineOperation, storeName } from '../operation.ts';
import { otherTarget } from './former-targets.ts';
import { moveReaders } from './moving-readers.ts';

/**
 * Moves readers to the target that they saw before the last cutover, which has been fed all the time; asked again, forward.
 * At once, whatever a canary said, and safe to repeat after a crash. Not beside a cutover that is under way, or was killed
 * and will be gone on with: that would take them forward again.
 */
export const rebuildRollback = defineOperation({
  name: 'rebuild.rollback',
  changes: true,
  request: { store: storeName },
  async run({ store }, context) {
    const run = await context.runs.read(store);
    if (run?.operation === 'rebuild' && run.step === 'cutover' && run.state === 'running') {
      const hint = 'ask again in a minute: a cutover that was killed on its way has been gone on with by then';
      throw new DistributaryError('run-refused', `readers of ${store} are being moved at this moment`, { hint });
    }
    const to = await otherTarget(context, store);
    const { current } = await context.control.readTargets(store);
    await moveReaders(context, context.store(store), current, to);
    return { store, from: current?.name ?? null, to: to.name };
  },
});

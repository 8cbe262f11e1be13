import type { Target } from '../../../core/store.ts';
import type { OperateContext, OperatedStore } from '../context.ts';
import { endCanary } from '../shadow/canary.ts';

/**
 * Moves readers from one target to another; both are fed before and after. Safe to repeat, and to be killed at any point.
 *
 * 1. No canary names the target that they leave: nobody shall follow it back there.
 * 2. Readers' engine is told, then the control table says what is true already.
 * 3. A canary that names the target where everybody is now has had its day. Until then whoever it sends is there already,
 *    and stays; where nobody gets so far it sends nobody anywhere, and the next move begins with it.
 */
export async function moveReaders(
  { control }: Pick<OperateContext, 'control'>,
  { store: engine }: Pick<OperatedStore, 'store'>,
  from: Target | undefined,
  to: Target,
): Promise<void> {
  if (from) await endCanary(control, from);
  await engine.cutOver(to);
  await control.cutOver(to);
  await endCanary(control, to);
}

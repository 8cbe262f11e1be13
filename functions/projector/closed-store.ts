import { STALE, type Store, type Target } from '../../core/store.ts';
import type { ControlItems } from '../control-items.ts';
import { TARGETS_TTL_SECONDS } from '../control-targets.ts';
import { readClosing } from '../reads.ts';

/** No engine has a target of this name. */
const NOWHERE = 'closed';

/** A store whose writes were stopped on its way to its end: changes pass it by, and its queues stay empty. */
export function closable(store: Store, name: string, control: ControlItems, now: () => number = Date.now) {
  const nowhere: Target = { store: name, name: NOWHERE };
  let known: { readonly at: number; readonly isClosed: boolean } | undefined;

  async function isClosed(): Promise<boolean> {
    if (known && now() - known.at < TARGETS_TTL_SECONDS * 1000) return known.isClosed;
    known = { at: now(), isClosed: (await readClosing(control, name))?.state === 'stopped' };
    return known.isClosed;
  }

  return {
    store: {
      ...store,
      write: async (target, writes) =>
        target.name === NOWHERE ? writes.map(() => STALE) : store.write(target, writes),
      current: async () => ((await isClosed()) ? nowhere : store.current()),
    } satisfies Store,
    /** Where writes go: nowhere once it is closed. */
    targets: async (open: () => Promise<readonly Target[]>): Promise<readonly Target[]> =>
      (await isClosed()) ? [nowhere] : open(),
  };
}

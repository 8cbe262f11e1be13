import { eraseAsAsked } from '../erase/erase-apart.ts';
import { defineOperation, storeName } from '../operation.ts';
import { sweepTargets } from '../rebuild/former-targets.ts';
import { advance } from './advancing.ts';
import { OF_NO_STORE } from './runs-of-no-store.ts';

/**
 * Works on the run of one store, or on every run that nobody works on; answers when it rests or the time is up. A schedule
 * asks for it each minute, so that no kill stops a run for long; who has just started one need not wait for that.
 */
export const runsAdvance = defineOperation({
  name: 'runs.advance',
  changes: false,
  request: { store: storeName.optional() },
  async run({ store }, context) {
    // A team's function has a hand in its own store only.
    const isPipeline = context.erasable.between !== undefined;
    const all = [...context.stores.map(({ name }) => name), ...(isPipeline ? OF_NO_STORE : [])];
    const names = store === undefined ? all : [OF_NO_STORE.includes(store) ? store : context.store(store).name];
    await Promise.all(names.map(name => advance(context, name)));
    if (store === undefined) for (const operated of context.stores) await sweepTargets(context, operated);
    // Last, so that what it cannot do yet holds up nothing: the next minute tries again.
    if (!isPipeline) await eraseAsAsked(context);
    return { stores: names };
  },
});

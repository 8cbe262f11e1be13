import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { instruments } from '../../instruments.ts';
import { eraseAsAsked } from '../erase/erase-apart.ts';
import { ERASURE } from '../erase/erase-run.ts';
import { defineOperation, storeName } from '../operation.ts';
import { sweepTargets } from '../rebuild/former-targets.ts';
import { advance } from './advancing.ts';
import { OF_NO_STORE } from './runs-of-no-store.ts';

/**
 * Works on the run of one store, or on every run that nobody works on; answers when it rests or the time is up. A schedule
 * asks for it each minute, so that no kill stops a run for long; who has just started one need not wait for that. What
 * cannot be done for one store is done for every other, and thrown in the end: the next minute tries it again.
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
    const errors: unknown[] = [];
    const apart = async (name: string, work: () => Promise<void>) => {
      try {
        await work();
      } catch (error) {
        errors.push(error);
        show(name, error);
      }
    };
    await Promise.all(names.map(name => apart(name, () => advance(context, name))));
    if (store === undefined) {
      for (const operated of context.stores) await apart(operated.name, () => sweepTargets(context, operated));
    }
    // Last, so that what it cannot do yet holds up nothing: the next minute tries again.
    if (!isPipeline) await apart(ERASURE, () => eraseAsAsked(context));
    if (errors.length > 0) throw errors[0];
    return { stores: names };
  },
});

/** Only the first is thrown, and read by nobody where a schedule has asked. */
function show(name: string, error: unknown): void {
  const { logger, metrics } = instruments(name);
  logger.error('its run, or its former targets, could not be gone on with', { error });
  metrics.addMetric('run_error_count', MetricUnit.Count, 1);
  metrics.publishStoredMetrics();
}

import { defineOperation, storeName } from '../operation.ts';
import { readWindow } from './former-targets.ts';

/** What a rebuild of the store would do, for who is about to ask for it. */
export const rebuildPlan = defineOperation({
  name: 'rebuild.plan',
  changes: false,
  request: { store: storeName },
  async run({ store }, context) {
    const { definition, store: port } = context.store(store);
    const { aggregates, engine } = definition.contract;
    const [targets, window, run, counts] = await Promise.all([
      context.control.readTargets(store),
      readWindow(context, store),
      context.runs.read(store),
      Promise.all(aggregates.map(aggregate => context.canonical.count(aggregate))),
    ]);
    return {
      store,
      engine,
      keepsHistory: port.keepsHistory,
      aggregates,
      current: targets.current?.name ?? null,
      /** Targets that go: there is no way back to them any more. */
      drops: targets.building.map(({ name }) => name),
      rollbackUntil: window ? window.until : null,
      rows: counts.reduce((sum, count) => sum + count, 0),
      underWay: run && run.state !== 'done' && run.state !== 'cancelled' ? run : null,
    };
  },
});

import * as z from 'zod';
import { ERASURE } from './erase-run.ts';
import { defineOperation, storeName } from './operation.ts';

/** A store's runs with their reports, newest first. */
export const runList = defineOperation({
  name: 'run.list',
  changes: false,
  request: { store: storeName, limit: z.int().min(1).max(100).default(20) },
  async run({ store, limit }, { runs, ...context }) {
    if (store !== ERASURE) context.store(store);
    const latest = await runs.read(store);
    const before = await runs.history(store, limit);
    return [...(latest ? [latest] : []), ...before].slice(0, limit);
  },
});

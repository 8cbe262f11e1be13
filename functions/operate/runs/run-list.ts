import * as z from 'zod';
import { defineOperation, storeName } from '../operation.ts';
import { OF_NO_STORE } from './runs-of-no-store.ts';

/** A store's runs with their reports, newest first. */
export const runList = defineOperation({
  name: 'run.list',
  changes: false,
  request: { store: storeName, limit: z.int().min(1).max(100).default(20) },
  async run({ store, limit }, { runs, ...context }) {
    if (!OF_NO_STORE.includes(store)) context.store(store);
    return runs.newest(store, limit);
  },
});

import * as z from 'zod';
import { defineOperation, storeName } from '../operation.ts';
import { type Failure, redrive } from './failed-changes.ts';

/** A store's failed changes one by one, without their content; all stay where they are. */
export const failuresList = defineOperation({
  name: 'failures.list',
  changes: false,
  request: { store: storeName, limit: z.int().min(1).max(1000).default(100) },
  async run({ store, limit }, { queues: { sqs, of }, clock, ...context }) {
    const queues = await of(context.store(store).name);
    const failures: Failure[] = [];
    let total = 0;
    await redrive(sqs, {
      queues,
      at: clock.now(),
      isChosen: () => false,
      onKept: failure => {
        total += 1;
        if (failures.length < limit) failures.push(failure);
      },
    });
    return { store, total, failures };
  },
});

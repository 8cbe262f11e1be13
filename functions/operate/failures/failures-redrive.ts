import * as z from 'zod';
import { defineOperation, storeName } from '../operation.ts';
import { type Failure, redrive } from './failed-changes.ts';

/** Failures with the same code. */
export interface FailureReason {
  readonly code: string;
  readonly hint: string;
  readonly count: number;
  readonly example: Failure;
}

/** Which failed changes go back: all, or those that fit each of the others. */
const choice = {
  all: z.boolean().default(false),
  code: z.string().min(1).optional(),
  key: z.string().min(1).optional(),
  id: z.string().min(1).optional(),
};

/** Lists why a store's changes have failed, most frequent first, and sends those back that are chosen: none by default. */
export const failuresRedrive = defineOperation({
  name: 'failures.redrive',
  changes: true,
  request: { store: storeName, ...choice },
  async run({ store, all, code, key, id }, { queues: { sqs, of }, clock, ...context }) {
    const queues = await of(context.store(store).name);
    const isChosen = (failure: Failure): boolean =>
      all ||
      ((code ?? key ?? id) !== undefined &&
        (code === undefined || failure.code === code) &&
        (key === undefined || failure.key === key) &&
        (id === undefined || failure.id === id));
    const left = new Map<string, FailureReason>();
    const sent = await redrive(sqs, {
      queues,
      at: clock.now(),
      isChosen,
      onKept: failure => {
        const { count = 0, example = failure } = left.get(failure.code) ?? {};
        left.set(failure.code, { code: failure.code, hint: failure.hint, count: count + 1, example });
      },
    });
    return { store, sent, left: [...left.values()].sort((a, b) => b.count - a.count) };
  },
});

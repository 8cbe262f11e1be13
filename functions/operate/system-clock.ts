import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from './context.ts';

export const systemClock = (): Clock => ({
  now: Date.now,
  sleep: (milliseconds, signal) => delay(Math.max(0, milliseconds), undefined, { signal }).catch(() => {}),
});

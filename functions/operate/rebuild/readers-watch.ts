import type { Clock, OperatedStore } from '../context.ts';

const LOOK_EVERY_MS = 1000;

/** Looks each second whether readers have a target, and adds up how long they had none. */
export function watchReaders({ store }: OperatedStore, { now }: Clock): { stop(): number } {
  let missingMs = 0;
  let lookedAt = now();
  const look = async () => {
    const before = lookedAt;
    lookedAt = now();
    // An engine that does not answer is an outage, which nobody's rebuild has made.
    const current = await store.current().catch(() => null);
    if (current === undefined) missingMs += lookedAt - before;
  };
  const timer = setInterval(() => void look(), LOOK_EVERY_MS);
  timer.unref();
  return {
    stop() {
      clearInterval(timer);
      return missingMs / 1000;
    },
  };
}

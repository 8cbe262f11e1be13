import { setTimeout as delay } from 'node:timers/promises';
import { DistributaryError } from '../../core/errors.ts';
import type { LocalMode } from '../../local/local-mode.ts';
import { dice } from '../workload/dice.ts';

/** How often each part was killed. */
export type KillReport = Readonly<Record<string, number>>;

export interface Killing {
  /** Resolves once every server that was killed is back. */
  stop(): Promise<KillReport>;
}

export interface KillOptions {
  readonly mode: LocalMode;
  /** Names of servers and functions. */
  readonly parts: readonly string[];
  readonly seed: number;
  /** On average. */
  readonly everySeconds: number;
  readonly most: number;
}

const LOOK_EVERY_MS = 100;

/** Ends processes as a power cut would, at moments that the seed chooses. */
export function startKilling({ mode, parts, seed, everySeconds, most }: KillOptions): Killing {
  const stopping = new AbortController();
  const { signal } = stopping;
  const chances = dice(seed);
  const killed: Record<string, number> = {};
  const kill = async (): Promise<void> => {
    for (let kills = 0; kills < most && !signal.aborted; ) {
      await delay(chances.integer(everySeconds * 2000), undefined, { signal }).catch(() => {});
      const running = mode.processes().filter(({ name, busy }) => busy && parts.includes(name));
      if (signal.aborted || running.length === 0) continue;
      const victim = chances.pick(running);
      victim.kill9();
      kills += 1;
      killed[victim.name] = (killed[victim.name] ?? 0) + 1;
    }
  };
  const killing = kill();
  return {
    async stop() {
      stopping.abort();
      await killing;
      while ((await mode.status()).servers.some(({ up }) => !up)) await delay(LOOK_EVERY_MS);
      return killed;
    },
  };
}

/** Asks again while what it needs was killed and is not back yet. */
export async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof DistributaryError) || error.retry !== 'later') throw error;
      await delay(LOOK_EVERY_MS);
    }
  }
}

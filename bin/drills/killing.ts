import { setTimeout as delay } from 'node:timers/promises';
import type { LocalMode } from '../../local/local-mode.ts';
import { dice } from '../workload/dice.ts';

/** How often each part was killed. */
export type KillReport = Readonly<Record<string, number>>;

export interface Killing {
  stop(): Promise<KillReport>;
}

export interface KillOptions {
  readonly mode: LocalMode;
  /** Names of functions. */
  readonly parts: readonly string[];
  readonly seed: number;
  /** On average. */
  readonly everySeconds: number;
  readonly most: number;
}

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
      return killed;
    },
  };
}

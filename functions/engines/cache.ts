import type { Cache } from '../../core/cache.ts';

/** A cache's engine as a function finds it: its address is in the environment, declared in core/environment.ts. */
export interface CacheEngine {
  /** Reads the environment, and connects when it is first asked. */
  open(): Cache;
}

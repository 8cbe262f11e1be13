/**
 * What is kept for a while to save asking for it again, and may be gone at any time. A key and a value are text. Every
 * method throws `store-unavailable` when there is no answer; then it may have been done or not.
 */
export interface Cache {
  /** The value that was put last, until its time is over or it was removed; a removal that was acknowledged holds at once. */
  get(key: string): Promise<string | undefined>;
  /** Keeps the value for so long, or for less. */
  put(key: string, value: string, forMs: number): Promise<void>;
  /** Of those who ask for the same key at once one is told that it has it, and nobody else until so long later. */
  claim(key: string, forMs: number): Promise<boolean>;
  remove(key: string): Promise<void>;
  /** Lets go of connections. */
  close(): Promise<void>;
}

/** The reference: a cache in memory, for one process. */
export function memoryCache(now: () => number = Date.now): Cache {
  const entries = new Map<string, { readonly value: string; readonly until: number }>();
  const live = (key: string) => {
    const entry = entries.get(key);
    return entry && entry.until > now() ? entry : undefined;
  };
  return {
    async get(key) {
      return live(key)?.value;
    },
    async put(key, value, forMs) {
      entries.set(key, { value, until: now() + forMs });
    },
    async claim(key, forMs) {
      if (live(key)) return false;
      entries.set(key, { value: '', until: now() + forMs });
      return true;
    },
    async remove(key) {
      entries.delete(key);
    },
    async close() {},
  };
}

/** Requests a second that one person makes, on average and at once, of one instance of a function. */
const PER_SECOND = 20;
const AT_ONCE = 60;
/** People remembered; the one who was away for longest is forgotten first. */
const MAX_PEOPLE = 10_000;

interface Bucket {
  tokens: number;
  at: number;
}

/**
 * A bucket of tokens for each person, in an instance's memory: what keeps one person from using up what all share. The
 * whole API is limited before it, by the stage of the HTTP API.
 */
export class RateLimit {
  readonly #buckets = new Map<string, Bucket>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Seconds to wait, or 0 for one that may go on. */
  take(person: string): number {
    const now = this.#now();
    const { tokens: left, at } = this.#buckets.get(person) ?? { tokens: AT_ONCE, at: now };
    const tokens = Math.min(AT_ONCE, left + ((now - at) / 1000) * PER_SECOND);
    this.#buckets.delete(person);
    this.#buckets.set(person, { tokens: Math.max(0, tokens - 1), at: now });
    if (this.#buckets.size > MAX_PEOPLE) this.#buckets.delete(this.#buckets.keys().next().value!);
    return tokens >= 1 ? 0 : Math.ceil((1 - tokens) / PER_SECOND);
  }
}

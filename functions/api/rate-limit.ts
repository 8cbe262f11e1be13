import type { Budget } from './rate-budget.ts';

/** Requests a second that one person makes of one instance of a function, on average and at once. */
export const PER_SECOND = 20;
export const AT_ONCE = 60;
/** Instances count together by windows of so many seconds, each by its clock. */
export const WINDOW_SECONDS = 10;
/** What one instance alone would let through in a window is what all of them do together. */
export const PER_WINDOW = AT_ONCE + PER_SECOND * WINDOW_SECONDS;
/** The first of a window an instance lets through unasked: who comes now and then costs no write. */
export const UNASKED = 5;
/** An instance takes as much again as it has used, and no more than this: a slice that is not used up is lost to others. */
const MAX_SLICE = 20;
/** After no answer an instance goes by its own limit for so long, and keeps nobody waiting for another silence. */
const ALONE_MS = 2000;
/** People remembered; the one who was away for longest is forgotten first. */
const MAX_PEOPLE = 10_000;

export interface Verdict {
  /** Seconds after which to come again; 0 for one that may go on. */
  readonly waitSeconds: number;
  /** In the words of the IETF's draft on such headers, draft-ietf-httpapi-ratelimit-headers. */
  readonly headers: Readonly<Record<'ratelimit-policy' | 'ratelimit', string>>;
}

export interface RateLimitOptions {
  /** What instances share. @default nothing: each has its own limit only */
  readonly budget?: Budget;
  /** A request was let through by the instance's own limit alone, for the budget did not answer. */
  readonly onAlone?: () => void;
  /** Milliseconds since 1970. @default the clock */
  readonly now?: () => number;
}

interface Person {
  tokens: number;
  at: number;
  share: Share;
}

/** What an instance has of a person's budget of one window. */
interface Share {
  readonly window: number;
  left: number;
  used: number;
  /** What nobody had taken when it was asked last. */
  rest: number;
  isSpent: boolean;
  asking?: Promise<boolean> | undefined;
}

/**
 * Keeps one person from using up what all share. In one window a person gets no more than `PER_WINDOW` requests through and
 * `UNASKED` of each instance, however many there are and wherever they are answered; as windows join, twice that in any
 * `WINDOW_SECONDS`. Who asks for less than half of `PER_WINDOW` is never refused for what other instances took. An
 * instance writes once in `UNASKED` requests at most, once in `MAX_SLICE` of who asks much, and not at all for who is
 * refused. Where the budget does not answer it lets through what a bucket of `AT_ONCE` tokens does, `PER_SECOND` more each
 * second, which holds at all times. The whole API is limited before it, by the stage of the HTTP API.
 */
export class RateLimit {
  readonly #people = new Map<string, Person>();
  readonly #options: RateLimitOptions;
  readonly #now: () => number;
  #aloneUntil = 0;

  constructor(options: RateLimitOptions = {}) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** `isShared` is whether it is one person: a name that stands for many has no budget. */
  async take(name: string, isShared = true): Promise<Verdict> {
    const now = this.#now();
    const person = this.#personOf(name, now);
    const wait = takeToken(person, now);
    if (wait > 0) return verdict('at-once', 0, wait, wait);
    if (!this.#options.budget || !isShared) return verdict('at-once', Math.floor(person.tokens), 1);
    const { share } = person;
    const got = await this.#takeOf(share, name);
    const resetSeconds = Math.max(1, Math.ceil((share.window + 1) * WINDOW_SECONDS - this.#now() / 1000));
    if (got === 'nothing') return verdict('person', 0, resetSeconds, resetSeconds);
    if (got === 'no answer') this.#options.onAlone?.();
    return verdict('person', Math.min(PER_WINDOW, share.left + share.rest), resetSeconds);
  }

  #personOf(name: string, now: number): Person {
    const window = Math.floor(now / (WINDOW_SECONDS * 1000));
    const person = this.#people.get(name) ?? { tokens: AT_ONCE, at: now, share: newShare(window) };
    if (person.share.window !== window) person.share = newShare(window);
    this.#people.delete(name);
    this.#people.set(name, person);
    if (this.#people.size > MAX_PEOPLE) this.#people.delete(this.#people.keys().next().value!);
    return person;
  }

  async #takeOf(share: Share, name: string): Promise<'one' | 'nothing' | 'no answer'> {
    for (;;) {
      if (share.left > 0) {
        share.left -= 1;
        share.used += 1;
        return 'one';
      }
      if (share.isSpent) return 'nothing';
      if (this.#now() < this.#aloneUntil) return 'no answer';
      share.asking ??= this.#ask(name, share).finally(() => {
        share.asking = undefined;
      });
      if (!(await share.asking)) return 'no answer';
    }
  }

  /** Takes another slice; whether the budget answered. */
  async #ask(name: string, share: Share): Promise<boolean> {
    try {
      const { taken, rest } = await this.#options.budget!.take(name, share.window, Math.min(MAX_SLICE, share.used));
      share.left += taken;
      share.rest = rest;
      share.isSpent = rest === 0;
      return true;
    } catch {
      // Counted by who asked: a budget that does not answer closes nothing.
      this.#aloneUntil = this.#now() + ALONE_MS;
      return false;
    }
  }
}

const newShare = (window: number): Share => ({ window, left: UNASKED, used: 0, rest: PER_WINDOW, isSpent: false });

/** Seconds until there is a token, or 0 with one taken. */
function takeToken(person: Person, now: number): number {
  const tokens = Math.min(AT_ONCE, person.tokens + (Math.max(0, now - person.at) / 1000) * PER_SECOND);
  person.tokens = tokens >= 1 ? tokens - 1 : tokens;
  person.at = now;
  return tokens >= 1 ? 0 : Math.ceil((1 - tokens) / PER_SECOND);
}

const POLICY = `"at-once";q=${AT_ONCE};w=${AT_ONCE / PER_SECOND}, "person";q=${PER_WINDOW};w=${WINDOW_SECONDS}`;

const verdict = (by: 'at-once' | 'person', remaining: number, resetSeconds: number, waitSeconds = 0): Verdict => ({
  waitSeconds,
  headers: { 'ratelimit-policy': POLICY, ratelimit: `"${by}";r=${remaining};t=${resetSeconds}` },
});

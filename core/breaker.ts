/** After this many failures in a row the store is left alone for a while. */
const FAILURES_TO_OPEN = 3;
const FIRST_PAUSE_SECONDS = 1;
/** Long enough to let a restarting store breathe, short enough that recovery is seen at once. */
const LONGEST_PAUSE_SECONDS = 30;

/**
 * A circuit breaker (M. Nygard, "Release It!"): an open one answers "not now" without asking the store; when its pause
 * is over one batch may try, and its fate closes the breaker or doubles the pause.
 */
export class Breaker {
  #failures = 0;
  #openUntil = 0;

  /** Seconds until the store may be asked again; 0 when it may be asked now. */
  pauseSeconds(nowMs: number): number {
    return Math.max(0, (this.#openUntil - nowMs) / 1000);
  }

  succeeded(): void {
    this.#failures = 0;
    this.#openUntil = 0;
  }

  failed(nowMs: number): void {
    this.#failures += 1;
    const beyond = this.#failures - FAILURES_TO_OPEN;
    if (beyond < 0) return;
    const pause = Math.min(FIRST_PAUSE_SECONDS * 2 ** beyond, LONGEST_PAUSE_SECONDS);
    this.#openUntil = nowMs + pause * 1000;
  }
}

const FIRST_DELAY_SECONDS = 1;
const LONGEST_DELAY_SECONDS = 60;

/** Seconds until a deferred message is tried again: doubles with each deferral, with jitter so that a backlog spreads. */
export function deferralSeconds(deferrals: number, random: () => number = Math.random): number {
  const ceiling = Math.min(FIRST_DELAY_SECONDS * 2 ** deferrals, LONGEST_DELAY_SECONDS);
  return Math.ceil(ceiling * (0.5 + random() / 2));
}

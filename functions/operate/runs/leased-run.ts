import type { DistributaryError } from '../../../core/errors.ts';
import type { Clock } from '../context.ts';
import { isFinished, type Run } from './run.ts';
import { Interrupted, type RunHandle, type RunPatch } from './run-kind.ts';
import type { Runs } from './runs.ts';

/** After a kill nobody works on a run for so long. */
export const LEASE_SECONDS = 8;
/** Three renewals may fail before the lease ends. */
const RENEW_MS = (LEASE_SECONDS * 1000) / 4;
/** The rate is that of about the last so many seconds. */
const RATE_SECONDS = 10;

/** A run that this process works on: every write of it is made only while the lease is ours. */
export class LeasedRun implements RunHandle {
  readonly #runs: Runs;
  readonly #clock: Clock;
  readonly #holder: string;
  readonly #released = new AbortController();
  readonly #outside: AbortSignal;
  #ending = new AbortController();
  #isCancelling = false;
  #isLost = false;
  #run: Run;
  #writing: Promise<unknown> = Promise.resolve();
  #rate: { at: number; done: number } | undefined;

  private constructor(run: Run, holder: string, { runs, clock }: { runs: Runs; clock: Clock }, outside: AbortSignal) {
    this.#run = run;
    this.#holder = holder;
    this.#runs = runs;
    this.#clock = clock;
    this.#outside = outside;
    outside.addEventListener('abort', () => this.#ending.abort(), { once: true });
    if (outside.aborted) this.#ending.abort();
  }

  /** Nothing when the run is finished, rests, or is in other hands. */
  static async take(
    store: string,
    holder: string,
    ports: { runs: Runs; clock: Clock },
    outside: AbortSignal,
  ): Promise<LeasedRun | undefined> {
    const { runs, clock } = ports;
    const found = await runs.read(store);
    if (found?.state !== 'running') return undefined;
    const run = await runs.change(store, found.id, current => {
      const isTaken = current.lease !== null && current.lease.holder !== holder && current.lease.until > clock.now();
      if (current.state !== 'running' || isTaken) return undefined;
      return { ...current, lease: leaseOf(holder, clock.now()) };
    });
    if (run.lease?.holder !== holder) return undefined;
    const taken = new LeasedRun(run, holder, ports, outside);
    void taken.#renew();
    return taken;
  }

  get run(): Run {
    return this.#run;
  }
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  async save({ memo, progress, report }: RunPatch): Promise<void> {
    await this.#change(run => ({
      ...run,
      ...(memo && { memo: { ...run.memo, ...memo } }),
      ...(report && { report: { ...run.report, ...report } }),
      progress: { ...run.progress, ...progress, ratePerSecond: this.#rateOf(progress?.done ?? run.progress.done) },
    }));
    this.throwIfEnding();
  }

  async sleep(milliseconds: number): Promise<void> {
    await this.#clock.sleep(milliseconds, this.signal);
    this.throwIfEnding();
  }

  throwIfEnding(): void {
    if (this.signal.aborted) throw new Interrupted('the step shall end');
  }

  /** From now on only the invocation's end and another holder end it: what was asked for is being done. */
  beginCancelling(): void {
    this.#isCancelling = true;
    if (!this.#outside.aborted) this.#ending = new AbortController();
  }

  /** Begins another step. Throws `Interrupted` when it was asked to pause or cancel before: then it stays where it was. */
  async enter(step: string): Promise<void> {
    await this.#change(run => (run.wanted === 'run' ? { ...run, step, error: null } : run));
    this.throwIfEnding();
  }

  /** Tells what it is trying again after, or why it has failed: it goes on where somebody asked meanwhile to cancel it. */
  async tell(error: DistributaryError, state: 'running' | 'failed'): Promise<void> {
    const { code, message, hint } = error;
    const stateOf = ({ wanted }: Run) => (wanted === 'cancel' && !this.#isCancelling ? 'running' : state);
    await this.#change(run => ({ ...run, state: stateOf(run), error: { code, message, hint } }));
  }

  async finish(state: 'done' | 'cancelled'): Promise<void> {
    await this.#change(run => ({ ...run, state, error: null, finishedAt: this.#clock.now() }));
  }

  async rest(): Promise<void> {
    await this.#change(run => (run.wanted === 'pause' ? { ...run, state: 'paused', wanted: 'run' } : run));
  }

  /** Lets others have it. */
  async release(): Promise<void> {
    this.#released.abort();
    await this.#writing.catch(() => {});
    await this.#runs
      .change(this.#run.store, this.#run.id, run =>
        run.lease?.holder === this.#holder ? { ...run, lease: null } : undefined,
      )
      .catch(() => {}); // It ends by itself.
  }

  async #renew(): Promise<void> {
    const { signal } = this.#released;
    for (;;) {
      await this.#clock.sleep(RENEW_MS, signal);
      if (signal.aborted) return;
      // One that failed is made up for by the next; a lost lease ends the step.
      await this.#change(same => same).catch(() => {});
    }
  }

  /** One at a time, on top of what requests have changed meanwhile. */
  #change(next: (run: Run) => Run): Promise<void> {
    const write = async () => {
      this.#run = await this.#runs.change(this.#run.store, this.#run.id, run => {
        if (run.lease?.holder !== this.#holder) {
          this.#isLost = true;
          this.#ending.abort();
          throw new Interrupted('another has taken it over');
        }
        const now = this.#clock.now();
        const changed = next(run);
        const lease = changed.state === 'running' ? leaseOf(this.#holder, now) : null;
        return { ...changed, updatedAt: now, lease };
      });
      const isAsked = this.#run.wanted !== 'run' && !this.#isCancelling;
      if (isAsked || isFinished(this.#run)) this.#ending.abort();
    };
    const written = this.#writing.then(write, write);
    this.#writing = written;
    return written;
  }

  #rateOf(done: number): number {
    const now = this.#clock.now();
    const before = this.#rate;
    if (!before || done < before.done) {
      this.#rate = { at: now, done };
      return 0;
    }
    const seconds = (now - before.at) / 1000;
    const rate = seconds > 0 ? (done - before.done) / seconds : 0;
    // Forgets half of what was before, so that it follows without jumping.
    if (seconds > RATE_SECONDS) this.#rate = { at: now - (seconds / 2) * 1000, done: done - (rate * seconds) / 2 };
    return rate;
  }

  /** Whether it ends because the invocation does or somebody else holds the run, and not because of a request. */
  get isOutOfHands(): boolean {
    return this.#outside.aborted || this.#isLost;
  }
}

const leaseOf = (holder: string, now: number) => ({ holder, until: now + LEASE_SECONDS * 1000 });

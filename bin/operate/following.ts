import { setTimeout as delay } from 'node:timers/promises';
import { DistributaryError, type ErrorCode, errorTable } from '../../core/errors.ts';
import type { Run } from '../../functions/operate/runs/run.ts';
import type { Session } from '../command.ts';
import type { Operations } from '../operations.ts';
import { type Progress, startProgress } from '../terminal/progress.ts';
import { count, seconds } from '../terminal/wording.ts';

const LOOK_EVERY_MS = 500;
/** Somebody has been asked to go on with it: so long it may take until he holds it. */
const NUDGE_EVERY_MS = 5_000;

/**
 * Shows a run until it rests: a bar on a terminal, plain lines elsewhere. When nobody works on it, somebody is asked to.
 * An interruption leaves it going; what comes back is then still running.
 */
export async function followRun(operations: Operations, begun: Run, session: Session): Promise<Run> {
  const { signal } = session;
  const shown = new ShownRun(session);
  let nudgedAt = 0;
  try {
    for (let run = begun; ; ) {
      shown.show(run);
      if (run.state !== 'running' || signal.aborted) return run;
      const isHeld = run.lease !== null && run.lease.until > Date.now();
      if (!isHeld && Date.now() - nudgedAt > NUDGE_EVERY_MS) {
        nudgedAt = Date.now();
        await operations.nudge(run.store);
      }
      await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => {});
      const found = await readAgain(operations, run);
      if (found?.id !== run.id) throw new DistributaryError('run-missing', `another run of ${run.store} has begun`);
      run = found;
    }
  } finally {
    shown.stop();
  }
}

/** A function that died answering, or was busy, is asked again with the next look: reading changes nothing. */
async function readAgain(operations: Operations, run: Run): Promise<Run | null> {
  try {
    return await operations.ask('run.read', { store: run.store });
  } catch (error) {
    if (error instanceof DistributaryError && error.retry === 'later') return run;
    throw error;
  }
}

/** A bar to each step that counts. */
class ShownRun {
  readonly #session: Session;
  #step: string | undefined;
  #total = 0;
  #progress: Progress | undefined;
  #error: string | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  show({ operation, store, step, progress, wanted, error }: Run): void {
    const { terminal, json } = this.#session;
    if (error && error.message !== this.#error)
      terminal.note(`${error.message} (${error.code})\n  hint: ${error.hint}`);
    this.#error = error?.message;
    if (json) return;
    const doing = wanted === 'cancel' ? 'cancelling' : step;
    if (doing !== this.#step || progress.total !== this.#total) {
      if (doing !== this.#step) this.#progress?.stop();
      this.#step = doing;
      this.#total = progress.total;
      this.#progress = startProgress(terminal, { title: `${operation} ${store}: ${doing}`, total: progress.total });
    }
    this.#progress?.update(progress.done, detailOf(progress));
  }

  stop(): void {
    this.#progress?.stop();
  }
}

function detailOf({ done, total, unit, ratePerSecond }: Run['progress']): string {
  const left = ratePerSecond > 0 ? `, ${seconds((total - done) / ratePerSecond)} left` : '';
  return total > 0 ? `${count(done)} of ${count(total)} ${unit}, ${count(ratePerSecond)}/s${left}` : '';
}

/** The error that a failed run waits with, as an error of ours. */
export function errorOf({ operation, store, error }: Run): DistributaryError {
  const code = error && error.code in errorTable ? (error.code as ErrorCode) : 'run-refused';
  return new DistributaryError(code, error?.message ?? `${operation} of ${store} has failed`, {
    hint: error?.hint ?? errorTable[code].hint,
  });
}

import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { asSourceError } from './source-error.ts';

/** Aggregates touched in one transaction: short enough that no command notices the locks. */
const CHUNK = 200;
/** Rest between chunks: at most some 4,000 dependants a second, so that a party with 50,000 cases is boring. */
const PAUSE_MS = 50;
/** Any change may have dependants, and most have none: a busy stream asks no more often than this. */
const IDLE_PAUSE_MS = 200;
/** After a chunk that the database refused: somebody has to look at it, and the stream goes on meanwhile. */
const FAILED_PAUSE_MS = 5_000;

/**
 * Publishes again what embeds a referenced aggregate that changed. Sleeps until `wake`; whatever was left by a relay
 * before is taken up at once. Safe beside another one: each takes chunks the other does not hold.
 */
export class Dependants {
  readonly #db: pg.ClientBase;
  readonly #signal: AbortSignal;
  readonly #refused: (error: pg.DatabaseError) => void;
  #woken = Promise.withResolvers<void>();

  /** `refused`: a chunk failed for its content; it is tried again after a pause. */
  constructor(db: pg.ClientBase, signal: AbortSignal, refused: (error: pg.DatabaseError) => void) {
    this.#db = db;
    this.#signal = signal;
    this.#refused = refused;
    signal.addEventListener('abort', () => this.wake());
  }

  wake(): void {
    this.#woken.resolve();
  }

  async run(): Promise<void> {
    while (!this.#signal.aborted) {
      this.#woken = Promise.withResolvers();
      while (!this.#signal.aborted && (await this.#republishChunk())) await this.#pause(PAUSE_MS);
      await this.#woken.promise;
      await this.#pause(IDLE_PAUSE_MS);
    }
  }

  async #republishChunk(): Promise<boolean> {
    const text = 'SELECT remaining FROM canonical.republish_dependants($1)';
    try {
      const { rows } = await this.#db.query<{ remaining: boolean }>(text, [CHUNK]);
      return rows[0]?.remaining ?? false;
    } catch (error) {
      const named = asSourceError(error);
      if (!(named instanceof pg.DatabaseError)) throw named;
      this.#refused(named);
      await this.#pause(FAILED_PAUSE_MS);
      return true;
    }
  }

  #pause(milliseconds: number): Promise<void> {
    return delay(milliseconds, undefined, { signal: this.#signal }).catch(() => {});
  }
}

import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';

/** Aggregates touched in one transaction: short enough that no command notices the locks. */
const CHUNK = 200;
/** Rest between chunks: at most some 4,000 dependants a second, so that a party with 50,000 cases is boring. */
const PAUSE_MS = 50;
/** Any change may have dependants, and most have none: a busy stream asks no more often than this. */
const IDLE_PAUSE_MS = 200;

/**
 * Publishes again what embeds a referenced aggregate that changed. Sleeps until `wake`; whatever was left by a relay
 * before is taken up at once. Safe beside another one: each takes chunks the other does not hold.
 */
export class Dependants {
  readonly #db: pg.ClientBase;
  readonly #signal: AbortSignal;
  #woken = Promise.withResolvers<void>();

  constructor(db: pg.ClientBase, signal: AbortSignal) {
    this.#db = db;
    this.#signal = signal;
    signal.addEventListener('abort', () => this.wake());
  }

  wake(): void {
    this.#woken.resolve();
  }

  async run(): Promise<void> {
    while (!this.#signal.aborted) {
      this.#woken = Promise.withResolvers();
      while (!this.#signal.aborted && (await this.#republishChunk())) await delay(PAUSE_MS);
      await this.#woken.promise;
      await delay(IDLE_PAUSE_MS);
    }
  }

  async #republishChunk(): Promise<boolean> {
    const { rows } = await this.#db.query<{ remaining: boolean }>(
      'SELECT remaining FROM canonical.republish_dependants($1)',
      [CHUNK],
    );
    return rows[0]?.remaining ?? false;
  }
}

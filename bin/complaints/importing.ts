import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { writeCases } from './case-writing.ts';
import type { Complaint } from './complaint.ts';
import { isRefusal, onCanonical } from './on-canonical.ts';
import { type BadRow, complaintsOf } from './reading.ts';

export interface Tally {
  /** Bytes of the file that are dealt with. */
  readonly bytes: number;
  readonly imported: number;
  /** Rows whose complaint was there already. */
  readonly present: number;
  readonly bad: number;
}

export interface ImportOptions {
  readonly file: string;
  /** Connects as a role that may write as the actor: `distributary_app`. */
  readonly database: pg.ClientConfig;
  /** A user who is a supervisor of the bureau: companies are admitted in their name. */
  readonly actor: string;
  /** Takes no more rows than that. @default as fast as the database takes them */
  readonly rowsPerSecond?: number | undefined;
  readonly onProgress?: (tally: Tally) => void;
  /** Called in the order of the file within a batch. */
  readonly onBadRow?: (row: BadRow) => void;
  /** When aborted, what is under way is finished and the rest left for the next run. */
  readonly signal?: AbortSignal;
}

export interface ImportReport extends Tally {
  /** Stopped by the signal before the end of the file. */
  readonly interrupted: boolean;
  readonly seconds: number;
}

/** Rows to a transaction: few enough that nobody waits for their locks, enough that commits cost little. */
export const BATCH_ROWS = 100;
/** With a rate: smaller transactions, so that rows come evenly. */
const PACED_BATCHES_PER_SECOND = 10;

/**
 * Imports complaints in the bureau's format; a batch of rows at a time is in memory. What is there already is skipped by
 * its complaint id, so running again after an interruption takes the rest. Throws `file-invalid` for a file that is no
 * such CSV, `source-unavailable` when the database goes away.
 */
export async function importComplaints(options: ImportOptions): Promise<ImportReport> {
  const startedAt = Date.now();
  const client = new pg.Client(options.database);
  // A connection that dies between two queries would end the process; the next query says so.
  client.on('error', () => {});
  await onCanonical(() => client.connect());
  try {
    const importing = new Importing(client, options);
    await importing.run();
    return { ...importing.tally, interrupted: importing.interrupted, seconds: (Date.now() - startedAt) / 1000 };
  } finally {
    await client.end().catch(() => {});
  }
}

interface Taken {
  readonly line: number;
  readonly complaint: Complaint;
}

class Importing {
  readonly #client: pg.Client;
  readonly #options: ImportOptions;
  tally = { bytes: 0, imported: 0, present: 0, bad: 0 };
  interrupted = false;

  constructor(client: pg.Client, options: ImportOptions) {
    this.#client = client;
    this.#options = options;
  }

  async run(): Promise<void> {
    const { file, signal, rowsPerSecond = Number.POSITIVE_INFINITY } = this.#options;
    const batchRows = Math.min(BATCH_ROWS, Math.ceil(rowsPerSecond / PACED_BATCHES_PER_SECOND));
    const startedAt = Date.now();
    let batch: Taken[] = [];
    let rows = 0;
    let end = 0;
    for await (const row of complaintsOf(file)) {
      end = row.end;
      if (row.kind === 'complaint') batch.push(row);
      else this.#refuse(row);
      rows += 1;
      if (rows % batchRows !== 0) continue;
      await this.#finish(batch, end);
      batch = [];
      this.interrupted = signal?.aborted === true;
      if (this.interrupted) return;
      const early = startedAt + (rows / rowsPerSecond) * 1000 - Date.now();
      if (early > 0) await delay(early, undefined, { signal }).catch(() => {});
    }
    await this.#finish(batch, end);
  }

  #refuse({ line, defects }: BadRow): void {
    this.tally.bad += 1;
    this.#options.onBadRow?.({ line, defects });
  }

  async #finish(batch: readonly Taken[], bytes: number): Promise<void> {
    if (batch.length > 0) await this.#write(batch);
    this.tally.bytes = bytes;
    this.#options.onProgress?.(this.tally);
  }

  /** A row that only the database refuses must not take its batch along: then they go one by one. */
  async #write(batch: readonly Taken[]): Promise<void> {
    try {
      const imported = await this.#transaction(batch);
      this.tally.imported += imported;
      this.tally.present += batch.length - imported;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (batch.length > 1) for (const taken of batch) await this.#write([taken]);
      else
        this.#refuse({ line: batch[0]!.line, defects: [{ reason: `was refused by the database: ${error.message}` }] });
    }
  }

  #transaction(batch: readonly Taken[]): Promise<number> {
    const complaints = batch.map(({ complaint }) => complaint);
    return onCanonical(async () => {
      await this.#client.query('begin');
      try {
        await this.#client.query('select act_as($1)', [this.#options.actor]);
        const imported = await writeCases(this.#client, complaints);
        await this.#client.query('commit');
        return imported;
      } catch (error) {
        await this.#client.query('rollback').catch(() => {});
        throw error;
      }
    });
  }
}

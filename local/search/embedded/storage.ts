import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { JsonObject } from './json.ts';

/** One write as it is kept: `source: null` is a tombstone. */
export interface Row {
  readonly seq: number;
  readonly id: string;
  readonly version: number;
  /** Milliseconds since 1970 of a delete, 0 of a document. */
  readonly deletedAt: number;
  readonly source: string | null;
}

/** What is kept of an index beside its documents. */
export interface Definition {
  readonly name: string;
  readonly uuid: string;
  readonly createdAt: number;
  readonly settings: { readonly [name: string]: string };
  readonly mapping: JsonObject;
  readonly aliases: { readonly [alias: string]: JsonObject };
}

/** The writes of one index in their order; a write that a newer one replaced goes when searches no longer see it. */
export interface WriteLog {
  append(row: Row): void;
  remove(seqs: Iterable<number>): void;
  source(seq: number): string;
  rows(): IterableIterator<Row>;
  bytes(): number;
}

/**
 * Everything in one SQLite file with a write-ahead log: what a committed transaction wrote survives kill -9.
 * The documents of an index have a table of their own, so that dropping an index is dropping a table.
 */
export class Storage {
  readonly #db: DatabaseSync;
  readonly #put: StatementSync;

  #failed = false;

  constructor(file: string) {
    this.#db = new DatabaseSync(file);
    this.#db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL;
      CREATE TABLE IF NOT EXISTS kept (kind TEXT, name TEXT, json TEXT NOT NULL, PRIMARY KEY (kind, name)) WITHOUT ROWID;
    `);
    this.#put = this.#db.prepare('INSERT OR REPLACE INTO kept (kind, name, json) VALUES (?, ?, ?)');
  }

  /** After a transaction that failed, what is in memory may be ahead of what is here: the process has to start again. */
  get hasFailed(): boolean {
    return this.#failed;
  }

  close(): void {
    this.#db.close();
  }

  /** All or nothing; what is inside runs without a pause. */
  transaction<T>(work: () => T): T {
    if (this.#db.isTransaction) return work();
    this.#db.exec('BEGIN');
    try {
      const result = work();
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      this.#db.exec('ROLLBACK');
      this.#failed = true;
      throw error;
    }
  }

  definitions(): Definition[] {
    return this.all('index') as unknown as Definition[];
  }

  define(definition: Definition): void {
    this.keep('index', definition.name, definition as unknown as JsonObject);
  }

  /** Small things by name: definitions, templates. */
  all(kind: string): JsonObject[] {
    const rows = this.#db.prepare('SELECT json FROM kept WHERE kind = ? ORDER BY name').all(kind);
    return rows.map(row => JSON.parse(String(row.json)));
  }

  keep(kind: string, name: string, json: JsonObject): void {
    this.#put.run(kind, name, JSON.stringify(json));
  }

  forget(kind: string, name: string): void {
    this.#db.prepare('DELETE FROM kept WHERE kind = ? AND name = ?').run(kind, name);
  }

  drop(definition: Pick<Definition, 'name' | 'uuid'>): void {
    this.forget('index', definition.name);
    this.#db.exec(`DROP TABLE IF EXISTS "${definition.uuid}"`);
  }

  log(uuid: string): WriteLog {
    this.#db.exec(`CREATE TABLE IF NOT EXISTS "${uuid}"
      (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, version INTEGER NOT NULL, deletedAt INTEGER NOT NULL, source TEXT)`);
    const insert = this.#db.prepare(`INSERT INTO "${uuid}" VALUES (?, ?, ?, ?, ?)`);
    const remove = this.#db.prepare(`DELETE FROM "${uuid}" WHERE seq = ?`);
    const source = this.#db.prepare(`SELECT source FROM "${uuid}" WHERE seq = ?`);
    const rows = this.#db.prepare(`SELECT * FROM "${uuid}" ORDER BY seq`);
    const bytes = this.#db.prepare(`SELECT coalesce(sum(length(source) + length(id) + 16), 0) AS n FROM "${uuid}"`);
    return {
      append: row => void insert.run(row.seq, row.id, row.version, row.deletedAt, row.source),
      remove: seqs =>
        this.transaction(() => {
          for (const seq of seqs) remove.run(seq);
        }),
      source: seq => String(source.get(seq)?.source),
      rows: () => rows.iterate() as unknown as IterableIterator<Row>,
      bytes: () => Number(bytes.get()?.n),
    };
  }
}

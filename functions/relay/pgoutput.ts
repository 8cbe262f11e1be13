import { DistributaryError } from '../../core/errors.ts';
import type { Lsn } from '../../core/lsn.ts';

/**
 * A decoder for `pgoutput`, protocol version 1, of a publication that carries inserts only.
 * The format is described in the PostgreSQL manual, "Logical Replication Message Formats".
 */

/** A table as the server announced it; announced again, as a new object, when the table changes. */
export interface Relation {
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly string[];
}

/** Column → PostgreSQL's text form of the value. */
export type Row = Readonly<Record<string, string | null>>;

/** One row as it was inserted. */
export interface Insert {
  readonly tag: 'insert';
  readonly relation: Relation;
  readonly row: Row;
}

/** Opens a transaction; the rows that follow are its rows, up to the commit. Transactions come in the order of their commits. */
export interface Begin {
  readonly tag: 'begin';
  readonly xid: number;
  /** Milliseconds since 1970 of the commit. */
  readonly committedAt: number;
}

export interface Commit {
  readonly tag: 'commit';
  /** Where the commit record ends, which is the one position to acknowledge for this transaction. */
  readonly endLsn: Lsn;
}

export type OutputMessage = Begin | Insert | Commit | { readonly tag: 'ignored' };

const IGNORED: OutputMessage = { tag: 'ignored' };

const INSERT = 0x49;
const BEGIN = 0x42;
const COMMIT = 0x43;
const RELATION = 0x52;
/** Truncate, type, origin, and what `pg_logical_emit_message` sends: nothing that a row depends on. */
const WITHOUT_ROWS: ReadonlySet<number> = new Set([0x54, 0x59, 0x4f, 0x4d]);
const REFUSED = new Map([
  [0x55, 'an update'],
  [0x44, 'a delete'],
]);

const TEXT_VALUE = 0x74;
const NULL_VALUE = 0x6e;

/** Sizes of what precedes the first column of an insert: tag, relation's oid, tuple's tag. */
const INSERT_HEADER_BYTES = 6;
/** Flags before a column's name; oid of its type and type modifier after. */
const COLUMN_FLAG_BYTES = 1;
const COLUMN_TYPE_BYTES = 8;

/** PostgreSQL counts microseconds since 2000. */
export const POSTGRES_EPOCH_MS = Date.UTC(2000, 0, 1);

/** Milliseconds since 1970. A double holds microseconds since 2000 exactly until the year 2285. */
function readTimestamp(buffer: Buffer, at: number): number {
  const microseconds = buffer.readInt32BE(at) * 2 ** 32 + buffer.readUInt32BE(at + 4);
  return POSTGRES_EPOCH_MS + Math.floor(microseconds / 1000);
}

/**
 * Decodes one message after another, remembering the tables announced: one decoder to a connection.
 * Values are copied out, so the buffer may be reused afterwards. About 1 µs a row of twelve columns.
 */
export class OutputDecoder {
  readonly #relations = new Map<number, Relation>();

  /** @param at where the message starts in `buffer`; it knows its own end */
  decode(buffer: Buffer, at = 0): OutputMessage {
    const tag = buffer[at]!;
    switch (tag) {
      case INSERT:
        return this.#insert(buffer, at);
      case BEGIN:
        return { tag: 'begin', committedAt: readTimestamp(buffer, at + 9), xid: buffer.readUInt32BE(at + 17) };
      case COMMIT:
        return { tag: 'commit', endLsn: buffer.readBigUInt64BE(at + 10) as Lsn };
      case RELATION:
        this.#relations.set(buffer.readUInt32BE(at + 1), readRelation(buffer, at + 5));
        return IGNORED;
      default:
        if (WITHOUT_ROWS.has(tag)) return IGNORED;
        throw unexpected(REFUSED.get(tag) ?? `a message tagged 0x${tag.toString(16)}`);
    }
  }

  #insert(buffer: Buffer, start: number): Insert {
    const oid = buffer.readUInt32BE(start + 1);
    const relation = this.#relations.get(oid);
    if (!relation) throw unexpected(`a row of table ${oid}, which was not announced`);
    return { tag: 'insert', relation, row: readRow(buffer, start + INSERT_HEADER_BYTES, relation.columns) };
  }
}

function readRow(buffer: Buffer, start: number, columns: readonly string[]): Row {
  const row: Record<string, string | null> = {};
  const count = buffer.readInt16BE(start);
  let at = start + 2;
  for (let column = 0; column < count; column++) {
    const kind = buffer[at++];
    if (kind === TEXT_VALUE) {
      const end = at + 4 + buffer.readInt32BE(at);
      row[columns[column]!] = buffer.toString('utf8', at + 4, end);
      at = end;
    } else if (kind === NULL_VALUE) {
      row[columns[column]!] = null;
    } else {
      throw unexpected(`a value of kind 0x${kind?.toString(16)} in column ${columns[column]}`);
    }
  }
  return row;
}

function readRelation(buffer: Buffer, start: number): Relation {
  let at = start;
  const word = (): string => {
    const end = buffer.indexOf(0, at);
    const text = buffer.toString('utf8', at, end);
    at = end + 1;
    return text;
  };
  const schema = word();
  const table = word();
  at += 1; // the replica identity, which inserts do not need
  const count = buffer.readInt16BE(at);
  at += 2;
  const columns: string[] = [];
  for (let column = 0; column < count; column++) {
    at += COLUMN_FLAG_BYTES;
    columns.push(word());
    at += COLUMN_TYPE_BYTES;
  }
  return { schema, table, columns };
}

function unexpected(what: string): DistributaryError {
  return new DistributaryError('publication-unusable', `the publication sent ${what}`);
}

declare const brand: unique symbol;

/**
 * A position in PostgreSQL's write-ahead log: an unsigned 64-bit byte count, so a bigint. Positions of one cluster are
 * ordered by time of writing and compare with `<`; after a failover or a restore they may mean something else.
 */
export type Lsn = bigint & { readonly [brand]: 'Lsn' };

/** No position: PostgreSQL's `InvalidXLogRecPtr`. As the start of a stream it means "where the slot stands". */
export const NO_LSN = 0n as Lsn;

const FORMAT = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/;

/** Reads what PostgreSQL prints, such as `16/B374D848`. */
export function parseLsn(text: string): Lsn {
  const halves = FORMAT.exec(text);
  if (!halves)
    throw new RangeError(`"${text}" is no log position: expected two hexadecimal numbers, as in 16/B374D848`);
  return ((BigInt(`0x${halves[1]}`) << 32n) | BigInt(`0x${halves[2]}`)) as Lsn;
}

/** Prints as PostgreSQL does, so that a position in a log line can be pasted into psql. */
export function formatLsn(lsn: Lsn): string {
  return `${(lsn >> 32n).toString(16).toUpperCase()}/${(lsn & 0xffff_ffffn).toString(16).toUpperCase()}`;
}

/** For `sort`: negative when `a` was written before `b`. */
export const compareLsn = (a: Lsn, b: Lsn): number => (a < b ? -1 : a > b ? 1 : 0);

export const laterLsn = (a: Lsn, b: Lsn): Lsn => (a > b ? a : b);

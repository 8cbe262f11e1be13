import { isNativeError } from 'node:util/types';
import { DistributaryError, type ErrorCode } from '../../core/errors.ts';

/** Classes of SQLSTATE that mean "not now": connection exceptions, insufficient resources. */
const TRANSIENT_CLASSES: ReadonlySet<string> = new Set(['08', '53']);
/** Ended by an administrator or a shutdown, by a crash, and still starting. */
const TRANSIENT_STATES: ReadonlySet<string> = new Set(['57P01', '57P02', '57P03']);
const SOCKET_ERRORS: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);
/** `pg` has no code for these. */
const LOST_CONNECTION = /^(Connection terminated|timeout expired|Client has encountered a connection error)/;

/**
 * Names what PostgreSQL and the socket said, so that a caller can switch on the code: `slot-active`, `slot-lost`,
 * `source-read-only`, `publication-unusable`, `source-unavailable`. Anything else is a surprise and comes back as it was.
 */
export function asSourceError(error: unknown): unknown {
  if (!isNativeError(error) || error instanceof DistributaryError) return error;
  const code = codeOf(error);
  return code ? new DistributaryError(code, describe(error), { cause: error }) : error;
}

function codeOf(error: Error): ErrorCode | undefined {
  const state = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const text = describe(error);
  if (state === '55006') return 'slot-active';
  if (state === '55000') {
    // One SQLSTATE, told apart by its text only. Aurora says "RO (Read Only) node", PostgreSQL "recovery".
    if (/read.?only|recovery|standby/i.test(text)) return 'source-read-only';
    if (/invalidated|no longer get changes|removed/i.test(text)) return 'slot-lost';
  }
  if (state === '25006') return 'source-read-only';
  if (state === '42704') return /publication/i.test(text) ? 'publication-unusable' : 'slot-lost';
  if (TRANSIENT_STATES.has(state) || TRANSIENT_CLASSES.has(state.slice(0, 2)) || SOCKET_ERRORS.has(state)) {
    return 'source-unavailable';
  }
  return LOST_CONNECTION.test(error.message) ? 'source-unavailable' : undefined;
}

function describe(error: Error): string {
  const detail = 'detail' in error && typeof error.detail === 'string' ? ` (${error.detail})` : '';
  return `${error.message}${detail}`;
}

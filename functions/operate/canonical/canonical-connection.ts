import pg from 'pg';
import { DistributaryError } from '../../../core/errors.ts';
import { type DatabaseEnvironment, databaseConfig } from '../../database.ts';

/** Key ranges are read at once, each by one connection. */
const MAX_CONNECTIONS = 4;
/** A page of 1,000 states takes 0.1 s; what takes this long holds something up. */
const STATEMENT_TIMEOUT_MS = 30_000;
const IDLE_MS = 10_000;
/** Statements on the canonical store, each a transaction of its own, as `distributary_operator`, or as the reader that it is too. */
export interface CanonicalConnection {
  /** Throws `source-unavailable` while it does not answer. */
  query<Row extends object>(text: string, values: readonly unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

/** Opened with the first statement. */
export function canonicalConnection(environment: DatabaseEnvironment): CanonicalConnection {
  let opening: Promise<pg.Pool> | undefined;
  const open = () => {
    opening ??= openPool(environment);
    return opening;
  };
  return {
    async query<Row extends object>(text: string, values: readonly unknown[]): Promise<Row[]> {
      try {
        const pool = await open();
        return (await pool.query<Row>(text, [...values])).rows;
      } catch (cause) {
        throw sourceError(cause);
      }
    },
    async close() {
      await (await opening)?.end();
    },
  };
}

async function openPool(environment: DatabaseEnvironment): Promise<pg.Pool> {
  const pool = new pg.Pool({
    ...(await databaseConfig(environment)),
    max: MAX_CONNECTIONS,
    idleTimeoutMillis: IDLE_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    allowExitOnIdle: true,
  });
  // An idle connection that breaks is replaced; nobody waits for it.
  pool.on('error', () => {});
  return pool;
}

/** A statement that is wrong stays wrong; all else is the server's or the network's, and passes. */
function sourceError(cause: unknown): unknown {
  const code = cause instanceof pg.DatabaseError ? (cause.code ?? '') : '';
  if (/^(42|22)/.test(code)) return cause;
  const said = cause instanceof Error ? cause.message : String(cause);
  return new DistributaryError('source-unavailable', `canonical store: ${said}`, { cause });
}

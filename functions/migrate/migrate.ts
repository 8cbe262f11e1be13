import { createHash } from 'node:crypto';
import pg from 'pg';
import { DistributaryError } from '../../core/errors.ts';

/** One file of SQL. */
export interface Script {
  /** Migrations are applied in the order given; the name is how an applied one is known. */
  readonly name: string;
  readonly sql: string;
}

export interface Scripts {
  /** Applied once, in order, and never changed afterwards. */
  readonly migrations: readonly Script[];
  /** Applied after them whenever their text differs from what was applied last; they replace what they made. */
  readonly repeatable: readonly Script[];
}

/** Any number that nothing else locks: one migrates at a time, the others wait and find it done. */
const ADVISORY_LOCK = 7_140_815;
/** A migration waits this long for a lock; everybody who comes after it waits behind it. */
const LOCK_TIMEOUT = '15s';

const BOOKKEEPING = `
  create table if not exists public.schema_migrations (
    name text primary key,
    checksum text not null,
    applied_at timestamptz not null default now()
  )`;

/**
 * Brings a database up to the scripts, each in a transaction of its own; returns the names of those applied.
 * Throws `migration-changed` or `migration-failed`, naming the script; what was applied before it stays.
 */
export async function migrate(
  config: pg.ClientConfig,
  { migrations, repeatable }: Scripts,
): Promise<readonly string[]> {
  const client = new pg.Client(config);
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [ADVISORY_LOCK]);
    await client.query(BOOKKEEPING);
    const applied = await appliedChecksums(client);
    const pending = migrations.filter(script => isPending(script, applied.get(script.name)));
    const differing = repeatable.filter(script => applied.get(script.name) !== checksum(script));
    const scripts = [...pending, ...differing];
    for (const script of scripts) await apply(client, script);
    return scripts.map(({ name }) => name);
  } finally {
    await client.end();
  }
}

async function appliedChecksums(client: pg.Client): Promise<ReadonlyMap<string, string>> {
  const { rows } = await client.query<{ name: string; checksum: string }>(
    'select name, checksum from public.schema_migrations',
  );
  return new Map(rows.map(row => [row.name, row.checksum]));
}

/** Line ends are left out of account: a checkout may change them. */
const checksum = ({ sql }: Script): string => createHash('sha256').update(sql.replaceAll('\r\n', '\n')).digest('hex');

function isPending(script: Script, applied: string | undefined): boolean {
  if (applied === undefined) return true;
  if (applied === checksum(script)) return false;
  throw new DistributaryError('migration-changed', `migration ${script.name} was applied with another text`);
}

async function apply(client: pg.Client, script: Script): Promise<void> {
  const { name, sql } = script;
  try {
    await client.query('begin');
    await client.query(`set local lock_timeout = '${LOCK_TIMEOUT}'`);
    await client.query(sql);
    await client.query('reset role');
    await client.query(
      `insert into public.schema_migrations (name, checksum) values ($1, $2)
        on conflict (name) do update set checksum = excluded.checksum, applied_at = now()`,
      [name, checksum(script)],
    );
    await client.query('commit');
  } catch (cause) {
    await client.query('rollback').catch(() => {});
    throw new DistributaryError('migration-failed', messageOf(cause), { place: placeIn(script, cause), cause });
  }
}

const messageOf = (cause: unknown): string =>
  cause instanceof pg.DatabaseError ? `${cause.message} (${cause.code})` : String(cause);

/** PostgreSQL counts the characters up to the error; an editor wants the line. */
function placeIn({ name, sql }: Script, cause: unknown): { file: string; line?: number } {
  const position =
    cause instanceof pg.DatabaseError && cause.internalPosition === undefined ? cause.position : undefined;
  const file = `canonical/${name}`;
  return position === undefined ? { file } : { file, line: sql.slice(0, Number(position)).split('\n').length };
}

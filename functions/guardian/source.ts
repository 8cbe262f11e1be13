import type pg from 'pg';

/** One logical replication slot, ours or anybody's: each of them keeps WAL, and none may fill the disk. */
export interface GuardedSlot {
  readonly name: string;
  /** WAL that the server keeps for it, in bytes. */
  readonly retainedBytes: number;
  /** `unreserved`: lost at the next checkpoint. `lost`: only a rebuild helps. */
  readonly walStatus: 'reserved' | 'extended' | 'unreserved' | 'lost';
  readonly active: boolean;
}

/** What the guardian sees of the canonical store. */
export interface SourceReport {
  readonly slots: readonly GuardedSlot[];
  /** Of the relay's slot; null when no relay has ever beaten, or the last beat is longer ago than they are kept. */
  readonly heartbeatAgeSeconds: number | null;
  /** Aurora's own version, such as `17.7.1`; null for any other PostgreSQL. */
  readonly auroraVersion: string | null;
  /** Aurora's cache of the logical WAL, in blocks of 8 kB; 0 is off, -1 sized by the server, null is unknown to it. */
  readonly walCache: number | null;
}

/** Reads what any role may see, and the heartbeats. One round trip for slots, one for the rest. */
export async function inspectSource(db: pg.ClientBase, slot: string): Promise<SourceReport> {
  const { rows: slots } = await db.query<GuardedSlot>(
    `SELECT slot_name AS name, coalesce(wal_status, 'lost') AS "walStatus", active,
            coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::float8 AS "retainedBytes"
       FROM pg_replication_slots WHERE slot_type = 'logical' AND NOT temporary ORDER BY slot_name`,
  );
  const { rows } = await db.query<{ age: number | null; aurora: boolean; cache: string | null }>(
    `SELECT (SELECT extract(epoch FROM clock_timestamp() - max(beat_at))::float8
               FROM canonical.heartbeat WHERE slot = $1) AS age,
            to_regproc('aurora_version') IS NOT NULL AS aurora,
            nullif(current_setting('rds.logical_wal_cache', true), '') AS cache`,
    [slot],
  );
  const { age, aurora, cache } = rows[0]!;
  return {
    slots,
    heartbeatAgeSeconds: age,
    auroraVersion: aurora ? await auroraVersion(db) : null,
    walCache: cache === null ? null : Number.parseInt(cache, 10),
  };
}

async function auroraVersion(db: pg.ClientBase): Promise<string> {
  const { rows } = await db.query<{ version: string }>('SELECT aurora_version() AS version');
  return rows[0]!.version;
}

import pg from 'pg';
import type { SlotView } from '../../functions/operate-http/overview.ts';
import type { Endpoints } from '../../local/endpoints.ts';

/** What the canonical store says of itself and of the slot that the relay reads. */
export interface SourceView {
  /** Changes that were ever captured; two looks give a rate. */
  readonly changes: number;
  readonly slot: MeasuredSlot | undefined;
  /** References whose dependants are still to be published again. */
  readonly dependantsPending: number;
}

/** As the database itself says it. */
export interface MeasuredSlot extends SlotView {
  readonly lagBytes: number;
}

export interface Source {
  /** Undefined while it does not answer. */
  look(): Promise<SourceView | undefined>;
  close(): Promise<void>;
}

/** Longer than any look takes; a server that is frozen must not freeze who looks at it. */
const TIMEOUT_MS = 3000;

export function openSource({ postgres, slot }: Endpoints): Source {
  const pool = new pg.Pool({
    connectionString: postgres.url,
    max: 1,
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
  });
  // A connection that dies while idle is replaced at the next look.
  pool.on('error', () => {});
  return {
    async look() {
      try {
        const { rows } = await pool.query<Row>(LOOK, [slot]);
        return viewOf(rows[0]!);
      } catch {
        // That it does not answer is the finding; the servers' own state says why.
        return undefined;
      }
    },
    close: () => pool.end(),
  };
}

interface Row {
  readonly changes: string;
  readonly pending: string;
  readonly active: boolean | null;
  readonly lag: string | null;
  readonly retained: string | null;
  readonly wal_status: string | null;
}

const LOOK = `
  select coalesce(pg_sequence_last_value(pg_get_serial_sequence('canonical.outbox', 'id')::regclass), 0) as changes,
    (select count(*) from canonical.dependants_pending) + (select count(*) from canonical.dependants_skipped) as pending,
    slot.active, slot.wal_status,
    pg_wal_lsn_diff(pg_current_wal_lsn(), slot.confirmed_flush_lsn) as lag,
    pg_wal_lsn_diff(pg_current_wal_lsn(), slot.restart_lsn) as retained
  from (select) one left join pg_replication_slots slot on slot.slot_name = $1`;

const viewOf = ({ changes, pending, active, lag, retained, wal_status }: Row): SourceView => ({
  changes: Number(changes),
  dependantsPending: Number(pending),
  slot:
    active === null
      ? undefined
      : { active, lagBytes: Number(lag), retainedBytes: Number(retained), walStatus: wal_status ?? 'unknown' },
});

import type { Lane } from '../../core/change.ts';
import { DistributaryError } from '../../core/errors.ts';
import { type ChangeHeader, MAX_STATE_BYTES } from '../../core/pack.ts';
import type { AggregateId, TenantId, Version } from '../../core/version.ts';
import type { Row } from './pgoutput.ts';

export interface OutboxChange {
  readonly header: ChangeHeader;
  /** The state's JSON text as the database made it; null for a deletion. */
  readonly state: string | null;
  /** Bytes of `state`. */
  readonly bytes: number;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const WORD = /^[a-z][a-z0-9-]{0,62}$/;
const LANE = /^(standard|priority)$/;
const INTEGER = /^\d{1,16}$/;
const TRACEPARENT = /^[\x21-\x7e]{1,100}$/;

/** What each column must look like; those not named here are looked at one by one. */
const COLUMNS = Object.entries({
  aggregate: WORD,
  change: WORD,
  aggregate_id: UUID,
  tenant_id: UUID,
  version: INTEGER,
  digest: INTEGER,
  lane: LANE,
  schema_version: INTEGER,
});

/**
 * Reads one outbox row. Throws `outbox-row-malformed` or `outbox-row-oversized`, naming the row's id and the columns at
 * fault. By hand, without a schema library: this runs for each change, and the triggers make the rows right.
 */
export function readOutboxRow(row: Row, committedAt: number): OutboxChange {
  const { traceparent, payload: state = null } = row;
  const header: ChangeHeader = {
    aggregate: row.aggregate as string,
    change: row.change as string,
    key: row.aggregate_id as AggregateId,
    tenant: row.tenant_id as TenantId,
    version: Number(row.version) as Version,
    digest: Number(row.digest),
    lane: row.lane as Lane,
    schemaVersion: Number(row.schema_version),
    committedAt,
    // Tracing is a courtesy: a header that no tracer made does not stop a change.
    traceparent: traceparent && TRACEPARENT.test(traceparent) ? traceparent : undefined,
  };
  const faults = faultsOf(row, header);
  if (faults.length > 0)
    throw new DistributaryError('outbox-row-malformed', `outbox row ${row.id}: ${faults.join('; ')}`);
  return { header, state, bytes: sized(row, state) };
}

function faultsOf(row: Row, { version, digest, schemaVersion }: ChangeHeader): readonly string[] {
  const faults: string[] = [];
  for (const [column, pattern] of COLUMNS) {
    const value = row[column] ?? '';
    if (!pattern.test(value)) faults.push(`${column} is ${JSON.stringify(value.slice(0, 80))}`);
  }
  if (!(version >= 1 && Number.isSafeInteger(version))) faults.push(`version is ${version}`);
  if (digest > 0xffffffff) faults.push(`digest is ${digest}`);
  if (schemaVersion < 1) faults.push('schema_version is 0');
  const deleted = row.deleted === 't';
  const state = row.payload ?? null;
  if (deleted !== (state === null)) faults.push(deleted ? 'deleted, but has a payload' : 'payload is missing');
  if (state !== null && !state.trimStart().startsWith('{')) faults.push('payload is no JSON object');
  return faults;
}

function sized(row: Row, state: string | null): number {
  const bytes = state === null ? 0 : Buffer.byteLength(state);
  if (bytes <= MAX_STATE_BYTES) return bytes;
  throw new DistributaryError(
    'outbox-row-oversized',
    `outbox row ${row.id}: payload of ${bytes} bytes, at most ${MAX_STATE_BYTES}`,
  );
}

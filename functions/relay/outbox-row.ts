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

/**
 * Reads one outbox row. Throws `outbox-row-malformed` or `outbox-row-oversized`, naming the row's id and the columns at
 * fault. By hand, without a schema library: this runs for each change, and the triggers make the rows right.
 */
export function readOutboxRow(row: Row, committedAt: number): OutboxChange {
  const faults: string[] = [];
  const take = (column: string, pattern: RegExp): string => {
    const value = row[column] ?? '';
    if (!pattern.test(value)) faults.push(`${column} is ${JSON.stringify(value.slice(0, 80))}`);
    return value;
  };
  const traceparent = row.traceparent ?? undefined;
  const header: ChangeHeader = {
    aggregate: take('aggregate', WORD),
    change: take('change', WORD),
    key: take('aggregate_id', UUID) as AggregateId,
    tenant: take('tenant_id', UUID) as TenantId,
    version: Number(take('version', INTEGER)) as Version,
    digest: Number(take('digest', INTEGER)),
    lane: take('lane', LANE) as Lane,
    schemaVersion: Number(take('schema_version', INTEGER)),
    committedAt,
    // Tracing is a courtesy: a header that no tracer made does not stop a change.
    ...(traceparent !== undefined && TRACEPARENT.test(traceparent) ? { traceparent } : {}),
  };
  const state = row.payload ?? null;
  const deleted = row.deleted === 't';
  if (!(header.version >= 1 && Number.isSafeInteger(header.version))) faults.push(`version is ${header.version}`);
  if (header.digest > 0xffffffff) faults.push(`digest is ${header.digest}`);
  if (header.schemaVersion < 1) faults.push('schema_version is 0');
  if (deleted !== (state === null)) faults.push(deleted ? 'deleted, but has a payload' : 'payload is missing');
  if (state !== null && !state.trimStart().startsWith('{')) faults.push('payload is no JSON object');
  if (faults.length > 0)
    throw new DistributaryError('outbox-row-malformed', `outbox row ${row.id}: ${faults.join('; ')}`);
  return { header, state, bytes: sized(row, state) };
}

function sized(row: Row, state: string | null): number {
  const bytes = state === null ? 0 : Buffer.byteLength(state);
  if (bytes <= MAX_STATE_BYTES) return bytes;
  throw new DistributaryError(
    'outbox-row-oversized',
    `outbox row ${row.id}: payload of ${bytes} bytes, at most ${MAX_STATE_BYTES}`,
  );
}

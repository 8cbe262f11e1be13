import pg from 'pg';
import type { JsonObject, ResolvedChange } from '../../core/change.ts';
import type { AggregateId, TenantId, Version } from '../../core/version.ts';
import type { Canonical, CanonicalPage, KeyDigest, Page } from './canonical.ts';
import type { CanonicalConnection } from './canonical-connection.ts';

/** Of one call; there is no more of them in a page than of what lives, save after a purge. */
const MAX_DELETED = 5_000;

interface Row {
  readonly tenant_id: string;
  readonly id: string;
  readonly version: string;
  readonly digest: string;
  readonly schema_version: number;
  readonly committed_at: Date;
  readonly state: JsonObject;
}

type DeletedRow = Pick<Row, 'tenant_id' | 'id' | 'version' | 'committed_at'>;

interface OutboxRow extends Omit<Row, 'committed_at' | 'state'> {
  readonly day: string;
  readonly row_id: string;
  readonly aggregate: string;
  readonly change: string;
  readonly recorded_at: Date;
  readonly state: JsonObject | null;
}

/** By the functions that `distributary_reader` may call: it sees no table. */
export function postgresCanonical({ query, close }: CanonicalConnection): Canonical {
  async function deleted(aggregate: string, after: AggregateId | undefined, upTo: AggregateId | undefined) {
    const text = 'select * from canonical.deleted_rows($1, $2, $3, $4)';
    const all: ResolvedChange[] = [];
    for (let from = after; ; ) {
      const rows = await query<DeletedRow>(text, [aggregate, from ?? null, upTo ?? null, MAX_DELETED]);
      all.push(...rows.map(row => deletionOf(aggregate, row)));
      if (rows.length < MAX_DELETED) return all;
      from = rows.at(-1)!.id as AggregateId;
    }
  }

  return {
    async read(aggregate, { after, limit }) {
      const rows = await query<Row>(`${SELECT} from ${rowsOf(aggregate)}($1, $2) live`, [after ?? null, limit]);
      const next = nextOf(rows, limit);
      // After the states: what is deleted in between is in both, and the newer version wins.
      const gone = await deleted(aggregate, after, next);
      return { rows: [...rows.map(row => changeOf(aggregate, row)), ...gone], next };
    },

    async readDigests(aggregate, { after, limit }: Page): Promise<CanonicalPage<KeyDigest>> {
      const text = `select id, version, digest from ${rowsOf(aggregate)}($1, $2)`;
      const rows = await query<Pick<Row, 'id' | 'version' | 'digest'>>(text, [after ?? null, limit]);
      const digests = rows.map(({ id, version, digest }) => ({
        key: id as AggregateId,
        version: Number(version),
        digest: Number(digest),
      }));
      return { rows: digests, next: nextOf(rows, limit) };
    },

    async readKeys(aggregate, keys) {
      const text = `${SELECT} from unnest($1::uuid[]) before cross join lateral ${rowsOf(aggregate)}(before, 1) live
        where live.id = any ($2)`;
      const rows = await query<Row>(text, [keys.map(keyBefore), keys]);
      return rows.map(row => changeOf(aggregate, row));
    },

    async count(aggregate) {
      const [row] = await query<{ count: string }>('select canonical.estimated_rows($1) as count', [aggregate]);
      return Number(row!.count);
    },

    async readOutbox(aggregates, { since, after, limit }) {
      const text = 'select *, day::text as day from canonical.outbox_rows($1, $2, $3, $4, $5)';
      const values = [aggregates, new Date(since), after?.day ?? null, after?.id ?? null, limit];
      const rows = await query<OutboxRow>(text, values);
      const last = rows.at(-1);
      const next = rows.length < limit || !last ? undefined : { day: last.day, id: Number(last.row_id) };
      return { changes: rows.map(outboxChange), next };
    },

    close,
  };
}

const SELECT = 'select live.*, canonical.committed_at(live.id, live.version) as committed_at';
/** Aggregates' names are kebab-case words of contracts, so that quoting is all there is to do. */
const rowsOf = (aggregate: string): string =>
  `capture.${pg.escapeIdentifier(`${aggregate.replaceAll('-', '_')}_rows`)}`;

const nextOf = (rows: readonly { readonly id: string }[], limit: number): AggregateId | undefined =>
  rows.length < limit ? undefined : (rows.at(-1)!.id as AggregateId);

function changeOf(aggregate: string, row: Row): ResolvedChange {
  const { digest, schema_version: schemaVersion, state } = row;
  return { kind: 'state', ...headerOf(aggregate, row), digest: Number(digest), schemaVersion, state };
}

const deletionOf = (aggregate: string, row: DeletedRow): ResolvedChange => ({
  kind: 'deleted',
  ...headerOf(aggregate, row),
  digest: 0,
  schemaVersion: 1,
});

function outboxChange({
  aggregate,
  change,
  recorded_at,
  state,
  digest,
  schema_version,
  ...row
}: OutboxRow): ResolvedChange {
  const header = { ...headerOf(aggregate, { ...row, committed_at: recorded_at }), change };
  const rest = { digest: Number(digest), schemaVersion: schema_version };
  return state === null ? { kind: 'deleted', ...header, ...rest } : { kind: 'state', ...header, ...rest, state };
}

function headerOf(aggregate: string, { tenant_id, id, version, committed_at }: DeletedRow) {
  return {
    id: `${version}@${id}`,
    aggregate,
    // What happened is not what a backfill carries: it is the state as it stands.
    change: 'backfilled',
    key: id as AggregateId,
    tenant: tenant_id as TenantId,
    version: Number(version) as Version,
    lane: 'standard' as const,
    committedAt: committed_at.getTime(),
  };
}

/** The UUID just below: pages begin after a key. */
export function keyBefore(key: AggregateId): AggregateId {
  const digits = (BigInt(`0x${key.replaceAll('-', '')}`) - 1n).toString(16).padStart(32, '0');
  return digits.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5') as AggregateId;
}

import pg from 'pg';
import type { JsonObject, ResolvedChange } from '../../../core/change.ts';
import type { AggregateId, TenantId, Version } from '../../../core/version.ts';
import type { Canonical } from './canonical.ts';
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

/**
 * By the functions that `distributary_reader` may call: it sees no table. `pages` is what whole states are read from, page by
 * page: a reader that lags behind the writer will do, for write-if-newer keeps what is newer, and what a new target lacks
 * the comparison with the writer finds.
 */
export function postgresCanonical(
  { query, close }: CanonicalConnection,
  pages: Pick<CanonicalConnection, 'query'> = { query },
): Canonical {
  async function deleted(aggregate: string, after: AggregateId | undefined, upTo: AggregateId | undefined) {
    const text = 'select * from canonical.deleted_rows($1, $2, $3, $4)';
    const all: ResolvedChange[] = [];
    for (let from = after; ; ) {
      const rows = await pages.query<DeletedRow>(text, [aggregate, from ?? null, upTo ?? null, MAX_DELETED]);
      all.push(...rows.map(row => deletionOf(aggregate, row)));
      if (rows.length < MAX_DELETED) return all;
      from = rows.at(-1)!.id as AggregateId;
    }
  }

  return {
    async read(aggregate, { after, limit }) {
      const rows = await pages.query<Row>(`${SELECT} from ${captured(aggregate, 'rows')}($1, $2) live`, [
        after ?? null,
        limit,
      ]);
      const next = nextOf(rows, limit);
      // After the states: what is deleted in between is in both, and the newer version wins.
      const gone = await deleted(aggregate, after, next);
      return { rows: [...rows.map(row => changeOf(aggregate, row)), ...gone], next };
    },

    async entries(aggregates, { from, to }) {
      const of = async (aggregate: string) => {
        const text = `select id, version, digest from ${captured(aggregate, 'entries')}($1, $2)`;
        return query<Pick<Row, 'id' | 'version' | 'digest'>>(text, [from ?? null, to ?? null]);
      };
      const rows = (await Promise.all(aggregates.map(of))).flat();
      return rows.map(({ id, version, digest }) => ({
        key: id as AggregateId,
        version: Number(version),
        digest: Number(digest),
      }));
    },

    async found(aggregates, keys) {
      const live = aggregates.map(async aggregate => {
        const rows = await query<Row>(`${SELECT} from ${captured(aggregate, 'found')}($1) live`, [keys]);
        return rows.map(row => changeOf(aggregate, row));
      });
      const changes = (await Promise.all(live)).flat();
      const alive = new Set(changes.map(({ key }) => key));
      const others = keys.filter(key => !alive.has(key));
      if (others.length === 0) return changes;
      const text = 'select *, at as committed_at from capture.gone($1) where at is not null';
      const gone = await query<DeletedRow & { aggregate: string }>(text, [others]);
      return [...changes, ...gone.map(({ aggregate, ...row }) => deletionOf(aggregate, row))];
    },

    async boundAfter(aggregates, from, rows) {
      const text = 'select capture.next_bound($1, $2, $3) as bound';
      const [row] = await query<{ bound: string | null }>(text, [aggregates, from ?? null, rows]);
      return (row?.bound ?? undefined) as AggregateId | undefined;
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
const captured = (aggregate: string, what: 'rows' | 'entries' | 'found'): string =>
  `capture.${pg.escapeIdentifier(`${aggregate.replaceAll('-', '_')}_${what}`)}`;

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

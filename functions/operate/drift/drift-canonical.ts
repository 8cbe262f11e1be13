import pg from 'pg';
import { addDigests, EMPTY_DIGEST } from '../../../core/digest.ts';
import type { CanonicalSide, Entry, Fate } from '../../../core/drift.ts';
import type { ChangeHeader } from '../../../core/pack.ts';
import type { Digest, KeyRange } from '../../../core/store.ts';
import type { AggregateId, TenantId, Version } from '../../../core/version.ts';
import { inFlight } from '../../in-flight.ts';
import type { CanonicalConnection } from '../canonical/canonical-connection.ts';

/** A change as the relay would publish it; the state is the text that the database made. */
export interface Republished {
  readonly header: ChangeHeader;
  readonly state: string;
}

/** The canonical store as drift looks at it: statements that take no lock and hold no snapshot for long. */
export interface DriftCanonical extends CanonicalSide {
  /** The canonical store's own clock, which commit times and watermarks are of; milliseconds since 1970. */
  now(): Promise<number>;
  /** What became of each of the keys. */
  fates(keys: readonly AggregateId[]): Promise<ReadonlyMap<AggregateId, Fate>>;
  /** Those of the keys that live, as they are now. */
  states(keys: readonly AggregateId[]): Promise<readonly Republished[]>;
  /** Publishes these again under new versions, to every store, in a while. */
  renew(keys: readonly AggregateId[]): Promise<void>;
  /** About how many keys there are: for progress. */
  count(): Promise<number>;
}

/** Two, for a small canonical store has two cores; the pool keeps others for who backfills. */
const RANGES_AT_ONCE = 2;
/** Of `canonical.republish`. */
const MAX_RENEWED = 1000;

interface EntryRow {
  readonly tenant_id: string;
  readonly id: string;
  readonly version: string;
  readonly digest: string;
}

export function driftCanonical({ query }: CanonicalConnection, aggregates: readonly string[]): DriftCanonical {
  async function digestOf({ from, to }: KeyRange): Promise<Digest> {
    let total = EMPTY_DIGEST;
    for (const aggregate of aggregates) {
      const text = `select count(*), coalesce(sum(digest), 0) as sum from ${functionOf(aggregate, 'entries')}($1, $2)`;
      const [row] = await query<{ count: string; sum: string }>(text, [from ?? null, to ?? null]);
      total = addDigests(total, { count: Number(row!.count), sum: Number(row!.sum) });
    }
    return total;
  }

  const found = async (aggregate: string, columns: string, keys: readonly AggregateId[]) =>
    query<EntryRow & { schema_version: number; state: string; committed_at: Date }>(
      `select ${columns} from ${functionOf(aggregate, 'found')}($1) found`,
      [keys],
    );

  return {
    async boundAfter({ from, to }, rows) {
      const text = 'select capture.next_bound($1, $2, $3) as bound';
      const [row] = await query<{ bound: AggregateId | null }>(text, [aggregates, from ?? null, rows]);
      const bound = row!.bound ?? undefined;
      return bound === undefined || (to !== undefined && bound >= to) ? undefined : bound;
    },

    async digests(ranges) {
      const digests = new Array<Digest>(ranges.length);
      await inFlight(ranges, RANGES_AT_ONCE, async (range, index) => {
        digests[index] = await digestOf(range);
      });
      return digests;
    },

    /** A listed range is small: it is in memory as a whole. */
    async *entries({ from, to }) {
      for (const aggregate of aggregates) {
        const text = `select * from ${functionOf(aggregate, 'entries')}($1, $2)`;
        for (const row of await query<EntryRow>(text, [from ?? null, to ?? null])) yield entryOf(row);
      }
    },

    async now() {
      const [row] = await query<{ now: Date }>('select canonical.clock() as now', []);
      return row!.now.getTime();
    },

    async fates(keys) {
      const fates = new Map<AggregateId, Fate>(keys.map(key => [key, { kind: 'never-was' }]));
      // What is gone first: a life that is found afterwards counts.
      for (const { id, version, at } of await query<{ id: AggregateId; version: string; at: Date | null }>(
        'select id, version, at from capture.gone($1)',
        [keys],
      )) {
        fates.set(id, { kind: 'gone', version: Number(version) as Version, at: at?.getTime() });
      }
      for (const aggregate of aggregates) {
        for (const row of await found(aggregate, 'tenant_id, id, version, digest', keys)) {
          fates.set(row.id as AggregateId, { kind: 'lives', entry: entryOf(row) });
        }
      }
      return fates;
    },

    async states(keys) {
      const all: Republished[] = [];
      for (const aggregate of aggregates) {
        const columns =
          'found.*, state::text as state, canonical.committed_at(found.id, found.version) as committed_at';
        for (const { schema_version, state, committed_at, ...row } of await found(aggregate, columns, keys)) {
          const entry = { ...entryOf(row), aggregate, change: 'repaired', lane: 'standard' as const };
          const header = { ...entry, schemaVersion: schema_version, committedAt: committed_at.getTime() };
          all.push({ header, state });
        }
      }
      return all;
    },

    async renew(keys) {
      for (const aggregate of aggregates) {
        for (let at = 0; at < keys.length; at += MAX_RENEWED) {
          const living = await found(aggregate, 'id', keys.slice(at, at + MAX_RENEWED));
          if (living.length > 0) {
            await query('select canonical.republish($1, $2)', [aggregate, living.map(({ id }) => id)]);
          }
        }
      }
    },

    async count() {
      let total = 0;
      for (const aggregate of aggregates) {
        const text = 'select canonical.estimated_rows($1) as count';
        const [row] = await query<{ count: string }>(text, [aggregate]);
        total += Number(row!.count);
      }
      return total;
    },
  };
}

const functionOf = (aggregate: string, role: string): string =>
  `capture.${pg.escapeIdentifier(`${aggregate.replaceAll('-', '_')}_${role}`)}`;

const entryOf = ({ tenant_id, id, version, digest }: EntryRow): Entry => ({
  key: id as AggregateId,
  tenant: tenant_id as TenantId,
  version: Number(version) as Version,
  digest: Number(digest),
});

import type { SourceReport } from './source.ts';

/** What the report means, as metrics: everything that should be 0 is 0. */
export interface Verdict {
  /** WAL kept for the hungriest slot, ours or not. */
  readonly retainedBytes: number;
  /** Slots that have lost WAL, and ours when it is gone: a gap that only a rebuild closes. */
  readonly lost: readonly string[];
  /** Slots that will be lost at the next checkpoint. */
  readonly atRisk: readonly string[];
  /** Why committed changes may be lost by the database itself. */
  readonly unsafe: string | undefined;
}

/**
 * Aurora PostgreSQL brought its cache of the logical WAL in these versions, and lost rows with it; the minor versions
 * after them are mended (https://docs.risingwave.com/ingestion/sources/postgresql/pg-cdc).
 */
const LOSSY_VERSIONS = ['14.5', '13.8', '12.12', '11.17'];

export function judge(report: SourceReport, slot: string): Verdict {
  const named = (status: string) =>
    report.slots.filter(({ walStatus }) => walStatus === status).map(({ name }) => name);
  const missing = report.slots.some(({ name }) => name === slot) ? [] : [slot];
  return {
    retainedBytes: Math.max(0, ...report.slots.map(({ retainedBytes }) => retainedBytes)),
    lost: [...named('lost'), ...missing],
    atRisk: named('unreserved'),
    unsafe: unsafeVersion(report),
  };
}

/** A cache that nobody can ask about is on: that is its default. */
function unsafeVersion({ auroraVersion, walCache }: SourceReport): string | undefined {
  const lossy = LOSSY_VERSIONS.find(version => auroraVersion === version || auroraVersion?.startsWith(`${version}.`));
  if (lossy === undefined || walCache === 0) return undefined;
  return `Aurora PostgreSQL ${auroraVersion} loses rows with rds.logical_wal_cache on: upgrade, or set it to 0`;
}

import type { ResolvedChange } from './change.ts';
import { DistributaryError } from './errors.ts';
import type { Outcome, Store, Target, Write } from './store.ts';
import type { AggregateId, Version } from './version.ts';

/**
 * Rows of one read: a transaction of a tenth of a second, and two bulk requests to OpenSearch. Half as many take a fifth
 * more of both processors for each document.
 */
export const PAGE_ROWS = 1000;

/** A part of an aggregate's keys, and how far it has been filled. */
export interface BackfillRange {
  readonly aggregate: string;
  /** Keys up to this one are done; null at the beginning of all. */
  readonly after: AggregateId | null;
  /** The first key that is not of this range; null where it has no end. */
  readonly to: AggregateId | null;
  readonly done: number;
  readonly finished: boolean;
}

/** A change that the target will never take as it is. */
export interface Refusal {
  readonly key: AggregateId;
  readonly version: Version;
  readonly code: string;
  readonly message: string;
}

export interface BackfillPage {
  readonly rows: readonly ResolvedChange[];
  /** Where the next page begins; nothing after the last. */
  readonly next: AggregateId | undefined;
}

/** What a backfill needs from outside. */
export interface BackfillPorts {
  readonly store: Store;
  /** Those that are filled. */
  readonly targets: readonly Target[];
  read(aggregate: string, page: { after: AggregateId | undefined; limit: number }): Promise<BackfillPage>;
  /** Document of one change. Throws a DistributaryError whose code says who retries. */
  project(change: ResolvedChange): Write;
  /** Resolves when so many more rows may be written: the rate limit. Throws to end the backfill where it can go on. */
  pace(rows: number): Promise<void>;
  /** Keeps how far the range is; what it was told last is where a killed backfill goes on. */
  progress(range: BackfillRange, refused: readonly Refusal[]): Promise<void>;
  /** Whether a row is wanted. @default every one is */
  wants?(change: ResolvedChange): boolean;
}

/**
 * Writes every state of the range, each page read while the one before is written. It may be killed and begun again
 * anywhere, and live changes may be written meanwhile: the newest version stays. Throws a DistributaryError with retry
 * `later` while the canonical store or the target is unavailable; then the range goes on where `progress` was told.
 */
export async function backfillRange(ports: BackfillPorts, begun: BackfillRange): Promise<BackfillRange> {
  let range = begun;
  if (range.finished) return range;
  const read = (after: AggregateId | null) =>
    ports.read(range.aggregate, { after: after ?? undefined, limit: PAGE_ROWS });
  for (let next = read(range.after); ; ) {
    const page = await next;
    const { to } = range;
    const rows = to === null ? page.rows : page.rows.filter(({ key }) => key < to);
    const finished = page.next === undefined || (to !== null && page.next >= to);
    if (!finished) next = read(page.next!);
    // Whoever waits for it hears of its failure; an error of this page may come first.
    next.catch(() => {});
    const wanted = ports.wants ? rows.filter(ports.wants) : rows;
    await ports.pace(wanted.length);
    const refused = await writeStates(ports, wanted);
    range = { ...range, after: page.next ?? range.after, done: range.done + rows.length, finished };
    await ports.progress(range, refused);
    if (finished) return range;
  }
}

/** Writes states to every target. Yields what will never land; throws while a target is unavailable. */
export async function writeStates(
  { store, targets, project }: Pick<BackfillPorts, 'store' | 'targets' | 'project'>,
  changes: readonly ResolvedChange[],
): Promise<readonly Refusal[]> {
  const refused: Refusal[] = [];
  const writes: Write[] = [];
  for (const change of changes) {
    try {
      writes.push(project(change));
    } catch (error) {
      if (!(error instanceof DistributaryError) || error.retry === 'later') throw error;
      refused.push(refusalOf(change, error));
    }
  }
  if (writes.length === 0) return refused;
  const outcomes = await Promise.all(targets.map(target => store.write(target, writes)));
  for (const [index, write] of writes.entries()) {
    const failed = outcomes.map(byWrite => byWrite[index]!).find(isFailed);
    if (failed?.kind === 'unavailable') throw failed.error;
    if (failed) refused.push(refusalOf(write, failed.error));
  }
  return refused;
}

const isFailed = (outcome: Outcome): outcome is Extract<Outcome, { error: DistributaryError }> => 'error' in outcome;

const refusalOf = (
  { key, version }: { readonly key: AggregateId; readonly version: Version },
  { code, message }: DistributaryError,
): Refusal => ({ key, version, code, message });

/** The UUID just below: a page begins after a key, a range with its first. */
export function before(key: AggregateId): AggregateId {
  const digits = (BigInt(`0x${key.replaceAll('-', '')}`) - 1n).toString(16).padStart(32, '0');
  return digits.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5') as AggregateId;
}

import * as z from 'zod';
import { type Comparison, compareRange, keysApart } from '../../../core/rebuild.ts';
import type { KeyRange, Target } from '../../../core/store.ts';
import type { AggregateId } from '../../../core/version.ts';
import { unopened } from '../../stores/protected.ts';
import { refusalSchema } from '../backfill/filling.ts';
import type { OperateContext, OperatedStore } from '../context.ts';
import type { RunHandle } from '../runs/run-kind.ts';

/** Keys of a range: one statement of some 100 ms, and one request to the store. */
const RANGE_ROWS = 2_000;
/** A store that reads its files from the first to the last for each range is asked for few. */
const RANGE_ROWS_OF_FILES = 100_000;
/** Ranges at once. */
const RANGES_AT_ONCE = 3;
/** Time for a change that is on its way. */
const PAUSE_MS = 1_000;
/** Keys that are kept by name; all are counted. */
const KEPT_KEYS = 20;

const key = z.string().transform(text => text as AggregateId);
const found = z.strictObject({ count: z.int(), keys: z.array(key) }).prefault({ count: 0, keys: [] });

/** What a comparison has found so far, as a run remembers it. */
export const comparedSchema = z.strictObject({
  from: key.nullable().default(null),
  finished: z.boolean().default(false),
  documents: z.int().default(0),
  ranges: z.int().default(0),
  /** Ranges whose sums were equal at the first look. */
  equalRanges: z.int().default(0),
  repaired: z.int().default(0),
  missing: found,
  extra: found,
  mismatched: found,
  refusals: z.array(refusalSchema).default([]),
});
export type Compared = z.infer<typeof comparedSchema>;

export interface Comparing {
  readonly store: OperatedStore;
  readonly target: Target;
  readonly begun: Compared;
  save(compared: Compared): Promise<void>;
}

/** Compares a target with the canonical store, range by range, and writes again what it lacks; goes on where it was. */
export async function compareAll(
  handle: RunHandle,
  context: OperateContext,
  { store, target, begun, save }: Comparing,
): Promise<Compared> {
  const { canonical } = context;
  const { aggregates } = store.definition.contract;
  const rows = store.store.keepsHistory ? RANGE_ROWS_OF_FILES : RANGE_ROWS;
  const ports = {
    store: unopened(store.store),
    target,
    entries: (range: KeyRange) => canonical.entries(aggregates, range),
    found: (keys: readonly AggregateId[]) => canonical.found(aggregates, keys),
    project: store.project,
    pause: () => handle.sleep(PAUSE_MS),
  };
  let compared = begun;
  while (!compared.finished) {
    const { ranges, next } = await cut(context, aggregates, compared.from, rows);
    const results = await Promise.all(ranges.map(range => compareRange(range, ports)));
    compared = { ...results.reduce(add, compared), from: next ?? null, finished: next === undefined };
    await save(compared);
  }
  return compared;
}

/** Where readers' own target is not what the canonical store gives: what is lost there, and what is on its way to it. */
export const apartSchema = z.strictObject({
  from: key.nullable().default(null),
  finished: z.boolean().default(false),
  documents: z.int().default(0),
  count: z.int().default(0),
  /** Some of them by name. */
  keys: z.array(key).default([]),
});
export type Apart = z.infer<typeof apartSchema>;

/** Of 40 bytes each, in an item of the control table. */
const KEPT_APART = 2_000;

/** Finds them range by range, and writes nothing; goes on where it was. */
export async function findApart(
  context: OperateContext,
  {
    store,
    target,
    begun,
    save,
  }: Omit<Comparing, 'begun' | 'save'> & { begun: Apart; save(apart: Apart): Promise<void> },
): Promise<Apart> {
  const { aggregates } = store.definition.contract;
  const rows = store.store.keepsHistory ? RANGE_ROWS_OF_FILES : RANGE_ROWS;
  const entries = (range: KeyRange) => context.canonical.entries(aggregates, range);
  let apart = begun;
  while (!apart.finished) {
    const { ranges, next } = await cut(context, aggregates, apart.from, rows);
    const found = await Promise.all(
      ranges.map(range => keysApart(range, { store: unopened(store.store), target, entries })),
    );
    const keys = found.flatMap(range => range.keys);
    apart = {
      from: next ?? null,
      finished: next === undefined,
      documents: found.reduce((sum, { documents }) => sum + documents, apart.documents),
      count: apart.count + keys.length,
      keys: [...apart.keys, ...keys].slice(0, KEPT_APART),
    };
    await save(apart);
  }
  return apart;
}

async function cut(
  { canonical }: OperateContext,
  aggregates: readonly string[],
  begin: AggregateId | null,
  rows: number,
) {
  const ranges: KeyRange[] = [];
  let from = begin ?? undefined;
  do {
    const to = await canonical.boundAfter(aggregates, from, rows);
    ranges.push({ ...(from !== undefined && { from }), ...(to !== undefined && { to }) });
    from = to;
  } while (from !== undefined && ranges.length < RANGES_AT_ONCE);
  return { ranges, next: from };
}

function add(total: Compared, { missing, extra, mismatched, refused, ...range }: Comparison): Compared {
  const sum = (before: Compared['missing'], more: readonly AggregateId[]) => ({
    count: before.count + more.length,
    keys: [...before.keys, ...more].slice(0, KEPT_KEYS),
  });
  return {
    ...total,
    documents: total.documents + range.documents,
    ranges: total.ranges + 1,
    equalRanges: total.equalRanges + (range.equalAtOnce ? 1 : 0),
    repaired: total.repaired + range.repaired,
    missing: sum(total.missing, missing),
    extra: sum(total.extra, extra),
    mismatched: sum(total.mismatched, mismatched),
    refusals: [...total.refusals, ...refused].slice(0, KEPT_KEYS),
  };
}

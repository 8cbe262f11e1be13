import { randomUUID } from 'node:crypto';
import type { Target } from '../../core/store.ts';
import type { ControlItems } from '../control-items.ts';
import { inFlight } from '../in-flight.ts';
import { mergedDraftOf } from '../stores/parquet-draft.ts';
import { decodeFacts, type Fact, type FactFormat, isKnown } from '../stores/parquet-file.ts';
import { counting, type FactFile, type Manifest } from '../stores/parquet-manifest.ts';
import { FILES_IN_FLIGHT, ObjectGone, type Objects } from '../stores/parquet-objects.ts';
import { dayOf } from '../stores/parquet-time.ts';
import { takeLease } from './lease.ts';

/** Fewer small files of a day are left alone: merging them would cost more than reading them. */
const MIN_FILES = 8;
/** A day that is over, and to which nothing came for this long, is merged down to as few files as can be. */
const QUIET_SECONDS = 3600;
/** What is merged into one file at most: 300 MB in memory. A file of half of it is full, and left alone for good. */
const MAX_ROWS = 100_000;
const MAX_DOCUMENT_BYTES = 64 * 1024 * 1024;
/** Ids in one manifest entry: 17 kB of an item. */
const MAX_FILES = 500;
/** A function that announced a file and has not finished it after this long never will: functions end after 15 minutes. */
const PENDING_SECONDS = 3600;
/** A replaced file stays for readers that have listed it: longer than any query takes. */
export const READERS_GRACE_SECONDS = 3600;
/** Reading 500 small files, merging and writing: a merge begins only if so much time is left. */
const MERGE_SECONDS = 60;

export interface Compacting {
  readonly format: FactFormat;
  readonly manifest: Manifest;
  readonly objects: Objects;
  readonly control: ControlItems;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** When to end, in the terms of `now`. */
  readonly deadline: number;
}

export interface CompactionReport {
  /** False when another compactor was at it. */
  readonly ran: boolean;
  /** Files merged, and into how many. */
  readonly merged: number;
  readonly written: number;
  /** Repeated facts that were left out. */
  readonly duplicates: number;
  /** Files removed that did not count any more. */
  readonly removed: number;
}

/**
 * Merges small files day by day, and removes what does not count any more. Safe to end at any point and to run twice at
 * once: a merged file takes the place of its inputs by the one write that makes it count, inputs are removed only after
 * that, and a fact that comes to lie in two files counts once for every reader.
 */
export async function compactTarget(compacting: Compacting, target: Target): Promise<CompactionReport> {
  const lease = await takeLease(compacting, target, randomUUID());
  if (!lease) return { ran: false, merged: 0, written: 0, duplicates: 0, removed: 0 };
  try {
    const merges = await mergeDays(compacting, target);
    const removed = await removeSpent(compacting, target);
    return { ran: true, ...merges, removed };
  } finally {
    await lease.release();
  }
}

async function mergeDays(compacting: Compacting, target: Target) {
  const total = { merged: 0, written: 0, duplicates: 0 };
  const small = counting(await compacting.manifest.entries(target)).filter(isSmall);
  for (const [day, files] of Map.groupBy(small, file => file.day)) {
    for (const batch of batchesOf(day, files, compacting.now())) {
      if (compacting.now() + MERGE_SECONDS * 1000 > compacting.deadline) return total;
      const facts = await merge(compacting, target, batch);
      if (!facts) continue;
      total.merged += facts.files;
      total.written += 1;
      total.duplicates += facts.duplicates;
    }
  }
  return total;
}

const isSmall = ({ rows, document_bytes }: FactFile): boolean =>
  rows < MAX_ROWS / 2 && document_bytes < MAX_DOCUMENT_BYTES / 2;

/** The smallest first, as many as fit; what is left over waits for company. */
function* batchesOf(day: string, files: readonly FactFile[], nowMs: number): Iterable<readonly FactFile[]> {
  const isQuiet = day < dayOf(nowMs) && files.every(({ since }) => since < nowMs - QUIET_SECONDS * 1000);
  const minFiles = isQuiet ? 2 : MIN_FILES;
  let batch: FactFile[] = [];
  let [rows, bytes] = [0, 0];
  for (const file of files.toSorted((a, b) => a.rows - b.rows)) {
    const fits = rows + file.rows <= MAX_ROWS && bytes + file.document_bytes <= MAX_DOCUMENT_BYTES;
    if (!fits || batch.length === MAX_FILES) {
      if (batch.length >= minFiles) yield batch;
      [batch, rows, bytes] = [[], 0, 0];
    }
    batch.push(file);
    rows += file.rows;
    bytes += file.document_bytes;
  }
  if (batch.length >= minFiles) yield batch;
}

/** Nothing when there is nothing to merge after all. */
async function merge({ format, manifest, objects }: Compacting, target: Target, batch: readonly FactFile[]) {
  const facts: Fact[] = [];
  const inputs: string[] = [];
  try {
    await inFlight(batch, FILES_IN_FLIGHT, async file => {
      const object = objects.open(file.object, file.bytes);
      // A newer version of this system wrote it: what it knows more would be lost.
      if (!(await isKnown(format, object))) return;
      for (const fact of await decodeFacts(format, object, { documents: true })) facts.push(fact);
      inputs.push(file.id);
    });
  } catch (error) {
    if (error instanceof ObjectGone) return undefined; // Another compactor has been here.
    throw error;
  }
  if (inputs.length < 2) return undefined;
  const draft = mergedDraftOf(format, facts, inputs);
  await manifest.add(target, draft);
  return { files: inputs.length, duplicates: facts.length - draft.contents.rows };
}

/** Removes files that were never finished, and those whose replacement has been there long enough. */
async function removeSpent({ manifest, now }: Compacting, target: Target): Promise<number> {
  const files = await manifest.entries(target);
  const present = new Set(files.map(({ id }) => id));
  const replacedAt = new Map<string, number>();
  for (const { state, since, replaces } of files) {
    if (state === 'live') for (const id of replaces) replacedAt.set(id, Math.min(since, replacedAt.get(id) ?? since));
  }
  const isSpent = ({ id, state, since, replaces }: FactFile): boolean => {
    if (state === 'dropped') return true;
    if (state === 'pending') return since < now() - PENDING_SECONDS * 1000;
    const at = replacedAt.get(id);
    // It says itself which files do not count, so it has to outlive them.
    return at !== undefined && at < now() - READERS_GRACE_SECONDS * 1000 && !replaces.some(other => present.has(other));
  };
  let removed = 0;
  await inFlight(files.filter(isSpent), FILES_IN_FLIGHT, async file => {
    if (await manifest.discard(target, file)) removed += 1;
  });
  return removed;
}

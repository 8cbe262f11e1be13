import { ERASED, ERASURE_WATCH_DAYS, erasedItemSchema } from '../../core/erasure.ts';
import { DistributaryError } from '../../core/errors.ts';
import type { Target } from '../../core/store.ts';
import { parseBody, storeGroup } from '../control-items.ts';
import { mergedDraftOf } from '../stores/parquet-draft.ts';
import { decodeFacts, type Fact, isKnown } from '../stores/parquet-file.ts';
import { counting, type FactFile } from '../stores/parquet-manifest.ts';
import { ObjectGone } from '../stores/parquet-objects.ts';
import { dayOf } from '../stores/parquet-time.ts';
import type { Compacting } from './compaction.ts';

/** While it rewrites, writers and a compactor may bring more; they bring less each time. */
const MAX_ROUNDS = 10;
const DAY_MS = 86_400_000;

export type Erasing = Omit<Compacting, 'deadline'>;

export interface FactsErased {
  /** Facts that lost their content, and the files they were in. */
  readonly facts: number;
  readonly rewritten: number;
  /** Files that were replaced, here or by compaction before, and that are removed. */
  readonly removed: number;
  /** UTC days whose files had some. */
  readonly days: readonly string[];
}

type Candidate = (file: FactFile) => boolean;

/**
 * Takes the content out of every fact of these keys, in every file of the target that counts, and removes the files that
 * they were in, without the time that readers have otherwise. What stays is that there was a version: a tombstone, as a
 * replay of the scrubbed outbox writes it. Safe to end at any point and to repeat; other facts are as they were.
 */
export async function eraseFacts(
  erasing: Erasing,
  target: Target,
  keys: ReadonlySet<string>,
  isCandidate: Candidate = () => true,
): Promise<FactsErased> {
  const days = new Set<string>();
  let [facts, rewritten] = [0, 0];
  for (let round = 0; ; round++) {
    const files = counting(await erasing.manifest.entries(target)).filter(
      file => isCandidate(file) && covers(file, keys),
    );
    let isClean = true;
    for (const file of files) {
      const found = await rewrite(erasing, target, file, keys, days);
      if (found === 0) continue;
      isClean = false;
      if (found !== 'gone') [facts, rewritten] = [facts + found, rewritten + 1];
    }
    if (isClean) break;
    if (round === MAX_ROUNDS) {
      throw new DistributaryError('store-unavailable', `${target.name}: facts came in again ${round} times`);
    }
  }
  return { facts, rewritten, removed: await removeReplaced(erasing, target, keys), days: [...days] };
}

/** How many facts of these keys still have content, in any file that counts. */
export async function factsLeft({ format, manifest, objects }: Erasing, target: Target, keys: ReadonlySet<string>) {
  let left = 0;
  for (const file of counting(await manifest.entries(target)).filter(file => covers(file, keys))) {
    const facts = await decodeFacts(format, objects.open(file.object, file.bytes), { documents: false });
    left += facts.filter(fact => isErasable(fact, keys)).length;
  }
  return left;
}

/**
 * What was on its way when its aggregate was erased and came late: the facts of files younger than the erasure with
 * commits older than it, which are few. Forgets erasures of which nothing can come any more.
 */
export async function eraseLate(erasing: Erasing, target: Target): Promise<number> {
  let erased = 0;
  for await (const item of erasing.control.list(storeGroup(target.store), ERASED)) {
    const { keys, at } = parseBody(erasedItemSchema, item);
    if (at < erasing.now() - ERASURE_WATCH_DAYS * DAY_MS) {
      await erasing.control.remove(item.group, item.name, item.revision);
      continue;
    }
    const isLate: Candidate = ({ since, min_committed_at }) => since >= at && min_committed_at <= at;
    erased += (await eraseFacts(erasing, target, new Set(keys), isLate)).facts;
  }
  return erased;
}

const isErasable = ({ key, document }: Fact, keys: ReadonlySet<string>): boolean => document !== null && keys.has(key);

const covers = ({ min_key, max_key }: FactFile, keys: ReadonlySet<string>): boolean =>
  keys.values().some(key => key >= min_key && key <= max_key);

/** How many facts of one file lost their content. */
async function rewrite(
  { format, manifest, objects }: Erasing,
  target: Target,
  file: FactFile,
  keys: ReadonlySet<string>,
  days: Set<string>,
): Promise<number | 'gone'> {
  const object = objects.open(file.object, file.bytes);
  try {
    // Without documents first: most files have nothing of them.
    const found = (await decodeFacts(format, object, { documents: false })).filter(fact => isErasable(fact, keys));
    if (found.length === 0) return 0;
    if (!(await isKnown(format, object))) {
      const hint = 'finish the deployment of the newer version, which wrote it';
      throw new DistributaryError('store-unavailable', `${file.object} has columns that nobody here knows`, { hint });
    }
    const facts = await decodeFacts(format, object, { documents: true });
    const blank = facts.map(fact => (isErasable(fact, keys) ? { ...fact, document: null, digest: 0 } : fact));
    await manifest.add(target, mergedDraftOf(format, blank, [file.id]));
    days.add(dayOf(file.min_committed_at));
    return found.length;
  } catch (error) {
    // Compaction has taken it away; what it was merged into is seen in the next round.
    if (error instanceof ObjectGone) return 'gone';
    throw error;
  }
}

/** With those that they replaced in turn, which would count again without them. */
async function removeReplaced({ manifest }: Erasing, target: Target, keys: ReadonlySet<string>): Promise<number> {
  const files = await manifest.entries(target);
  const present = new Map(files.map(file => [file.id, file]));
  const counts = new Set(counting(files).map(({ id }) => id));
  let removed = 0;
  const remove = async (file: FactFile): Promise<void> => {
    present.delete(file.id);
    for (const id of file.replaces) {
      const former = present.get(id);
      if (former) await remove(former);
    }
    if (await manifest.discard(target, file)) removed += 1;
  };
  for (const file of files) {
    const isReplaced = file.state === 'live' && !counts.has(file.id);
    const isSpent = isReplaced || file.state === 'dropped';
    if (isSpent && present.has(file.id) && covers(file, keys)) await remove(file);
  }
  return removed;
}

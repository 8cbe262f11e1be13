import { type Refusal, writeStates } from './backfill.ts';
import type { ResolvedChange } from './change.ts';
import { addDigests, EMPTY_DIGEST, sameDigest } from './digest.ts';
import type { KeyRange, Store, Stored, Target, Write } from './store.ts';
import type { AggregateId } from './version.ts';

/**
 * Blue/green: a second target, green, is filled beside the one that readers see, blue, and takes its place in one step.
 *
 * 1. Green is added to the targets that writers feed.
 * 2. Wait (`writersKnowAt`). A writer may act on targets that it read up to the TTL ago, so one that does not know green
 *    has received its message before this moment. Its change was committed earlier still, however late its write to blue
 *    lands: the function's time limit does not matter here.
 * 3. Backfill. It reads rows as they stand after that moment, so it sees every change that a writer has kept from green;
 *    all later changes reach green by themselves. Both write only what is newer, in any order and any number of times.
 * 4. Compare, repair, compare: what is still unequal is counted, and stops the cutover.
 * 5. Cut over. Blue is fed on, so that going back is as quick, until the rollback window ends. A canary on the
 *    target that readers leave ends before they move, one on that which they come to after it: whenever somebody dies in
 *    between, and whichever way is gone next, nobody is sent to what was rolled back.
 */

/** Clocks are not compared between machines, but one may be set while it is looked at. */
const CLOCK_MARGIN_SECONDS = 1;

/** From when (ms) on whatever reaches a writer is written to a target too that was added at `addedAt`. */
export const writersKnowAt = (addedAt: number, { ttlSeconds }: { readonly ttlSeconds: number }): number =>
  addedAt + (ttlSeconds + CLOCK_MARGIN_SECONDS) * 1000;

/**
 * From when on no writer is at a target any more that was taken away at `forgottenAt`: here the writes under way matter,
 * for one to a target that is gone is tried again, and puts its store's other changes off.
 */
export const writersForgetAt = (
  forgottenAt: number,
  { ttlSeconds, functionSeconds }: { readonly ttlSeconds: number; readonly functionSeconds: number },
): number => forgottenAt + (ttlSeconds + functionSeconds + CLOCK_MARGIN_SECONDS) * 1000;

export interface KeyDigest {
  readonly key: AggregateId;
  readonly version: number;
  readonly digest: number;
}

export interface ComparePorts {
  readonly store: Store;
  readonly target: Target;
  /** What lives in the canonical store. */
  entries(range: KeyRange): Promise<readonly KeyDigest[]>;
  /** These as they are now; what was deleted as deletions, what never was left out. */
  found(keys: readonly AggregateId[]): Promise<readonly ResolvedChange[]>;
  project(change: ResolvedChange): Write;
  /** Time for changes on their way. */
  pause(): Promise<void>;
}

/** What a target holds of a range, against the canonical store; after `repaired` had been written again. */
export interface Comparison {
  readonly documents: number;
  /** Whether the sums were equal at the first look. */
  readonly equalAtOnce: boolean;
  readonly repaired: number;
  readonly missing: readonly AggregateId[];
  readonly extra: readonly AggregateId[];
  readonly mismatched: readonly AggregateId[];
  /** Of those that are missing or old: the target, or the projector, does not take them. */
  readonly refused: readonly Refusal[];
}

/** Looks at what writing did not mend: it may change by itself meanwhile. */
const MAX_LOOKS = 3;
/** So many keys are looked up one by one; for more, a scan of the range is cheaper. */
const MAX_READS = 50;

/** Compares sums first, and keys where those are unequal; what the target lacks is written to it. Safe beside live changes. */
export async function compareRange(range: KeyRange, ports: ComparePorts): Promise<Comparison> {
  const { store, target } = ports;
  const entries = await ports.entries(range);
  const sum = entries.map(({ digest }) => ({ count: 1, sum: digest })).reduce(addDigests, EMPTY_DIGEST);
  const held = await store.digest(target, range);
  const empty = { documents: entries.length, repaired: 0, missing: [], extra: [], mismatched: [], refused: [] };
  if (sameDigest(held, sum)) return { ...empty, equalAtOnce: true };

  let suspects = await unequalKeys(range, entries, ports);
  let repaired = 0;
  let left: readonly Verdict[] = [];
  let refused: readonly Refusal[] = [];
  for (let look = 0; look < MAX_LOOKS && suspects.length > 0; look++) {
    if (look > 0) await ports.pause();
    const verdicts = await judge(range, suspects, ports);
    const late = verdicts.flatMap(({ change }) => (change ? [change] : []));
    refused = await writeStates({ ...ports, targets: [target] }, late);
    const unmended = new Set(refused.map(({ key }) => key));
    // A write that was not refused is in the target, or a newer one: that key is equal.
    left = verdicts.filter(({ key, change }) => change === undefined || unmended.has(key));
    repaired += verdicts.length - left.length;
    suspects = left.map(({ key }) => key);
  }
  const keysOf = (kind: Verdict['kind']) => left.filter(verdict => verdict.kind === kind).map(({ key }) => key);
  return {
    documents: entries.length,
    equalAtOnce: false,
    repaired,
    missing: keysOf('missing'),
    extra: keysOf('extra'),
    mismatched: keysOf('mismatched'),
    refused,
  };
}

/** Keys of a range of which a target holds something else than the canonical store, or nothing; late changes among them. */
export async function keysApart(
  range: KeyRange,
  ports: Pick<ComparePorts, 'store' | 'target' | 'entries'>,
): Promise<{ readonly documents: number; readonly keys: readonly AggregateId[] }> {
  const entries = await ports.entries(range);
  const sum = entries.map(({ digest }) => ({ count: 1, sum: digest })).reduce(addDigests, EMPTY_DIGEST);
  const isEqual = sameDigest(await ports.store.digest(ports.target, range), sum);
  return { documents: entries.length, keys: isEqual ? [] : await unequalKeys(range, entries, ports) };
}

interface Verdict {
  readonly key: AggregateId;
  readonly kind: 'missing' | 'extra' | 'mismatched';
  /** What to write; nothing where writing cannot help. */
  readonly change: ResolvedChange | undefined;
}

async function unequalKeys(
  range: KeyRange,
  entries: readonly KeyDigest[],
  { store, target }: Pick<ComparePorts, 'store' | 'target'>,
) {
  const live = new Map(entries.map(entry => [entry.key, entry]));
  const unequal: AggregateId[] = [];
  for await (const { key, version, digest } of store.scan(target, range)) {
    const entry = live.get(key);
    live.delete(key);
    if (entry ? entry.version !== version || entry.digest !== digest : digest !== 0) unequal.push(key);
  }
  return [...unequal, ...live.keys()];
}

/** Those that are still unequal: the canonical store is looked at first, so a target that is ahead of it is right. */
async function judge(range: KeyRange, keys: readonly AggregateId[], ports: ComparePorts): Promise<Verdict[]> {
  const changes = new Map((await ports.found(keys)).map(change => [change.key, change]));
  const held = await lookUp(range, keys, ports);
  return keys.flatMap(key => {
    const verdict = verdictOf(key, changes.get(key), held.get(key));
    return verdict ? [verdict] : [];
  });
}

function verdictOf(
  key: AggregateId,
  change: ResolvedChange | undefined,
  held: Stored | undefined,
): Verdict | undefined {
  if (!change) return held && held.digest !== 0 ? { key, kind: 'extra', change } : undefined;
  if (!held) return change.kind === 'deleted' ? undefined : { key, kind: 'missing', change };
  if (held.version > change.version) return undefined;
  if (held.version === change.version) {
    return held.digest === change.digest ? undefined : { key, kind: 'mismatched', change: undefined };
  }
  return { key, kind: change.kind === 'deleted' ? 'extra' : 'mismatched', change };
}

async function lookUp(range: KeyRange, keys: readonly AggregateId[], { store, target }: ComparePorts) {
  const held = new Map<AggregateId, Stored>();
  const wanted = new Set(keys);
  if (keys.length > MAX_READS) {
    for await (const stored of store.scan(target, range)) if (wanted.has(stored.key)) held.set(stored.key, stored);
    return held;
  }
  for (const key of keys) {
    const stored = await store.read(target, key);
    if (stored) held.set(key, stored);
  }
  return held;
}

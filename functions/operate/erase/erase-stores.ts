import * as z from 'zod';
import { ERASED } from '../../../core/erasure.ts';
import { DistributaryError } from '../../../core/errors.ts';
import type { Store, Target, Write } from '../../../core/store.ts';
import { eraseFacts } from '../../compact/erasing.ts';
import { storeGroup } from '../../control-items.ts';
import { inFlight } from '../../in-flight.ts';
import { type ArchiveStore, isArchive } from '../../stores/archive.ts';
import type { OperateContext, OperatedStore } from '../context.ts';
import { everyTarget } from '../rebuild/former-targets.ts';
import type { BucketEraser, ObjectsErased, ObjectVersion } from './bucket-eraser.ts';
import { type ErasableFacts, mustErase } from './erasable-places.ts';
import { eraseFailed } from './erase-queues.ts';
import { casesOf, type ErasedAggregate, evidencePlaces } from './erasure-rows.ts';

/** What was erased in one place, for the report. */
export const placeSchema = z.strictObject({ place: z.string(), what: z.string(), count: z.int() });
export type Place = z.infer<typeof placeSchema>;

const WRITES_AT_ONCE = 200;
const LISTS_IN_FLIGHT = 8;
/** 40 bytes each, in an item of 400 kB at most. */
const KEYS_AT_ONCE = 5000;
/** What queries found lies beside the targets, and ends by itself within a week (lib/stores/fact-bucket.ts). */
const NO_TARGET = 'queries/';

/**
 * Takes these out of every store and of what lies between them; safe to repeat, and to end at any point. Of `watched`, which
 * was erased before, what came late: failed messages and archived versions. Late facts are the compactor's.
 */
export async function eraseFromStores(
  context: OperateContext,
  erased: readonly ErasedAggregate[],
  watched: readonly ErasedAggregate[],
): Promise<readonly Place[]> {
  const keys = new Set<string>([...erased, ...watched].map(({ key }) => key));
  if (keys.size === 0) return [];
  const ofStores = context.stores.map(store => eraseFromOwnStore(context, store, erased, watched));
  const places = (await Promise.all(ofStores)).flat();
  const { payloads, evidence } = mustErase(context);
  places.push(objectsPlace('payloads', await erasePayloads(payloads, erased)));
  if (evidence) places.push(objectsPlace('evidence', await eraseEvidence(context, casesOf(erased))));
  return places;
}

/** Out of a store and its failed queue. */
export async function eraseFromOwnStore(
  context: OperateContext,
  store: OperatedStore,
  erased: readonly ErasedAggregate[],
  watched: readonly ErasedAggregate[],
): Promise<readonly Place[]> {
  const { name } = store;
  const keys = new Set<string>([...erased, ...watched].map(({ key }) => key));
  const queue = await eraseFailed(context.queues.sqs, (await context.queues.of(name)).failed, keys);
  const ofStore = ({ aggregate }: ErasedAggregate) => store.definition.contract.aggregates.includes(aggregate);
  const own = (isArchive(store.store) ? [...erased, ...watched] : erased).filter(ofStore);
  return [
    { place: name, what: 'events of its failed queue', count: queue.events },
    ...(own.length > 0 ? await eraseFromStore(context, store, own) : []),
  ];
}

/** In every target: those that are fed, and those that leave and may be gone at any moment. */
export async function eraseFromStore(
  context: OperateContext,
  { name, store }: OperatedStore,
  erased: readonly ErasedAggregate[],
): Promise<readonly Place[]> {
  const { targets, leaving } = await everyTarget(context, name);
  const facts = context.erasable.facts(name);
  if (facts) return eraseHistory(facts, { name, targets, erased });
  if (isArchive(store)) {
    return [{ place: name, what: 'archived versions', count: (await eraseArchived(store, targets, erased)).erased }];
  }
  let count = 0;
  for (const target of targets) {
    count += await buryAll(store, target, erased).catch(error => {
      if (isGone(error) && leaving.includes(target)) return 0;
      throw error;
    });
  }
  return [{ place: name, what: 'documents buried', count }];
}

export const isGone = (error: unknown): boolean =>
  error instanceof DistributaryError && error.code === 'target-missing';

/** A tombstone each, for a store that has heard of the deletion too: then it is stale. */
async function buryAll(store: Store, target: Target, erased: readonly ErasedAggregate[]): Promise<number> {
  const writes = erased.map(
    ({ key, tenant, version, at }): Write => ({ key, tenant, version, digest: 0, committedAt: at, document: null }),
  );
  for (let start = 0; start < writes.length; start += WRITES_AT_ONCE) {
    const outcomes = await store.write(target, writes.slice(start, start + WRITES_AT_ONCE));
    const failed = outcomes.find(({ kind }) => kind === 'unavailable' || kind === 'refused');
    if (failed && 'error' in failed) throw failed.error;
  }
  return writes.length;
}

interface HistoryErased {
  readonly name: string;
  readonly targets: readonly Target[];
  readonly erased: readonly ErasedAggregate[];
}

/** Has the compactors look for what of these comes late: it finds the keys beside its own items. */
export async function watchForLate(
  run: string,
  context: OperateContext,
  erased: readonly ErasedAggregate[],
): Promise<void> {
  if (erased.length === 0) return;
  const at = Math.max(...erased.map(one => one.at));
  for (const { name } of context.stores.filter(store => context.erasable.facts(store.name))) {
    for (let start = 0; start < erased.length; start += KEYS_AT_ONCE) {
      const keys = erased.slice(start, start + KEYS_AT_ONCE).map(({ key }) => key);
      // There already: the step was killed after it.
      await context.control.swap(storeGroup(name), `${ERASED}${run}#${start}`, 0, { keys, at });
    }
  }
}

async function eraseHistory(facts: ErasableFacts, { name, targets, erased }: HistoryErased): Promise<readonly Place[]> {
  const keys = erased.map(({ key }) => key);
  const days = new Set<string>();
  let [count, files] = [0, 0];
  for (const target of targets) {
    const done = await eraseFacts(facts.erasing, target, new Set(keys));
    for (const day of done.days) days.add(day);
    [count, files] = [count + done.facts, files + done.removed];
  }
  const versions = await eraseSpent(facts, name, days);
  return [
    { place: name, what: 'facts blanked', count },
    { place: name, what: 'files removed', count: files },
    objectsPlace(name, versions),
  ];
}

/**
 * Versions of files that nothing lists any more, of the days that had something to erase: what a bucket keeps for mistakes.
 * The manifest is read after the bucket: a file is announced before it is written, so none that is new is taken for old.
 */
async function eraseSpent(
  { erasing, bucket }: ErasableFacts,
  store: string,
  days: ReadonlySet<string>,
): Promise<ObjectsErased> {
  let total: ObjectsErased = { removed: 0, refused: [] };
  if (days.size === 0) return total;
  for (const folder of (await bucket.folders()).filter(name => name !== NO_TARGET)) {
    const found: ObjectVersion[] = [];
    for (const day of days) for await (const version of bucket.versions(`${folder}day=${day}/`)) found.push(version);
    const target = { store, name: folder.slice(0, -1) };
    const listed = new Set((await erasing.manifest.entries(target)).map(({ object }) => object));
    total = sum(total, await bucket.erase(found.filter(({ key, isLatest }) => !(isLatest && listed.has(key)))));
  }
  return total;
}

async function erasePayloads(bucket: BucketEraser, erased: readonly ErasedAggregate[]): Promise<ObjectsErased> {
  let total: ObjectsErased = { removed: 0, refused: [] };
  await inFlight(erased, LISTS_IN_FLIGHT, async ({ aggregate, key }) => {
    const done = await eraseBelow(bucket, `${aggregate}/${key}/`);
    total = sum(total, done);
  });
  return total;
}

/** A hold that the canonical store placed it has released, or the case would be there; one that somebody else placed stays. */
async function eraseEvidence(context: OperateContext, cases: readonly string[]): Promise<ObjectsErased> {
  const { evidence, evidenceHolds } = mustErase(context);
  let total: ObjectsErased = { removed: 0, refused: [] };
  for (const { prefix, onceHeld } of await evidencePlaces(context, cases)) {
    if (onceHeld) await evidenceHolds!.bring(prefix, false);
    total = sum(total, await eraseBelow(evidence!, prefix));
  }
  return total;
}

/** What a legal hold, or a lock that nobody may bypass, keeps is told of, and stays. */
export async function eraseArchived(
  store: ArchiveStore,
  targets: readonly Target[],
  erased: readonly ErasedAggregate[],
): Promise<{ readonly erased: number; readonly held: number }> {
  const total = { erased: 0, held: 0 };
  for (const target of targets) {
    for (const { key } of erased) {
      const done = await store.erase(target, key);
      total.erased += done.erased;
      total.held += done.held.length;
    }
  }
  return total;
}

async function eraseBelow(bucket: BucketEraser, prefix: string): Promise<ObjectsErased> {
  const found: ObjectVersion[] = [];
  for await (const version of bucket.versions(prefix)) found.push(version);
  return bucket.erase(found);
}

const sum = (a: ObjectsErased, b: ObjectsErased): ObjectsErased => ({
  removed: a.removed + b.removed,
  refused: [...a.refused, ...b.refused],
});

const objectsPlace = (place: string, { removed }: ObjectsErased): Place => ({
  place,
  what: 'object versions removed',
  count: removed,
});

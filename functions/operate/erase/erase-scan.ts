import { factsLeft } from '../../compact/erasing.ts';
import { inFlight } from '../../in-flight.ts';
import { isArchive } from '../../stores/archive.ts';
import type { OperateContext, OperatedStore } from '../context.ts';
import { everyTarget } from '../rebuild/former-targets.ts';
import type { BucketEraser } from './bucket-eraser.ts';
import { mustErase } from './erasable-places.ts';
import { eraseFailed } from './erase-queues.ts';
import { eraseArchived, isGone } from './erase-stores.ts';
import { casesOf, type ErasedAggregate, evidencePlaces } from './erasure-rows.ts';

const LOOKS_IN_FLIGHT = 8;

/** Content that is still somewhere. */
export interface Trace {
  readonly place: string;
  readonly what: string;
  readonly count: number;
  /** Whether erasing it once more may help: no lock and no hold keeps it. */
  readonly mayPass: boolean;
}

/** Looks for content of these in every place that an erasure goes to; nothing when there is none. Of `watched` in failed queues. */
export async function erasureTraces(
  context: OperateContext,
  cases: readonly string[],
  erased: readonly ErasedAggregate[],
  watched: readonly ErasedAggregate[],
): Promise<readonly Trace[]> {
  const keys = erased.map(({ key }) => key);
  const failing = new Set<string>([...erased, ...watched].map(({ key }) => key));
  const ofStores = context.stores.map(async (store): Promise<readonly Trace[]> => {
    const own = erased.filter(({ aggregate }) => store.definition.contract.aggregates.includes(aggregate));
    return [...(await storeTraces(context, store, own)), ...(await tracesOfQueue(context, store.name, failing))];
  });
  const traces = [...(await canonicalTraces(context, cases, keys)), ...(await Promise.all(ofStores)).flat()];
  const { payloads, evidence } = mustErase(context);
  let [parked, locked] = [0, 0];
  await inFlight(erased, LOOKS_IN_FLIGHT, async ({ aggregate, key }) => {
    const found = await objectsBelow(payloads, `${aggregate}/${key}/`);
    parked += found;
  });
  for (const { prefix } of evidence ? await evidencePlaces(context, casesOf(erased)) : []) {
    locked += await objectsBelow(evidence!, prefix);
  }
  traces.push({ place: 'payloads', what: 'objects', count: parked, mayPass: true });
  traces.push({ place: 'evidence', what: 'objects that a lock or a hold keeps', count: locked, mayPass: false });
  return traces.filter(({ count }) => count > 0);
}

export async function tracesOfQueue(
  { queues }: OperateContext,
  place: string,
  keys: ReadonlySet<string>,
): Promise<readonly Trace[]> {
  const failed = await eraseFailed(queues.sqs, (await queues.of(place)).failed, keys, 'look');
  // Nobody has seen them: they may be anything.
  const unseen = failed.complete ? 0 : 1;
  return [
    { place, what: 'events of its failed queue', count: failed.events, mayPass: true },
    { place, what: 'failed messages beyond what was looked at', count: unseen, mayPass: true },
  ];
}

async function canonicalTraces(
  { connection }: OperateContext,
  cases: readonly string[],
  keys: readonly string[],
): Promise<Trace[]> {
  const text = 'select place, traces from canonical.erasure_traces($1, $2)';
  const rows = await connection.query<{ place: string; traces: string }>(text, [keys, cases]);
  return rows.map(({ place, traces }) => ({
    place: place === 'outbox' ? 'outbox' : 'canonical',
    what: place,
    count: Number(traces),
    mayPass: false,
  }));
}

export async function storeTraces(
  context: OperateContext,
  { name, store }: OperatedStore,
  erased: readonly ErasedAggregate[],
): Promise<readonly Trace[]> {
  const { targets, leaving } = await everyTarget(context, name);
  if (isArchive(store)) {
    const { held } = await eraseArchived(store, targets, erased);
    return [{ place: name, what: 'archived versions that a lock or a hold keeps', count: held, mayPass: false }];
  }
  const facts = context.erasable.facts(name);
  const keys = new Set<string>(erased.map(({ key }) => key));
  let count = 0;
  for (const target of targets) {
    if (facts) count += await factsLeft(facts.erasing, target, keys);
    else {
      await inFlight(erased, LOOKS_IN_FLIGHT, async ({ key }) => {
        const held = await store.read(target, key).catch(error => {
          if (isGone(error) && leaving.includes(target)) return undefined;
          throw error;
        });
        if (held?.document) count += 1;
      });
    }
  }
  return [{ place: name, what: facts ? 'facts with content' : 'documents', count, mayPass: true }];
}

async function objectsBelow(bucket: BucketEraser, prefix: string): Promise<number> {
  let count = 0;
  for await (const _ of bucket.versions(prefix)) count += 1;
  return count;
}

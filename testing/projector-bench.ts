import type { AggregateContract } from '../core/aggregate-contract.ts';
import { applyBatch, type BatchPorts, type BatchReport, type DeadLetter } from '../core/batch.ts';
import type { JsonObject, ResolvedChange } from '../core/change.ts';
import { DistributaryError } from '../core/errors.ts';
import { encodeChange, encodePack, MAX_INLINE_STATE_BYTES } from '../core/pack.ts';
import { type Definition, projection } from '../core/projection.ts';
import { sampleStates } from '../core/sample-states.ts';
import type { Store, Target, Write } from '../core/store.ts';
import { type AggregateId, storedVersion, type TenantId } from '../core/version.ts';
import { memoryStore } from '../functions/stores/memory.ts';

/** A projector with its contracts, and where its documents go. */
export interface ProjectorUnderTest {
  readonly definition: Definition;
  /** Aggregate → states to try. @default samples of all that the aggregate's contract allows */
  readonly states?: Readonly<Record<string, readonly JsonObject[]>>;
  /** An empty store for its documents. @default the in-memory reference */
  openStore?(): Store;
  /** Brings packs into the store. @default as the projector's function does */
  readonly apply?: typeof applyBatch;
}

/** One version of one aggregate, on its way. */
export interface Sent {
  readonly key: AggregateId;
  /** The row's own version. */
  readonly n: number;
  /** Null for a deletion. */
  readonly state: JsonObject | null;
  /** @default the one that the canonical store writes */
  readonly schemaVersion?: number;
}

/** What a promise works with: one aggregate's projector and an empty store. */
export interface ProjectorBench {
  readonly aggregate: AggregateContract;
  readonly definition: Definition;
  readonly store: Store;
  readonly target: Target;
  /** All that is to be tried. */
  readonly samples: readonly JsonObject[];
  /** Those that the projector shows, no two alike. */
  readonly shown: readonly JsonObject[];
  /** Those that it hides. */
  readonly hidden: readonly JsonObject[];
  readonly letters: readonly DeadLetter[];
  /** The change as the store's function gets it, in a pack of its own or as a text for one. */
  event(sent: Sent): string;
  /** What the projector makes of it. Throws what it is refused with. */
  write(sent: Sent): Write;
  /** One batch: a message of queue for each pack, a pack of events. */
  deliver(packs: readonly (readonly string[])[], more?: Partial<BatchPorts>): Promise<BatchReport>;
  /** Another one, with an empty store. */
  fresh(): Promise<ProjectorBench>;
  /** A bench beside this one, on the same store, as after a deployment of something else. */
  deployed(definition: Definition): ProjectorBench;
}

/** One way in which such pipelines have gone wrong, turned round. */
export interface ProjectorPromise {
  readonly name: string;
  /** Throws, saying what is wrong, when the promise is broken. */
  check(bench: ProjectorBench): Promise<void>;
}

const SAMPLES = 200;
/** Fewer cannot tell one version from another. */
const LEAST_SHOWN = 6;
const TENANT = '7e000000-0000-4000-8000-000000000001' as TenantId;
/** 2026-01-01. */
const FIRST_COMMIT = 1_767_225_600_000;

let keys = 0;
/** One that nothing else uses. */
export const newKey = (): AggregateId =>
  `00000000-0000-4000-8000-${(++keys).toString(16).padStart(12, '0')}` as AggregateId;

export function openBench(subject: ProjectorUnderTest, aggregate: AggregateContract): Promise<ProjectorBench> {
  const { definition, states } = subject;
  const samples = states?.[aggregate.aggregate] ?? sampleStates(aggregate, SAMPLES);
  const sorting = { samples, ...sorted(definition, aggregate, samples) };
  const open = async (): Promise<ProjectorBench> => {
    const store = subject.openStore?.() ?? memoryStore();
    const target = { store: definition.contract.store_name, name: `${definition.contract.store_name}.1` };
    await store.create(target);
    return bench(subject, { aggregate, store, target, parked: new Map(), ...sorting, fresh: open });
  };
  return open();
}

type Stage = Pick<ProjectorBench, 'aggregate' | 'store' | 'target' | 'samples' | 'shown' | 'hidden' | 'fresh'> & {
  /** Payload → state: what is too large for a message. */
  readonly parked: Map<string, JsonObject>;
};

function bench(subject: ProjectorUnderTest, stage: Stage): ProjectorBench {
  const { definition, apply = applyBatch } = subject;
  const { store, target, aggregate, parked } = stage;
  const letters: DeadLetter[] = [];
  const project = projection(definition);
  const change = (sent: Sent) => changeOf(aggregate, sent);
  const ports: BatchPorts = {
    store,
    targets: async () => [target],
    project,
    resolve: async parkable => {
      if (parkable.kind !== 'parked') return parkable;
      const { dataref, ...header } = parkable;
      return { ...header, kind: 'state', state: parked.get(dataref)! };
    },
    deadLetter: async failed => void letters.push(...failed),
  };
  return {
    ...stage,
    definition,
    letters,
    event: sent => encoded(change(sent), parked),
    write: sent => project(change(sent)),
    deliver: (packs, more) =>
      apply(
        packs.map((events, index) => ({ id: String(index), body: encodePack(events) })),
        { ...ports, ...more },
      ),
    deployed: next => bench({ ...subject, definition: next }, { ...stage, aggregate: next.aggregates[0]! }),
  };
}

function changeOf(aggregate: AggregateContract, { key, n, state, schemaVersion }: Sent): ResolvedChange {
  const version = storedVersion(1, n);
  const header = {
    id: `${version}@${key}`,
    aggregate: aggregate.aggregate,
    key,
    tenant: TENANT,
    version,
    lane: 'standard' as const,
    schemaVersion: schemaVersion ?? aggregate.current.number,
    committedAt: FIRST_COMMIT + n,
  };
  if (state === null) return { kind: 'deleted', ...header, change: 'deleted', digest: 0 };
  return { kind: 'state', ...header, change: n === 1 ? 'created' : 'updated', digest: n, state };
}

/** As the relay does it: a large state travels by reference. */
function encoded(change: ResolvedChange, parked: Map<string, JsonObject>): string {
  if (change.kind === 'deleted') return encodeChange(change, { deleted: true });
  const state = JSON.stringify(change.state);
  if (Buffer.byteLength(state) <= MAX_INLINE_STATE_BYTES) return encodeChange(change, { state });
  const dataref = `s3://payloads/${change.id}`;
  parked.set(dataref, change.state);
  return encodeChange(change, { dataref });
}

/** What the projector throws is for the promise about it to tell; here it counts as hidden. */
function sorted(definition: Definition, aggregate: AggregateContract, samples: readonly JsonObject[]) {
  const project = projection(definition);
  const key = newKey();
  let refused: DistributaryError | undefined;
  const documentOf = (state: JsonObject) => {
    try {
      return project(changeOf(aggregate, { key, n: 1, state })).document;
    } catch (error) {
      if (!(error instanceof DistributaryError)) throw error;
      refused ??= error;
      return null;
    }
  };
  const made = samples.map(state => ({ state, document: documentOf(state) }));
  const shown = new Map(made.flatMap(({ state, document }) => (document ? [[JSON.stringify(document), state]] : [])));
  if (shown.size < LEAST_SHOWN) {
    const what = `${shown.size} different documents of ${samples.length} states of ${aggregate.aggregate}`;
    const why = refused ? `: ${refused.message}` : `, too few to test it: pass at least ${LEAST_SHOWN} as \`states\``;
    throw new Error(`the projector makes only ${what}${why}`);
  }
  return { shown: [...shown.values()], hidden: made.flatMap(({ state, document }) => (document ? [] : [state])) };
}

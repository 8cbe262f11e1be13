import { createHash } from 'node:crypto';
import {
  type ArchivedKind,
  type ArchivedName,
  archivedText,
  nameOf,
  objectOf,
  parseArchived,
  versionsOf,
} from '../../core/archive.ts';
import { digestOfScan, digestsOfScan, hullOf } from '../../core/digest.ts';
import { DistributaryError } from '../../core/errors.ts';
import { APPLIED, type KeyRange, type Outcome, STALE, type Store, type Target, type Write } from '../../core/store.ts';
import type { ProjectedContract } from '../../core/store-contract.ts';
import type { AggregateId } from '../../core/version.ts';
import type { ControlItems } from '../control-items.ts';
import type { ControlTargets } from '../control-targets.ts';
import { inFlight } from '../in-flight.ts';
import { archiveChain, type Sealed } from './archive-chain.ts';
import { followHold } from './archive-hold.ts';
import { type ArchiveObjects, type Lock, putOnce } from './archive-objects.ts';
import { newestArchived, newestNames } from './archive-reading.ts';

export interface ArchiveStoreOptions {
  readonly objects: ArchiveObjects;
  readonly control: ControlItems & ControlTargets;
  readonly contract: ProjectedContract;
  /** Milliseconds since 1970. @default the clock */
  readonly now?: () => number;
  /** Entries of one segment. @default 1000 */
  readonly segmentEntries?: number;
}

/** What an archive can do besides. */
export interface ArchiveStore extends Store {
  /** Adds what was written since to the target's manifest, until the deadline (ms since 1970); nothing while another does. */
  seal(target: Target, deadline: number): Promise<Sealed | undefined>;
  /**
   * Erases every version of an aggregate, and has the manifest say so. `held` are the objects that a legal hold, or a lock
   * of compliance mode, keeps. Safe to repeat. A marker that outranks them is the tombstone's to leave.
   */
  erase(target: Target, key: AggregateId): Promise<Erased>;
}

export interface Erased {
  readonly erased: number;
  readonly held: readonly string[];
}

export const isArchive = (store: Store): store is ArchiveStore => store.engine === 's3-object-lock';

/** As much as a change may be. */
const MAX_DOCUMENT_BYTES = 5 * 1024 * 1024;
/** Objects written at once. */
const WRITES_IN_FLIGHT = 32;
/** A version whose period is over when it comes in, as in a backfill, is locked for this long all the same. */
const LEAST_LOCK_MS = 86_400_000;

/**
 * Every version of what is to be kept, an object each, locked for the contract's period from its commit on. Where the
 * projector answers null there is a marker without a lock: it holds the digest's place, and nothing worth keeping.
 * An object's hash is noted for the chain of the manifest before the write is acknowledged (`archive-chain.ts`).
 */
export function archiveStore({ now = Date.now, ...options }: ArchiveStoreOptions): ArchiveStore {
  const { objects, control, contract } = options;
  const archive = lockedAs(contract);
  const chain = archiveChain({ ...options, now });
  const kindOf = ({ document }: Write): ArchivedKind => {
    if (document === null) return 'none';
    return archive.hold_field !== undefined && document[archive.hold_field] === true ? 'held' : 'free';
  };

  async function mustExist(target: Target): Promise<void> {
    if (await chain.exists(target)) return;
    throw new DistributaryError('target-missing', `target ${target.name} of ${target.store} does not exist`);
  }

  const lockOf = (write: Write): Lock | undefined =>
    write.document === null
      ? undefined
      : {
          mode: archive.object_lock,
          until: Math.max(write.committedAt + archive.retention * 1000, now() + LEAST_LOCK_MS),
          held: kindOf(write) === 'held',
        };

  /** What was there before is noted too: a crash may have come between the object and the note. */
  async function put(target: Target, write: Write) {
    const object = objectOf(target.name, write, kindOf(write));
    const text = archivedText(write);
    const { outcome, kept = text } = await putOnce(objects, object, text, lockOf(write));
    if (archive.hold_field !== undefined && write.document !== null) await followHold(objects, object);
    return {
      outcome: outcome === 'written' ? APPLIED : STALE,
      entry: {
        object,
        sha256: createHash('sha256').update(kept).digest('hex'),
        bytes: Buffer.byteLength(kept),
      },
    };
  }

  async function putAll(target: Target, writes: readonly Write[]): Promise<readonly Outcome[]> {
    try {
      await mustExist(target);
      const done = new Map<Write, Awaited<ReturnType<typeof put>>>();
      await inFlight(writes, WRITES_IN_FLIGHT, async write => void done.set(write, await put(target, write)));
      await chain.note(
        target,
        [...done.values()].map(({ entry }) => entry),
      );
      return writes.map(write => done.get(write)!.outcome);
    } catch (error) {
      if (!(error instanceof DistributaryError)) throw error;
      return writes.map(() => ({ kind: 'unavailable', error }));
    }
  }

  async function* names(target: Target, range: KeyRange) {
    await mustExist(target);
    yield* newestNames(objects, target.name, range);
  }

  return {
    engine: 's3-object-lock',
    maxDocumentBytes: MAX_DOCUMENT_BYTES,
    visibleAfterSeconds: 0,
    keepsHistory: true,

    async write(target, writes) {
      const outcomes = writes.map(refusal);
      const accepted = [...writes.keys()].filter(index => outcomes[index] === undefined);
      const landed = await putAll(
        target,
        accepted.map(index => writes[index]!),
      );
      for (const [position, index] of accepted.entries()) outcomes[index] = landed[position]!;
      return outcomes as Outcome[];
    },

    async read(target, key) {
      await mustExist(target);
      let newest: string | undefined;
      for await (const object of objects.list(versionsOf(target.name, key))) if (nameOf(object)) newest = object;
      const text = newest && (await objects.get(newest));
      return text === undefined ? undefined : parseArchived(text);
    },

    async *scan(target, range) {
      await mustExist(target);
      yield* newestArchived(objects, target.name, range);
    },
    digest: (target, range) => digestOfScan(names(target, range)),
    digests: (target, ranges) => digestsOfScan(names(target, hullOf(ranges)), ranges),

    async inspect(target) {
      await mustExist(target);
      return chain.inspect(target);
    },

    seal: chain.seal,
    async erase(target, key) {
      await mustExist(target);
      const versions: ArchivedName[] = [];
      for await (const object of objects.list(versionsOf(target.name, key))) {
        const name = nameOf(object);
        if (name && name.kind !== 'none') versions.push(name);
      }
      if (versions.at(-1)?.kind === 'held') return { erased: 0, held: versions.map(({ object }) => object) };
      // Noted first: an object that is gone and in no such note has been tampered with.
      await chain.note(
        target,
        versions.map(({ object }) => ({ object, erased: true })),
      );
      const held: string[] = [];
      for (const { object } of versions) if ((await objects.erase(object)) === 'held') held.push(object);
      return { erased: versions.length - held.length, held };
    },

    create: target => chain.create(target),
    async cutOver(to) {
      await mustExist(to);
      await control.cutOver(to);
    },
    withdraw: () => control.withdraw(contract.store_name),
    current: async () => (await control.readTargets(contract.store_name)).current,
    async drop(target) {
      await control.forgetTarget(target);
      await chain.drop(target);
      const gone: string[] = [];
      for await (const object of objects.list(`${target.name}/`)) gone.push(object);
      await inFlight(gone, WRITES_IN_FLIGHT, object => objects.remove(object));
    },
  };
}

function lockedAs({ archive, store_name }: ProjectedContract) {
  if (archive) return archive;
  throw new DistributaryError('contract-invalid', `${store_name} does not say how its objects are locked`);
}

function refusal({ key, document }: Write): Outcome | undefined {
  const bytes = document === null ? 0 : Buffer.byteLength(JSON.stringify(document));
  if (bytes <= MAX_DOCUMENT_BYTES) return undefined;
  const what = `document ${key}: ${bytes} bytes, the store takes ${MAX_DOCUMENT_BYTES}`;
  return { kind: 'refused', error: new DistributaryError('document-too-large', what) };
}

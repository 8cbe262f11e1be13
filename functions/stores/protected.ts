import { DistributaryError } from '../../core/errors.ts';
import type { KeyRange, Outcome, Store, Target, Write } from '../../core/store.ts';
import type { AggregateId } from '../../core/version.ts';
import { inFlight } from '../in-flight.ts';
import type { FieldProtection } from './field-protection.ts';

/** A store that can put the same version again, in other bytes. */
export interface RewritingStore extends Store {
  /** Replaces what the target holds if it is still of this version; says whether it did. */
  rewrite(target: Target, write: Write): Promise<boolean>;
}

export interface Rotated {
  /** Documents looked at. */
  readonly seen: number;
  /** Of them, put under the current key. */
  readonly rewritten: number;
  /** Where to go on; nothing at the end. */
  readonly next: AggregateId | undefined;
}

/** A store whose protected fields are sealed. Whoever reads through it sees them open. */
export interface ProtectedStore extends Store {
  readonly sealed: {
    readonly fields: readonly string[];
    /** Name of the key that seals. */
    readonly key: string;
    /** Seals a value and opens it again. Throws what stands in the way. */
    probe(): Promise<void>;
  };
  /** The same store, whose reads leave sealed what is sealed. */
  readonly unopened: Store;
  /** Puts what is under another key under the current one: the next `limit` documents of the range. Safe to repeat. */
  rotate(target: Target, range: KeyRange, limit: number): Promise<Rotated>;
}

export const isProtected = (store: Store): store is ProtectedStore => 'rotate' in store;

/**
 * For who looks at keys, versions and digests: it spends no time on opening, and a value that was tampered with, which no
 * reader gets, does not keep it from finding and mending the document.
 */
export const unopened = (store: Store): Store => (isProtected(store) ? store.unopened : store);

const SEALING_AT_ONCE = 16;
/** In base64 a value is a third longer, and about 600 bytes of envelope come to it. */
const SHARE_OF_SIZE = 0.7;

/**
 * Seals the contract's protected fields on their way in and opens them on their way out. Key, version and digest stay as
 * they are, for they are of the state: a comparison with the canonical store needs no key, and finds nothing different
 * after a rotation.
 */
export function protectedStore(store: RewritingStore, protection: FieldProtection): ProtectedStore {
  const maxDocumentBytes = Math.floor(store.maxDocumentBytes * SHARE_OF_SIZE);

  function mustFit({ key, document }: Write): void {
    const bytes = Buffer.byteLength(JSON.stringify(document));
    if (bytes <= maxDocumentBytes) return;
    const what = `document ${key} has ${bytes} bytes, the store takes ${maxDocumentBytes} where fields are protected`;
    throw new DistributaryError('document-too-large', what);
  }

  const sealing: Store = {
    ...store,
    maxDocumentBytes,

    async write(target, writes) {
      const ready = new Array<Write>(writes.length);
      const failed = new Map<number, Outcome>();
      await inFlight(writes, SEALING_AT_ONCE, async (write, index) => {
        try {
          mustFit(write);
          ready[index] = await protection.seal(write);
        } catch (error) {
          if (!(error instanceof DistributaryError)) throw error;
          failed.set(index, { kind: error.retry === 'later' ? 'unavailable' : 'refused', error });
        }
      });
      const going = [...writes.keys()].filter(index => !failed.has(index));
      const outcomes = await store.write(
        target,
        going.map(index => ready[index]!),
      );
      const all = going.map((index, position) => [index, outcomes[position]!] as const);
      const byIndex = new Map<number, Outcome>([...failed, ...all]);
      return writes.map((_, index) => byIndex.get(index)!);
    },
  };

  return {
    ...sealing,
    sealed: { fields: protection.fields, key: protection.current, probe: protection.probe },
    unopened: sealing,

    async read(target, key) {
      const stored = await store.read(target, key);
      return stored && protection.open(stored);
    },
    async *scan(target, range) {
      for await (const stored of store.scan(target, range)) yield protection.open(stored);
    },

    async rotate(target, range, limit) {
      let [seen, rewritten] = [0, 0];
      for await (const stored of store.scan(target, range)) {
        if (seen === limit) return { seen, rewritten, next: stored.key };
        seen += 1;
        if (protection.isCurrent(stored.document)) continue;
        // A newer version that came meanwhile is under the current key already.
        if (await store.rewrite(target, await protection.seal(await protection.open(stored)))) rewritten += 1;
      }
      return { seen, rewritten, next: undefined };
    },
  };
}

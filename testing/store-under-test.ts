import type { JsonObject } from '../core/change.ts';
import type { Store, Target } from '../core/store.ts';

/** What the suite needs to know of a store, opened for the contract `suiteContract(name, engine)`. */
export interface StoreUnderTest {
  /** Nothing has ever been cut over for its `store_name`. */
  readonly store: Store;
  /** A target whose name was never used; nothing is created yet. */
  target(): Target;
  /** Lets the engine forget what it keeps of its own deletes, as it would in an hour. */
  forgetDeletes?(target: Target): Promise<void>;
  /** A document within the size limit that the engine never takes. */
  refusedDocument?: JsonObject;
  /** The same store, as a deployment opens it whose contract has gained a field: `gainedContract`. */
  gained?: Store;
  /** Runs `during` while the engine does not answer; when this resolves it answers again, with its data. */
  outage?(during: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

/** What not every engine has: `lacks` names what is missing, and its tests are skipped by name. */
export type Capability = 'forgetDeletes' | 'refusedDocument' | 'gained' | 'outage';

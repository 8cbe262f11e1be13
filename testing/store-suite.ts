import type { JsonObject } from '../core/change.ts';
import type { Store, Target } from '../core/store.ts';
import { runner } from './runner.ts';
import { type Bench, benchOf } from './store-suite-bench.ts';
import { calls, lifeOfTarget, reading } from './store-suite-calls.ts';
import { newestWins, tombstones } from './store-suite-newest.ts';

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
  /** Runs `during` while the engine does not answer; when this resolves it answers again, with its data. */
  outage?(during: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

/** What not every engine has: `lacks` names what is missing, and its tests are skipped by name. */
export type Capability = 'forgetDeletes' | 'refusedDocument' | 'outage';

/** One test at most, for a real engine on a busy machine. */
const TEST_TIMEOUT_MS = 60_000;
/** Opening may mean starting a server. */
const OPEN_TIMEOUT_MS = 180_000;

/**
 * The promises of the store port (core/store.ts) as tests, for every engine here and for a plug-in author's own.
 * `open` is called once before the tests and its result closed after them. `SEED` in the environment repeats a history.
 */
export function testStore(
  title: string,
  open: () => Promise<StoreUnderTest>,
  { lacks = [] }: { readonly lacks?: readonly Capability[] } = {},
): void {
  const { describe, test, skip, beforeAll, afterAll } = runner;
  describe(title, () => {
    let bench: Bench | undefined;
    beforeAll(async () => {
      bench = benchOf(await open());
    }, OPEN_TIMEOUT_MS);
    afterAll(async () => bench?.subject.close(), OPEN_TIMEOUT_MS);

    const promise = (name: string, body: (bench: Bench) => Promise<void>) =>
      test(name, () => body(bench!), TEST_TIMEOUT_MS);
    const promiseWith = (capability: Capability, name: string, body: (bench: Bench) => Promise<void>) =>
      (lacks.includes(capability) ? skip : test)(`${name} (${capability})`, () => body(bench!), TEST_TIMEOUT_MS);

    const promises = { promise, promiseWith };
    describe('newest wins', () => newestWins(promises));
    describe('tombstones', () => tombstones(promises));
    describe('calls', () => calls(promises));
    describe('reading', () => reading(promises));
    describe('life of a target', () => lifeOfTarget(promises));
  });
}

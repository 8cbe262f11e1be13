import { runner } from './runner.ts';
import { type Bench, benchOf } from './store-suite-bench.ts';
import { calls, lifeOfTarget, reading } from './store-suite-calls.ts';
import { newestWins, tombstones } from './store-suite-newest.ts';
import type { Capability, StoreUnderTest } from './store-under-test.ts';

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

import type { ProjectorUnderTest } from './projector-bench.ts';
import { checkPromise, PROJECTOR_PROMISES } from './projector-promises.ts';
import { runner } from './runner.ts';

/** One promise at most, on a busy machine. */
const TEST_TIMEOUT_MS = 60_000;

/**
 * Every known way in which such pipelines have gone wrong, run on a projector, a test to each: duplicates, reordering,
 * late writes, unchanged large values, key changes, truncates, oversize, schema versions, throwing functions, zombies.
 * `open` is called once before the tests. `SEED` in the environment repeats a history.
 */
export function testProjector(title: string, open: () => ProjectorUnderTest | Promise<ProjectorUnderTest>): void {
  const { describe, test, beforeAll } = runner;
  describe(title, () => {
    let subject: ProjectorUnderTest | undefined;
    beforeAll(async () => {
      subject = await open();
    }, TEST_TIMEOUT_MS);
    for (const promise of PROJECTOR_PROMISES)
      test(promise.name, () => checkPromise(promise, subject!), TEST_TIMEOUT_MS);
  });
}

import fc from 'fast-check';
import { type ArchivedKind, nameOf } from '../core/archive.ts';
import { followHold } from '../functions/stores/archive-hold.ts';
import type { ArchiveObjects } from '../functions/stores/archive-objects.ts';

/** A legal hold on a case is on every version that was archived of it, whoever wrote them at the same time and in which order. */

const PREFIX = 't.1/documents/0a000000-0000-4000-8000-000000000000/';
const SUFFIX: Readonly<Record<ArchivedKind, string>> = { free: '', held: '-held', none: '-none' };
const nameFor = (version: number, kind: ArchivedKind) =>
  `${PREFIX}${String(version).padStart(16, '0')}-00000001${SUFFIX[kind]}.json`;

/** A bucket whose every request takes as long as the scheduler says, and takes effect when it is answered. */
function bucketOf(scheduler: fc.Scheduler) {
  const held = new Map<string, boolean>();
  const objects: Pick<ArchiveObjects, 'list' | 'hold'> & { put(object: string): Promise<void> } = {
    async put(object) {
      await scheduler.schedule(Promise.resolve(), `put ${object}`);
      held.set(object, nameOf(object)!.kind === 'held');
    },
    async *list(prefix) {
      await scheduler.schedule(Promise.resolve(), 'list');
      yield* [...held.keys()].filter(object => object.startsWith(prefix)).sort();
    },
    async hold(object, on) {
      await scheduler.schedule(Promise.resolve(), `hold ${object} ${on}`);
      held.set(object, on);
    },
  };
  return { held, objects: objects as typeof objects & ArchiveObjects };
}

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
console.log(`SEED=${seed}`);

test('writers that meet leave every version with the hold of the newest', async () => {
  const kinds = fc.array(fc.constantFrom<ArchivedKind>('free', 'held'), { minLength: 1, maxLength: 6 });
  const property = fc.asyncProperty(fc.scheduler(), kinds, async (scheduler, versions) => {
    const { held, objects } = bucketOf(scheduler);
    const writers = versions.map(async (kind, version) => {
      const object = nameFor(version, kind);
      await objects.put(object);
      await followHold(objects, object);
    });
    await scheduler.waitFor(Promise.all(writers));
    const newest = versions.at(-1) === 'held';
    expect([...held]).toEqual([...held.keys()].map(object => [object, newest]));
  });
  await fc.assert(property, { seed, numRuns: 2_000 });
});

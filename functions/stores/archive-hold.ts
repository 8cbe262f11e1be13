import { type ArchivedName, nameOf } from '../../core/archive.ts';
import type { ArchiveObjects } from './archive-objects.ts';

/** A key's holds change more often than this only by mistake. */
const MAX_ROUNDS = 5;

/**
 * Brings the legal holds of a key's objects to what its newest version says, after `object` was put. A hold is in force for
 * a whole case, so it is placed on the versions before it, and lifted from them. Looks again until the newest is the one it
 * went by: of two writers that meet, the later look decides.
 */
export async function followHold(objects: ArchiveObjects, object: string): Promise<void> {
  const prefix = object.slice(0, object.lastIndexOf('/') + 1);
  let went: string | undefined;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const versions: ArchivedName[] = [];
    for await (const listed of objects.list(prefix)) {
      const name = nameOf(listed);
      // A marker says nothing of holds, and is not locked.
      if (name && name.kind !== 'none') versions.push(name);
    }
    const newest = versions.at(-1);
    if (!newest || newest.object === went) return;
    for (const { object: other } of outOfStep(versions, newest, object))
      await objects.hold(other, newest.kind === 'held');
    went = newest.object;
  }
}

/** Which objects may have another hold than the newest: all before a version that changed it, else what just came late. */
function outOfStep(versions: readonly ArchivedName[], newest: ArchivedName, put: string): readonly ArchivedName[] {
  const older = versions.filter(({ object }) => object !== newest.object);
  if (newest.object !== put) return older.filter(({ object, kind }) => object === put && kind !== newest.kind);
  const before = older.at(-1);
  return before && before.kind !== newest.kind ? older : [];
}

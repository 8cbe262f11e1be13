import { type ArchivedKind, type ArchivedName, nameOf } from '../../core/archive.ts';
import type { ArchiveObjects } from './archive-objects.ts';

/** A key's holds change more often than this only by mistake. */
const MAX_ROUNDS = 5;

/**
 * Brings the legal holds of a key's objects to what its newest version says, after `object` was put. A hold is in force for
 * a whole case, so it is placed on the versions before it, and lifted from them. Whoever has placed or lifted some looks
 * again, for another may have put a newer version meanwhile and been overtaken: then all are brought to that one.
 */
export async function followHold(objects: ArchiveObjects, object: string): Promise<void> {
  const prefix = object.slice(0, object.lastIndexOf('/') + 1);
  let brought: ArchivedKind | undefined;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const versions: ArchivedName[] = [];
    for await (const listed of objects.list(prefix)) {
      const name = nameOf(listed);
      // A marker says nothing of holds, and is not locked.
      if (name && name.kind !== 'none') versions.push(name);
    }
    const newest = versions.at(-1);
    if (!newest || newest.kind === brought) return;
    const suspects = brought === undefined ? outOfStep(versions, object) : versions.slice(0, -1);
    if (suspects.length === 0) return;
    for (const suspect of suspects) await objects.hold(suspect.object, newest.kind === 'held');
    brought = newest.kind;
  }
}

/** Which may have another hold than the newest: all before it, when the one that was put changed it; else at most that one. */
function outOfStep(versions: readonly ArchivedName[], object: string): readonly ArchivedName[] {
  const at = versions.findIndex(version => version.object === object);
  const [before, put, newest] = [versions[at - 1], versions[at], versions.at(-1)];
  if (!put || !newest) return [];
  if (before && before.kind !== put.kind) return versions.slice(0, -1);
  return put.kind === newest.kind ? [] : [put];
}

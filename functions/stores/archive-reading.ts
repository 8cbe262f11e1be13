import { type ArchivedName, documentsOf, nameOf, parseArchived } from '../../core/archive.ts';
import type { KeyRange, Stored } from '../../core/store.ts';
import type { ArchiveObjects } from './archive-objects.ts';

/** Documents read ahead of a scan. */
const READ_AHEAD = 32;

/** The newest version's name for each key of the range, in key order; reads lists only. */
export async function* newestNames(
  objects: ArchiveObjects,
  target: string,
  { from, to }: KeyRange,
): AsyncGenerator<ArchivedName> {
  const prefix = documentsOf(target);
  let newest: ArchivedName | undefined;
  for await (const object of objects.list(prefix, from === undefined ? undefined : `${prefix}${from}`)) {
    const name = nameOf(object);
    if (!name) continue;
    if (to !== undefined && name.key >= to) break;
    if (newest && newest.key !== name.key) yield newest;
    newest = name;
  }
  if (newest) yield newest;
}

export async function* newestArchived(
  objects: ArchiveObjects,
  target: string,
  range: KeyRange,
): AsyncGenerator<Stored> {
  let ahead: string[] = [];
  async function* taken(): AsyncGenerator<Stored> {
    const texts = await Promise.all(ahead.map(object => objects.get(object)));
    ahead = [];
    // What was removed since it was listed belongs to a target on its way out.
    for (const text of texts) if (text !== undefined) yield parseArchived(text);
  }
  for await (const { object } of newestNames(objects, target, range)) {
    if (ahead.push(object) === READ_AHEAD) yield* taken();
  }
  yield* taken();
}

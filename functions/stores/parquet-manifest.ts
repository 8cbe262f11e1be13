import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { DistributaryError } from '../../core/errors.ts';
import type { Target } from '../../core/store.ts';
import { type ControlItem, type ControlItems, parseBody, storeGroup } from '../control-items.ts';
import { inFlight } from '../in-flight.ts';
import { FILES_IN_FLIGHT, type Objects } from './parquet-objects.ts';

/** What a file holds. Times are milliseconds since 1970. */
const contentsSchema = z.strictObject({
  /** UTC day of every commit in it, `2026-02-28`. */
  day: z.iso.date(),
  rows: z.int().min(1),
  /** Of the object. */
  bytes: z.int().min(1),
  /** Of the documents as JSON text: what reading the file takes in memory, in proportion. */
  document_bytes: z.int().min(0),
  min_key: z.string(),
  max_key: z.string(),
  min_version: z.int(),
  max_version: z.int(),
  min_committed_at: z.int(),
  max_committed_at: z.int(),
});
export type FileContents = z.infer<typeof contentsSchema>;

const entrySchema = contentsSchema.extend({
  /**
   * `pending`: its object may or may not be there yet. `live`: it is, and counts. `dropped`: its object is being removed.
   * An object is announced before it is written and removed before its entry, so that no crash leaves one behind and the
   * bucket need never be listed.
   */
  state: z.enum(['pending', 'live', 'dropped']),
  /** Key in the bucket; never used twice. */
  object: z.string(),
  /** When it came into this state. */
  since: z.int(),
  /** Files whose facts are all in this one: while it is live they do not count. */
  replaces: z.array(z.string()),
});
type Entry = z.infer<typeof entrySchema>;

/** One Parquet file of a target. */
export interface FactFile extends Entry {
  readonly id: string;
  readonly revision: number;
}

/** A file to be: `bytes` are what goes into the bucket. */
export interface Draft {
  /** Equal for equal facts, and for a merge of equal files: what is in already is not put in again. */
  readonly id: string;
  readonly contents: FileContents;
  readonly bytes: Uint8Array;
  readonly replaces: readonly string[];
}

/** Which files make up a target, in the control table: an entry per file, so that writers never meet. */
export interface Manifest {
  /** Whether the target has been created, and not dropped. */
  exists(target: Target): Promise<boolean>;
  create(target: Target): Promise<void>;
  /** Forgets the target, then removes its files. */
  drop(target: Target): Promise<void>;
  /** Puts a file in; when this returns it counts and cannot be lost. Files in `replaces` stop counting in the same step. */
  add(target: Target, draft: Draft): Promise<void>;
  /** Every entry, whatever its state. */
  entries(target: Target): Promise<readonly FactFile[]>;
  /** Removes a file that does not count; says whether it did, and not another process something else. */
  discard(target: Target, file: FactFile): Promise<boolean>;
}

const group = ({ store }: Target): string => storeGroup(store);
const targetName = ({ name }: Target): string => `facts#${name}`;
const fileName = ({ name }: Target, id: string): string => `file#${name}#${id}`;

export function manifest(control: ControlItems, objects: Objects, now: () => number = Date.now): Manifest {
  const setState = (target: Target, { id, revision, ...entry }: FactFile, state: Entry['state']) =>
    control.swap(group(target), fileName(target, id), revision, { ...entry, state, since: now() });

  async function readEntry(target: Target, id: string): Promise<FactFile | undefined> {
    const item = await control.read(group(target), fileName(target, id));
    return item && fileOf(target, item);
  }

  /** Announces the file. Its id, or nothing when its facts are in already. */
  async function announce(target: Target, draft: Draft): Promise<FactFile | undefined> {
    const object = `${target.name}/day=${draft.contents.day}/${draft.id}-${randomBytes(4).toString('hex')}.parquet`;
    const entry: Entry = {
      ...draft.contents,
      object,
      state: 'pending',
      since: now(),
      replaces: [...draft.replaces],
    };
    for (const id of [draft.id, `${draft.id}-${randomBytes(4).toString('hex')}`]) {
      const revision = await control.swap(group(target), fileName(target, id), 0, entry);
      if (revision) return { ...entry, id, revision };
      const there = await readEntry(target, id);
      if (there?.state === 'live') return undefined;
      if (there?.object === object) return there; // Ours: the answer got lost.
    }
    throw new DistributaryError('store-unavailable', `${object} could not be announced`);
  }

  async function discard(target: Target, file: FactFile): Promise<boolean> {
    const revision = file.state === 'dropped' ? file.revision : await setState(target, file, 'dropped');
    if (!revision) return false;
    await objects.remove(file.object);
    return control.remove(group(target), fileName(target, file.id), revision);
  }

  async function entries(target: Target): Promise<readonly FactFile[]> {
    const files: FactFile[] = [];
    for await (const item of control.list(group(target), fileName(target, ''))) files.push(fileOf(target, item));
    return files;
  }

  return {
    entries,
    discard,
    exists: async target => (await control.read(group(target), targetName(target))) !== undefined,

    async create(target) {
      await control.swap(group(target), targetName(target), 0, { created_at: now() });
    },

    async drop(target) {
      const item = await control.read(group(target), targetName(target));
      if (item) await control.remove(group(target), targetName(target), item.revision);
      await inFlight(await entries(target), FILES_IN_FLIGHT, async file => void (await discard(target, file)));
    },

    async add(target, draft) {
      const file = await announce(target, draft);
      if (!file) return;
      await objects.put(file.object, draft.bytes, 'application/vnd.apache.parquet');
      if (await setState(target, file, 'live')) return;
      const there = await readEntry(target, file.id);
      if (there?.state === 'live' && there.object === file.object) return; // The answer got lost.
      throw new DistributaryError('store-unavailable', `${file.object} was given up while it was being written`);
    },
  };
}

const fileOf = (target: Target, item: ControlItem): FactFile => ({
  ...parseBody(entrySchema, item),
  id: item.name.slice(fileName(target, '').length),
  revision: item.revision,
});

/** The files that count: live, and not replaced by a live one. */
export function counting(files: readonly FactFile[]): readonly FactFile[] {
  const live = files.filter(({ state }) => state === 'live');
  const replaced = new Set(live.flatMap(({ replaces }) => replaces));
  return live.filter(({ id }) => !replaced.has(id));
}

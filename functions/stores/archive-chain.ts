import { createHash, randomUUID } from 'node:crypto';
import * as z from 'zod';
import {
  ARCHIVE_FORMAT,
  type ArchiveEntry,
  archiveEntrySchema,
  type Segment,
  segmentOf,
  segmentText,
} from '../../core/archive.ts';
import type { Concern, Target } from '../../core/store.ts';
import type { ProjectedContract } from '../../core/store-contract.ts';
import { takeLease } from '../compact/lease.ts';
import { type ControlItem, type ControlItems, parseBody, storeGroup } from '../control-items.ts';
import type { ArchiveObjects } from './archive-objects.ts';

/** Entries of one segment, and of one note: about 250 bytes each, below the 400 kB of an item. */
const SEGMENT_ENTRIES = 1000;
const NOTE_ENTRIES = 1000;
/** Sealed every five minutes; notes this old are of a schedule that does not run. */
const UNSEALED_MS = 3_600_000;

const noteSchema = z.strictObject({ noted_at: z.int(), entries: z.array(archiveEntrySchema) });
const headSchema = z.strictObject({ sequence: z.int(), hash: z.string().nullable() });
type Head = z.infer<typeof headSchema>;

export interface ChainOptions {
  readonly control: ControlItems;
  readonly objects: ArchiveObjects;
  readonly contract: Pick<ProjectedContract, 'archive'>;
  readonly now: () => number;
}

export interface Sealed {
  readonly segments: number;
  readonly entries: number;
}

const group = ({ store }: Target): string => storeGroup(store);
const headName = ({ name }: Target): string => `chain#${name}`;
const notePrefix = ({ name }: Target): string => `unsealed#${name}#`;

/**
 * The manifest of a target: writers note what they wrote in the control table, each in an item of its own, and one sealer
 * at a time makes segments of the notes, each with the hash of the one before it.
 */
export function archiveChain({ control, objects, contract, now }: ChainOptions) {
  const notesOf = (target: Target) => control.list(group(target), notePrefix(target));

  /** One segment of the notes. A crash on the way leaves a segment that the next run finds and goes on from. */
  async function seal(target: Target, head: Head, notes: readonly ControlItem[]): Promise<Head> {
    const segment: Segment = {
      format: ARCHIVE_FORMAT,
      store: target.store,
      target: target.name,
      sequence: head.sequence + 1,
      previous: head.hash,
      sealed_at: new Date(now()).toISOString(),
      entries: notes.flatMap(note => parseBody(noteSchema, note).entries),
    };
    const object = segmentOf(target.name, segment.sequence);
    const text = segmentText(segment);
    const { object_lock: mode, retention } = contract.archive!;
    const outcome = await objects.put(object, text, { mode, until: now() + retention * 1000, held: false });
    const kept = outcome === 'written' ? text : ((await objects.get(object)) ?? text);
    return { sequence: segment.sequence, hash: createHash('sha256').update(kept).digest('hex') };
  }

  return {
    exists: async (target: Target) => (await control.read(group(target), headName(target))) !== undefined,

    async create(target: Target) {
      await control.swap(group(target), headName(target), 0, { sequence: 0, hash: null });
    },

    async drop(target: Target) {
      const head = await control.read(group(target), headName(target));
      if (head) await control.remove(group(target), headName(target), head.revision);
      for await (const { name, revision } of notesOf(target)) await control.remove(group(target), name, revision);
    },

    /** When this returns, the entries will be in the manifest. More than once does no harm. */
    async note(target: Target, entries: readonly ArchiveEntry[]) {
      for (let start = 0; start < entries.length; start += NOTE_ENTRIES) {
        const body = { noted_at: now(), entries: entries.slice(start, start + NOTE_ENTRIES) };
        await control.swap(group(target), `${notePrefix(target)}${now()}-${randomUUID()}`, 0, body);
      }
    },

    /** Seals what is noted until the deadline; nothing while another does. */
    async seal(target: Target, deadline: number): Promise<Sealed | undefined> {
      const lease = await takeLease({ control, now }, target, `seal-${randomUUID()}`);
      if (!lease) return undefined;
      const done = { segments: 0, entries: 0 };
      try {
        while (now() < deadline) {
          const item = await control.read(group(target), headName(target));
          const notes = await someNotes(notesOf(target));
          if (!item || notes.length === 0) break;
          const head = await seal(target, parseBody(headSchema, item), notes);
          if (!(await control.swap(group(target), headName(target), item.revision, { ...head }))) break;
          for (const { name, revision } of notes) await control.remove(group(target), name, revision);
          done.segments += 1;
          done.entries += notes.reduce((sum, note) => sum + parseBody(noteSchema, note).entries.length, 0);
        }
      } finally {
        await lease.release();
      }
      return done;
    },

    async inspect(target: Target): Promise<readonly Concern[]> {
      for await (const note of notesOf(target)) {
        if (now() - parseBody(noteSchema, note).noted_at < UNSEALED_MS) break;
        const what = `objects of ${target.name} are in no manifest an hour after they were written`;
        return [{ severity: 'risk', what, todo: `distributary archive seal ${target.store}` }];
      }
      return [];
    },
  };
}

/** The oldest notes, as many as fit into a segment; one at least. */
async function someNotes(notes: AsyncIterable<ControlItem>): Promise<readonly ControlItem[]> {
  const some: ControlItem[] = [];
  let entries = 0;
  for await (const note of notes) {
    entries += parseBody(noteSchema, note).entries.length;
    if (some.length > 0 && entries > SEGMENT_ENTRIES) break;
    some.push(note);
  }
  return some;
}

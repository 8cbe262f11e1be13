import { createHash, randomUUID } from 'node:crypto';
import * as z from 'zod';
import {
  ARCHIVE_FORMAT,
  type ArchiveEntry,
  archiveEntrySchema,
  parseSegment,
  type Segment,
  segmentOf,
  segmentText,
} from '../../core/archive.ts';
import { DistributaryError } from '../../core/errors.ts';
import type { Concern, Target } from '../../core/store.ts';
import type { ProjectedContract } from '../../core/store-contract.ts';
import { takeLease } from '../compact/lease.ts';
import { type ControlItem, type ControlItems, parseBody, storeGroup } from '../control-items.ts';
import { inFlight } from '../in-flight.ts';
import { type ArchiveObjects, putOnce } from './archive-objects.ts';

/** Entries of one segment, and of one note: about 250 bytes each, below the 400 kB of an item. */
const SEGMENT_ENTRIES = 1000;
const NOTE_ENTRIES = 1000;
/** Notes that the head names: about 100 bytes each, and rarely more than a segment has entries. */
const SPENT_NOTES = 2000;
const REMOVALS_IN_FLIGHT = 32;
/** Sealed every five minutes; notes this old are of a schedule that does not run. */
const UNSEALED_MS = 3_600_000;

const noteSchema = z.strictObject({ noted_at: z.int(), entries: z.array(archiveEntrySchema) });
const noteName = z.strictObject({ name: z.string(), revision: z.int() });
type NoteName = z.infer<typeof noteName>;
const headSchema = z.strictObject({
  sequence: z.int(),
  hash: z.string().nullable(),
  /** Notes that the last segment took in. They are removed before there is another. */
  spent: z.array(noteName).readonly().default([]),
});
type Head = z.infer<typeof headSchema>;

export interface ChainOptions {
  readonly control: ControlItems;
  readonly objects: ArchiveObjects;
  readonly contract: Pick<ProjectedContract, 'archive'>;
  readonly now: () => number;
  /** @default 1000 */
  readonly segmentEntries?: number;
}

export interface Sealed {
  readonly segments: number;
  readonly entries: number;
}

const group = ({ store }: Target): string => storeGroup(store);
const headName = ({ name }: Target): string => `chain#${name}`;
const notePrefix = ({ name }: Target): string => `unsealed#${name}#`;

/**
 * The manifest of a target: writers note what they wrote in the control table, each in an item of its own, and a sealer
 * makes segments of the notes, each with the hash of the one before it. A lease spares work, and carries nothing: a segment
 * is put once, whoever comes second goes on from the one that is there, and only the swap of the head that names the notes
 * in it lets them be removed. So sealers may overlap, and die anywhere.
 */
export function archiveChain({ control, objects, contract, now, segmentEntries = SEGMENT_ENTRIES }: ChainOptions) {
  const notesOf = (target: Target) => control.list(group(target), notePrefix(target));
  const moveHead = (target: Target, { revision }: ControlItem, { spent, ...head }: Head) =>
    control.swap(group(target), headName(target), revision, {
      ...head,
      ...(spent.length > 0 && { spent: [...spent] }),
    });

  /** Adds the next segment, and says what it took in; nothing when nothing is noted. */
  async function sealNext(target: Target): Promise<Sealed | undefined> {
    const item = await control.read(group(target), headName(target));
    if (!item) return undefined;
    const head = parseBody(headSchema, item);
    await inFlight(head.spent, REMOVALS_IN_FLIGHT, async ({ name, revision }) => {
      await control.remove(group(target), name, revision);
    });
    const notes = await someNotes(notesOf(target), segmentEntries);
    if (notes.length === 0) {
      if (head.spent.length > 0) await moveHead(target, item, { ...head, spent: [] });
      return undefined;
    }
    const { entries, ...next } = await putSegment(target, head, notes);
    return (await moveHead(target, item, next)) ? { segments: 1, entries } : { segments: 0, entries: 0 };
  }

  /** One segment of the notes, or the one that another put in its place meanwhile, or before it died. */
  async function putSegment(target: Target, head: Head, notes: readonly ControlItem[]) {
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
    const { kept } = await putOnce(objects, object, text, { mode, until: now() + retention * 1000, held: false });
    const { entries } = kept === text ? segment : followed(segment, object, kept);
    const spent = kept === text ? notes.map(nameOfNote) : await notesWithin(target, entries);
    const hash = createHash('sha256').update(kept!).digest('hex');
    return { sequence: segment.sequence, hash, spent, entries: entries.length };
  }

  /** All notes that a segment has every entry of. */
  async function notesWithin(target: Target, entries: readonly ArchiveEntry[]): Promise<readonly NoteName[]> {
    const sealed = new Set(entries.map(entryText));
    const within: NoteName[] = [];
    for await (const note of notesOf(target)) {
      if (!parseBody(noteSchema, note).entries.every(entry => sealed.has(entryText(entry)))) continue;
      // The others will be in another segment too, which does no harm.
      if (within.push(nameOfNote(note)) === SPENT_NOTES) break;
    }
    return within;
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
        while (now() < deadline && (await lease.renew())) {
          const sealed = await sealNext(target);
          if (!sealed) break;
          done.segments += sealed.segments;
          done.entries += sealed.entries;
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

/** What is there of the same place in the chain. Throws when that is no such segment: the chain would end with it. */
function followed({ sequence, target, previous }: Segment, object: string, kept: string | undefined): Segment {
  const segment = kept === undefined ? undefined : parseSegment(kept);
  if (segment?.sequence === sequence && segment.target === target && segment.previous === previous) return segment;
  const what = kept === undefined ? 'was there, and is gone' : 'does not follow from the segment before it';
  throw new DistributaryError('control-malformed', `${object} ${what}`, {
    hint: 'somebody else put it there: once it has been removed (its locked version stays, out of sight), the chain goes on',
  });
}

const entryText = (entry: ArchiveEntry): string =>
  JSON.stringify([entry.object, 'erased' in entry ? 'erased' : entry.sha256]);
const nameOfNote = ({ name, revision }: ControlItem): NoteName => ({ name, revision });

/** The oldest notes, as many as fit into a segment; one at least. */
async function someNotes(notes: AsyncIterable<ControlItem>, limit: number): Promise<readonly ControlItem[]> {
  const some: ControlItem[] = [];
  let entries = 0;
  for await (const note of notes) {
    entries += parseBody(noteSchema, note).entries.length;
    if (some.length > 0 && entries > limit) break;
    some.push(note);
  }
  return some;
}

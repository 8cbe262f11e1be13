import * as z from 'zod';
import type { OperateContext } from '../context.ts';
import { evidencePlaces } from '../erase/erasure-rows.ts';
import { defineOperation } from '../operation.ts';

/** Where it is noted how far the holds have been followed. */
const GROUP = 'store#evidence-content';
const NAME = 'holds';
const noteSchema = z.object({ through: z.number() });

/**
 * Looked at again each time: an upload may take 15 minutes from its address on, and a transaction that is long commits with
 * an earlier time.
 */
const OVERLAP_MS = 20 * 60_000;
/** Cases of one look; what there is more comes with the next. */
export const MAX_CASES = 500;

export interface Followed {
  readonly cases: number;
  /** Versions of objects whose hold was placed or lifted. */
  readonly objects: number;
}

/**
 * Brings the legal holds on the content of evidence to what the canonical store says: placed on every version while a case
 * is on hold, lifted once it is released. A hold that somebody placed on an object of a case that never was on hold stays.
 */
export async function followHolds(context: OperateContext): Promise<Followed> {
  const { connection, control, erasable, clock } = context;
  const holds = erasable.between?.evidenceHolds;
  if (!holds) return { cases: 0, objects: 0 };
  const note = await control.read(GROUP, NAME);
  const since = note ? noteSchema.parse(note.body).through - OVERLAP_MS : 0;
  const now = clock.now();
  const rows = await connection.query<{ case_id: string; held: boolean; changed_at: Date }>(
    'select * from canonical.holds_since($1, $2)',
    [new Date(since), MAX_CASES],
  );
  const held = new Map(rows.map(row => [row.case_id, row.held]));
  let objects = 0;
  for (const place of await evidencePlaces(context, [...held.keys()])) {
    objects += await holds.bring(place.prefix, held.get(place.case)!);
  }
  const through = rows.length < MAX_CASES ? now : rows.at(-1)!.changed_at.getTime() + OVERLAP_MS;
  // Who else has noted it meanwhile has looked as far.
  await control.swap(GROUP, NAME, note?.revision ?? 0, { through });
  return { cases: rows.length, objects };
}

/** A schedule asks for it each minute. */
export const holdsFollow = defineOperation({
  name: 'holds.follow',
  changes: false,
  request: {},
  run: async (_, context): Promise<Followed> => followHolds(context),
});

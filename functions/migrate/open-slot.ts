import pg from 'pg';
import { dropSlot, ensureSlot, slotStatus } from '../relay/slot.ts';

export interface OpenSlotOptions {
  readonly slot: string;
  readonly publication: string;
  /** Drop one that has lost WAL, which nobody can read any more, and make it anew. */
  readonly replaceLost: boolean;
}

/**
 * Makes the relay's slot where there is none. A relay never does: what was committed before a slot is not in it. Where there
 * was one before, the gap is noted first in `canonical.slots`, so that a crash in between tells of one too many.
 */
export async function openSlot(
  database: pg.ClientConfig,
  { slot, publication, replaceLost }: OpenSlotOptions,
): Promise<'present' | 'created' | 'lost'> {
  const client = new pg.Client(database);
  await client.connect();
  try {
    const found = await slotStatus(client, slot);
    const isLost = found?.walStatus === 'lost';
    if (found && !(isLost && replaceLost)) {
      await note(client, 'INSERT INTO canonical.slots (name) VALUES ($1) ON CONFLICT DO NOTHING', slot);
      return isLost ? 'lost' : 'present';
    }
    await note(
      client,
      `INSERT INTO canonical.slots (name) VALUES ($1)
         ON CONFLICT (name) DO UPDATE SET anew_at = date_trunc('milliseconds', clock_timestamp())`,
      slot,
    );
    if (isLost) await dropSlot(client, slot);
    return await ensureSlot(client, slot, publication);
  } finally {
    await client.end();
  }
}

/** As the owner, which the login of the migrations may become. */
async function note(client: pg.Client, text: string, slot: string): Promise<void> {
  await client.query('BEGIN; SET LOCAL ROLE distributary_owner');
  await client.query(text, [slot]);
  await client.query('COMMIT');
}

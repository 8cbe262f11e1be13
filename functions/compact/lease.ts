import * as z from 'zod';
import type { Target } from '../../core/store.ts';
import { type ControlItems, parseBody, storeGroup } from '../control-items.ts';

/** Longer than a run may take; after a crash the next runs wait for its end. */
const LEASE_SECONDS = 300;

const leaseSchema = z.strictObject({ holder: z.string(), until: z.int() });

/**
 * Lets one compactor at a time into a target, to spare work: two do no harm. Nothing when another holds it.
 */
export async function takeLease(
  { control, now }: { readonly control: ControlItems; readonly now: () => number },
  { store, name }: Target,
  holder: string,
): Promise<{ release(): Promise<void> } | undefined> {
  const at = [storeGroup(store), `compaction#${name}`] as const;
  const item = await control.read(...at);
  if (item && parseBody(leaseSchema, item).until > now()) return undefined;
  const revision = await control.swap(...at, item?.revision ?? 0, { holder, until: now() + LEASE_SECONDS * 1000 });
  if (!revision) return undefined;
  return { release: async () => void (await control.remove(...at, revision)) };
}

import * as z from 'zod';
import type { Target } from '../../core/store.ts';
import { type ControlItems, parseBody, storeGroup } from '../control-items.ts';

/** Longer than a compaction may take; after a crash the next ones wait for its end. */
const LEASE_MS = 300_000;

const leaseSchema = z.strictObject({ holder: z.string(), until: z.int() });

export interface Lease {
  /** Says whether it still holds; one of which half is over is taken for its whole time again. */
  renew(): Promise<boolean>;
  release(): Promise<void>;
}

/** Lets one worker at a time into a target, to spare work: two do no harm. Nothing when another holds it. */
export async function takeLease(
  { control, now }: { readonly control: ControlItems; readonly now: () => number },
  { store, name }: Target,
  holder: string,
): Promise<Lease | undefined> {
  const at = [storeGroup(store), `compaction#${name}`] as const;
  let [held, until] = [0, 0];
  async function take(over: number): Promise<boolean> {
    const next = now() + LEASE_MS;
    const revision = await control.swap(...at, over, { holder, until: next });
    if (revision) [held, until] = [revision, next];
    return revision !== undefined;
  }

  const item = await control.read(...at);
  if (item && parseBody(leaseSchema, item).until > now()) return undefined;
  if (!(await take(item?.revision ?? 0))) return undefined;
  return {
    renew: async () => until - now() > LEASE_MS / 2 || take(held),
    release: async () => void (await control.remove(...at, held)),
  };
}

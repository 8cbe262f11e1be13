import * as z from 'zod';
import { type Canary, goesToCandidate } from '../core/canary.ts';
import { DistributaryError } from '../core/errors.ts';
import type { Target } from '../core/store.ts';
import { type ControlItems, parseBody, storeGroup } from './control-items.ts';
import { type ControlTargets, TARGETS_TTL_SECONDS } from './control-targets.ts';

/** Where one read goes. */
export interface ReadTarget {
  /** Its engine's own name: an index, a table, a key prefix. */
  readonly target: Target;
  /** Not the target that readers see by default: an index is then read by its name, tombstones filtered out. */
  readonly isCandidate: boolean;
}

export interface Reads {
  /**
   * Where a read of a use case goes, at most `TARGETS_TTL_SECONDS` after that was changed. `reader` is whoever asks, by
   * any name that lasts. Throws `target-missing`, and `store-retired` for a use case that a store is closed to.
   * Each use case's last read is kept, to the minute: without it nobody knows whether a store is still needed.
   */
  targetFor(store: string, useCase: string, reader?: string): Promise<ReadTarget>;
}

export const canarySchema = z.strictObject({
  candidate: z.string().min(1),
  percent: z.number().min(0).max(100),
  useCases: z.array(z.string()),
});

/** `frozen`: no use case but these may read. `stopped`: none may, and nothing is written any more. */
export const closingSchema = z.strictObject({
  state: z.enum(['frozen', 'stopped']),
  useCases: z.array(z.string()),
  replacement: z.string().nullable(),
});
export type Closing = z.infer<typeof closingSchema>;

const readSchema = z.strictObject({ at: z.int() });

/** Names of control items in a store's group. */
export const CANARY = 'reads';
export const CLOSING = 'closing';
const LAST_READ = 'read#';
/** Beside the store's own items, which decide where changes go: who reads may write these, and no others. */
const notesGroup = (store: string): string => `reads#${store}`;

const NOTED_EVERY_MS = 60_000;

/** What is known of a store for a moment. */
interface Known {
  readonly readAt: number;
  readonly current: Target | undefined;
  readonly candidate: Target | undefined;
  readonly canary: Canary | undefined;
  readonly closing: Closing | undefined;
}

export function reads(control: ControlItems & ControlTargets, now: () => number = Date.now): Reads {
  const cache = new Map<string, Promise<Known>>();
  const notedAt = new Map<string, number>();

  async function look(store: string): Promise<Known> {
    const readAt = now();
    const [{ current, building }, canary, closing] = await Promise.all([
      control.readTargets(store),
      readCanary(control, store),
      readClosing(control, store),
    ]);
    // A candidate that receives no writes any more has been dropped, or is about to be.
    const candidate = building.find(({ name }) => name === canary?.candidate);
    return { readAt, current, candidate, canary, closing };
  }

  async function know(store: string): Promise<Known> {
    const known = await cache.get(store)?.catch(() => undefined);
    if (known && now() - known.readAt < TARGETS_TTL_SECONDS * 1000) return known;
    const looking = look(store);
    cache.set(store, looking);
    looking.catch(() => cache.delete(store));
    return looking;
  }

  async function note(store: string, useCase: string): Promise<void> {
    const name = LAST_READ + useCase;
    const last = notedAt.get(store + name) ?? 0;
    if (now() - last < NOTED_EVERY_MS) return;
    notedAt.set(store + name, now());
    try {
      const item = await control.read(notesGroup(store), name);
      await control.swap(notesGroup(store), name, item?.revision ?? 0, { at: now() });
    } catch {
      // The next read notes it: a read is not refused for its own record's sake.
      notedAt.delete(store + name);
    }
  }

  return {
    async targetFor(store, useCase, reader) {
      const { current, candidate, canary, closing } = await know(store);
      refuseClosed(store, useCase, closing);
      await note(store, useCase);
      if (candidate && canary && goesToCandidate(canary, useCase, reader, Math.random())) {
        return { target: candidate, isCandidate: true };
      }
      if (!current) throw new DistributaryError('target-missing', `store ${store} has no current target`);
      return { target: current, isCandidate: false };
    },
  };
}

function refuseClosed(store: string, useCase: string, closing: Closing | undefined): void {
  if (!closing || (closing.state === 'frozen' && closing.useCases.includes(useCase))) return;
  const instead = closing.replacement === null ? '' : `: read ${closing.replacement} instead`;
  throw new DistributaryError('store-retired', `store ${store} is being retired, and closed to ${useCase}${instead}`);
}

export async function readCanary(control: ControlItems, store: string): Promise<Canary | undefined> {
  const item = await control.read(storeGroup(store), CANARY);
  return item && parseBody(canarySchema, item);
}

export async function readClosing(control: ControlItems, store: string): Promise<Closing | undefined> {
  const item = await control.read(storeGroup(store), CLOSING);
  return item && parseBody(closingSchema, item);
}

/** Use case → when it last read, in milliseconds since 1970. */
export async function lastReads(control: ControlItems, store: string): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  for await (const item of control.list(notesGroup(store), LAST_READ)) {
    found.set(item.name.slice(LAST_READ.length), parseBody(readSchema, item).at);
  }
  return found;
}

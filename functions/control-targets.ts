import * as z from 'zod';
import type { JsonObject } from '../core/change.ts';
import { DistributaryError } from '../core/errors.ts';
import type { Target } from '../core/store.ts';
import { type ControlItems, parseBody, storeGroup } from './control-items.ts';

/**
 * Seconds for which a writer may act on targets it has read. Who adds a target waits longer than this before counting on
 * every writer to feed it.
 */
export const TARGETS_TTL_SECONDS = 5;
/** Losers of a swap try again; whoever loses this often is up against something that does not end. */
const MAX_SWAPS = 20;

/** Where a store's writes go. */
export interface StoreTargets {
  /** What readers see. */
  readonly current: Target | undefined;
  /** What receives every write besides: targets being built, and former current ones until they are dropped. */
  readonly building: readonly Target[];
}

export interface ControlTargets {
  /** The targets that receive a store's writes, current first; at most `TARGETS_TTL_SECONDS` old. */
  targetsOf(store: string): Promise<readonly Target[]>;
  /** As they stand now. */
  readTargets(store: string): Promise<StoreTargets>;
  /** From now on, and after `TARGETS_TTL_SECONDS` from every writer, the target receives writes. */
  startBuilding(target: Target): Promise<void>;
  /** Makes it the one that readers see, in one step. The former one keeps receiving writes, so that one can go back. */
  cutOver(to: Target): Promise<void>;
  /** No target is the one that readers see; the former one receives no writes either. */
  withdraw(store: string): Promise<void>;
  /** The target receives no more writes. Throws `target-current` for the one that readers see. */
  forgetTarget(target: Target): Promise<void>;
}

const namesSchema = z.strictObject({ current: z.string().min(1).nullable(), building: z.array(z.string().min(1)) });
type Names = z.infer<typeof namesSchema>;

const TARGETS = 'targets';

/** `now` (ms) drives the cache. */
export function controlTargets(items: ControlItems, now: () => number): ControlTargets {
  const cache = new Map<string, { readonly readAt: number; readonly targets: Promise<StoreTargets> }>();

  async function readTargets(store: string): Promise<StoreTargets> {
    const { current, building } = (await readNames(items, store)).names;
    const target = (name: string): Target => ({ store, name });
    return { current: current === null ? undefined : target(current), building: building.map(target) };
  }

  async function change(store: string, next: (names: Names) => Names): Promise<void> {
    await changeNames(items, store, next);
    cache.delete(store);
  }

  return {
    readTargets,

    async targetsOf(store) {
      let entry = cache.get(store);
      if (!entry || now() - entry.readAt >= TARGETS_TTL_SECONDS * 1000) {
        entry = { readAt: now(), targets: readTargets(store) };
        cache.set(store, entry);
      }
      const targets = await entry.targets.catch((error: unknown) => {
        cache.delete(store);
        throw error;
      });
      if (targets.current) return [targets.current, ...targets.building];
      cache.delete(store); // A store that is provisioned right now need not wait.
      return targets.building;
    },

    startBuilding: ({ store, name }) => change(store, names => withBuilding(names, name)),

    cutOver: ({ store, name }) =>
      change(store, names => {
        if (names.current === name) return names;
        const former = names.current === null ? [] : [names.current];
        return { current: name, building: [...names.building, ...former].filter(other => other !== name) };
      }),

    withdraw: store => change(store, names => (names.current === null ? names : { ...names, current: null })),

    forgetTarget: ({ store, name }) =>
      change(store, names => {
        if (names.current === name) throw new DistributaryError('target-current', `readers of ${store} see ${name}`);
        if (!names.building.includes(name)) return names;
        return { ...names, building: names.building.filter(other => other !== name) };
      }),
  };
}

const withBuilding = (names: Names, name: string): Names =>
  names.current === name || names.building.includes(name) ? names : { ...names, building: [...names.building, name] };

async function readNames(items: ControlItems, store: string): Promise<{ names: Names; revision: number }> {
  const item = await items.read(storeGroup(store), TARGETS);
  if (!item) return { names: { current: null, building: [] }, revision: 0 };
  return { names: parseBody(namesSchema, item), revision: item.revision };
}

/** `next` may be called again, with what another process left; the same object means that nothing is to be done. */
async function changeNames(items: ControlItems, store: string, next: (names: Names) => Names): Promise<void> {
  for (let swaps = 0; swaps < MAX_SWAPS; swaps++) {
    const { names, revision } = await readNames(items, store);
    const changed = next(names);
    if (changed === names) return;
    if (await items.swap(storeGroup(store), TARGETS, revision, changed satisfies JsonObject)) return;
  }
  throw new DistributaryError('store-unavailable', `targets of ${store} changed ${MAX_SWAPS} times under our hands`);
}

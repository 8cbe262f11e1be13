import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import type { Cache } from '../../core/cache.ts';
import { keyOf, leaseOf } from '../../core/permission-keys.ts';
import { type Membership, PERSON_ROLES } from '../../core/policy.ts';
import type { Permissions } from './canonical.ts';

/** What decides access is believed for this long at most; a permission that was taken away shows in its token before. */
export const PERMISSION_TTL_MS = 5_000;
/** That somebody is nobody here is believed for less: a first membership should not seem to fail. */
export const NOBODY_TTL_MS = 2_000;
/** Of several instances that miss an entry one asks the canonical store; the others wait for it so long. */
const LEASE_MS = 500;
const WAIT_MS = 50;
/** One that did not answer is left alone for so long: nobody waits for it twice. */
const RESTS_MS = 2000;

const entrySchema = z.object({
  memberships: z.array(
    z.object({
      tenant: z.string(),
      kind: z.enum(['bureau', 'company']),
      role: z.enum(PERSON_ROLES),
      validFrom: z.number(),
      validTo: z.number().nullable(),
      suspended: z.boolean(),
    }),
  ),
  token: z.string(),
  madeAt: z.number(),
});
type Entry = z.infer<typeof entrySchema>;

/** What somebody may do, as far as is known here. */
export interface BelievedPermissions {
  readonly memberships: readonly Membership[];
  readonly token: string;
  /** Milliseconds since 1970 at which the canonical store said so. */
  readonly madeAt: number;
}

export interface PermissionCacheOptions {
  readonly cache: Cache;
  /** Of the canonical store. */
  load(user: string): Promise<Permissions>;
  /** The cache did not answer. */
  readonly onUnavailable?: () => void;
  /** Milliseconds since 1970. @default the clock */
  readonly now?: () => number;
}

/**
 * What people may do, for a few seconds. An entry carries the token of the permissions that it was made of; whoever talks to
 * the canonical store anyway compares it and forgets the entry when it differs. Without the cache the canonical store is
 * asked each time.
 */
export class PermissionCache {
  readonly #options: PermissionCacheOptions;
  readonly #now: () => number;
  /** What this instance is asking for: those who ask for the same wait for the one answer. */
  readonly #underWay = new Map<string, Promise<Entry>>();
  #restsUntil = 0;

  constructor(options: PermissionCacheOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  async permissionsOf(user: string): Promise<BelievedPermissions> {
    let asked = this.#underWay.get(user);
    if (!asked) {
      asked = this.#find(user).finally(() => this.#underWay.delete(user));
      this.#underWay.set(user, asked);
    }
    return asked;
  }

  /** The entry was of permissions that are others now. Tried even of a cache that did not answer a moment ago. */
  async forget(user: string): Promise<void> {
    this.#restsUntil = 0;
    await this.#quietly(cache => cache.remove(keyOf(user)));
  }

  async #find(user: string): Promise<Entry> {
    const known = await this.#read(user);
    if (known) return known;
    // Without the cache it is ours to ask.
    if ((await this.#quietly(cache => cache.claim(leaseOf(user), LEASE_MS))) === false) {
      for (let waited = 0; waited < LEASE_MS; waited += WAIT_MS) {
        await delay(WAIT_MS);
        const made = await this.#read(user);
        if (made) return made;
      }
    }
    const { memberships, token } = await this.#options.load(user);
    const entry = { memberships: [...memberships], token, madeAt: this.#now() };
    await this.#quietly(cache => cache.put(keyOf(user), JSON.stringify(entry), lifeOf(entry)));
    return entry;
  }

  /** Whatever a cache keeps, and for how long: what decides access is not believed when its time is over. */
  async #read(user: string): Promise<Entry | undefined> {
    const text = await this.#quietly(cache => cache.get(keyOf(user)));
    const entry = text === undefined ? undefined : readEntry(text);
    return entry && this.#now() - entry.madeAt < lifeOf(entry) ? entry : undefined;
  }

  /** A cache that is down is one that knows nothing. */
  async #quietly<T>(request: (cache: Cache) => Promise<T>): Promise<T | undefined> {
    if (this.#now() < this.#restsUntil) return undefined;
    try {
      return await request(this.#options.cache);
    } catch {
      this.#restsUntil = this.#now() + RESTS_MS;
      this.#options.onUnavailable?.();
      return undefined;
    }
  }
}

const lifeOf = ({ memberships }: Entry): number => (memberships.length === 0 ? NOBODY_TTL_MS : PERMISSION_TTL_MS);

/** One that is not understood was written by another version, and is made again. */
function readEntry(text: string): Entry | undefined {
  try {
    return entrySchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

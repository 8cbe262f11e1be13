import { setTimeout as delay } from 'node:timers/promises';
import { DeleteItemCommand, type DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import { type Membership, PERSON_ROLES } from '../../core/policy.ts';
import { isConditionFailed } from '../stores/dynamodb-client.ts';
import type { Permissions } from './canonical.ts';

/** What decides access is believed for this long at most; a permission that was taken away shows in its token before. */
export const PERMISSION_TTL_MS = 5_000;
/** That somebody is nobody here is believed for less: a first membership should not seem to fail. */
export const NOBODY_TTL_MS = 2_000;
/** Of several instances that miss an entry one asks the canonical store; the others wait for it so long. */
const LEASE_MS = 500;
const WAIT_MS = 50;
/** DynamoDB removes what is long out of date; nobody goes by that. */
const REMOVED_AFTER_SECONDS = 3600;

const KEY_VERSION = 1;
/** The keys' grammar: `permissions/<version of the entry's form>/<user>`, and `lease/` before that of who refreshes it. */
export const keyOf = (user: string): string => `permissions/${KEY_VERSION}/${user}`;
const leaseOf = (user: string): string => `lease/${keyOf(user)}`;

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
  readonly client: DynamoDBClient;
  readonly tableName: string;
  /** Of the canonical store. */
  load(user: string): Promise<Permissions>;
  /** Milliseconds since 1970. @default the clock */
  readonly now?: () => number;
}

/**
 * What people may do, for a few seconds. An entry carries the token of the permissions that it was made of; whoever talks to
 * the canonical store anyway compares it and forgets the entry when it differs. Without the table the canonical store is
 * asked each time.
 */
export class PermissionCache {
  readonly #options: PermissionCacheOptions;
  readonly #now: () => number;
  /** What this instance is asking for: those who ask for the same wait for the one answer. */
  readonly #underWay = new Map<string, Promise<Entry>>();

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

  /** The entry was of permissions that are others now. */
  async forget(user: string): Promise<void> {
    const Key = { id: { S: keyOf(user) } };
    await this.#quietly(client => client.send(new DeleteItemCommand({ TableName: this.#options.tableName, Key })));
  }

  async #find(user: string): Promise<Entry> {
    const known = await this.#read(user);
    if (known) return known;
    if (!(await this.#lease(user))) {
      for (let waited = 0; waited < LEASE_MS; waited += WAIT_MS) {
        await delay(WAIT_MS);
        const made = await this.#read(user);
        if (made) return made;
      }
    }
    const { memberships, token } = await this.#options.load(user);
    const entry = { memberships: [...memberships], token, madeAt: this.#now() };
    await this.#write(user, entry);
    return entry;
  }

  async #read(user: string): Promise<Entry | undefined> {
    const get = new GetItemCommand({
      TableName: this.#options.tableName,
      Key: { id: { S: keyOf(user) } },
      ConsistentRead: true,
    });
    const item = (await this.#quietly(client => client.send(get)))?.Item;
    if (!item || Number(item.believed_until?.N ?? 0) <= this.#now()) return undefined;
    return entrySchema.safeParse(JSON.parse(item.entry?.S ?? 'null')).data;
  }

  async #write(user: string, entry: Entry): Promise<void> {
    const until = this.#now() + (entry.memberships.length === 0 ? NOBODY_TTL_MS : PERMISSION_TTL_MS);
    const Item = { id: { S: keyOf(user) }, entry: { S: JSON.stringify(entry) }, ...this.#times(until) };
    await this.#quietly(client => client.send(new PutItemCommand({ TableName: this.#options.tableName, Item })));
  }

  /** Whether it is ours to refresh the entry. Without the table it is. */
  async #lease(user: string): Promise<boolean> {
    const put = new PutItemCommand({
      TableName: this.#options.tableName,
      Item: { id: { S: leaseOf(user) }, ...this.#times(this.#now() + LEASE_MS) },
      ConditionExpression: 'attribute_not_exists(id) OR believed_until <= :now',
      ExpressionAttributeValues: { ':now': { N: String(this.#now()) } },
    });
    try {
      await this.#options.client.send(put);
      return true;
    } catch (error) {
      return !isConditionFailed(error);
    }
  }

  #times(until: number) {
    return {
      believed_until: { N: String(until) },
      expires_at: { N: String(Math.ceil(until / 1000) + REMOVED_AFTER_SECONDS) },
    };
  }

  /** A cache that is down is one that knows nothing. */
  async #quietly<T>(request: (client: DynamoDBClient) => Promise<T>): Promise<T | undefined> {
    try {
      return await request(this.#options.client);
    } catch {
      return undefined;
    }
  }
}

import {
  type AttributeValue,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
} from '@aws-sdk/client-dynamodb';
import type { z } from 'zod';
import type { JsonObject } from '../core/change.ts';
import { DistributaryError } from '../core/errors.ts';
import { fromItem, type Item, toItem } from './stores/dynamodb-attributes.ts';
import { isConditionFailed, onTable } from './stores/dynamodb-client.ts';

/** A record of the control table: `group` is its partition key (`pk`), `name` its sort key (`sk`). */
export interface ControlItem {
  readonly group: string;
  readonly name: string;
  /** Raised by every swap; 0 stands for an absent item. One that is made again has none of its former revisions. */
  readonly revision: number;
  readonly body: JsonObject;
}

/** Where all of a store's items are. */
export const storeGroup = (store: string): string => `store#${store}`;

/** Small records that several processes change: every write is one conditional write of one item. */
export interface ControlItems {
  read(group: string, name: string): Promise<ControlItem | undefined>;
  /** All of a group whose name starts with `prefix`, by name, as of the last acknowledged write. */
  list(group: string, prefix?: string): AsyncIterable<ControlItem>;
  /**
   * Compare and swap: writes `body` if the item still has the revision `expected`; the new revision, or nothing. After a
   * lost answer there may be nothing of its own success: read again before giving up.
   */
  swap(group: string, name: string, expected: number, body: JsonObject): Promise<number | undefined>;
  /** Removes the item if it still has the revision `expected`; one that is gone counts as removed. */
  remove(group: string, name: string, expected: number): Promise<boolean>;
}

export function controlItems(client: DynamoDBClient, table: string): ControlItems {
  const run = <T>(requests: () => Promise<T>) => onTable(table, requests);

  return {
    async read(group, name) {
      const get = new GetItemCommand({ TableName: table, Key: keyOf(group, name), ConsistentRead: true });
      const { Item } = await run(() => client.send(get));
      return Item && parseItem(Item);
    },

    async *list(group, prefix = '') {
      let start: Record<string, AttributeValue> | undefined;
      do {
        const query = new QueryCommand({
          TableName: table,
          ConsistentRead: true,
          KeyConditionExpression: prefix ? 'pk = :group AND begins_with(sk, :prefix)' : 'pk = :group',
          ExpressionAttributeValues: { ':group': { S: group }, ...(prefix && { ':prefix': { S: prefix } }) },
          ...(start && { ExclusiveStartKey: start }),
        });
        const { Items = [], LastEvaluatedKey } = await run(() => client.send(query));
        yield* Items.map(parseItem);
        start = LastEvaluatedKey;
      } while (start);
    },

    async swap(group, name, expected, body) {
      const revision = expected === 0 ? Date.now() : expected + 1;
      const Item = { ...keyOf(group, name), revision: { N: String(revision) }, body: { M: toItem(body) } };
      const put = new PutItemCommand({ TableName: table, Item, ...unchanged(expected) });
      return (await conditionally(table, () => client.send(put))) ? revision : undefined;
    },

    remove(group, name, expected) {
      const condition = unchanged(expected);
      const ConditionExpression = `attribute_not_exists(pk) OR ${condition.ConditionExpression}`;
      const Key = keyOf(group, name);
      return conditionally(table, () =>
        client.send(new DeleteItemCommand({ TableName: table, Key, ...condition, ConditionExpression })),
      );
    },
  };
}

export const keyOf = (group: string, name: string): Item => ({ pk: { S: group }, sk: { S: name } });

/** Says whether the write's condition held. */
export function conditionally(table: string, write: () => Promise<unknown>): Promise<boolean> {
  return onTable(table, async () => {
    try {
      await write();
      return true;
    } catch (error) {
      if (isConditionFailed(error)) return false;
      throw error;
    }
  });
}

/** Reads a body at the door. A wrong one was written by another version, or by hand. */
export function parseBody<Schema extends z.ZodType>(
  schema: Schema,
  { group, name, body }: ControlItem,
): z.output<Schema> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const what = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
  throw new DistributaryError('control-malformed', `control item ${group} ${name}: ${what}`);
}

const unchanged = (expected: number) =>
  expected === 0
    ? { ConditionExpression: 'attribute_not_exists(pk)' }
    : {
        ConditionExpression: 'revision = :expected',
        ExpressionAttributeValues: { ':expected': { N: String(expected) } },
      };

const parseItem = (item: Item): ControlItem => ({
  group: item.pk!.S!,
  name: item.sk!.S!,
  revision: Number(item.revision?.N ?? 0),
  body: fromItem(item.body?.M ?? {}),
});

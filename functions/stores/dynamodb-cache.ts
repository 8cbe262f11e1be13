import { DeleteItemCommand, type DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { Cache } from '../../core/cache.ts';
import { conditionally } from '../control-items.ts';
import { onTable } from './dynamodb-client.ts';

/** DynamoDB removes what is long out of date; nobody goes by that. */
const REMOVED_AFTER_SECONDS = 3600;

export interface DynamoCacheOptions {
  readonly client: DynamoDBClient;
  readonly tableName: string;
  /** Milliseconds since 1970. @default the clock */
  readonly now?: () => number;
}

/** A table with the key `id`: an item says how long it is believed, by the clock of whoever wrote it. */
export function dynamoCache({ client, tableName, now = Date.now }: DynamoCacheOptions): Cache {
  const keyOf = (key: string) => ({ id: { S: key } });
  const times = (until: number) => ({
    believed_until: { N: String(until) },
    expires_at: { N: String(Math.ceil(until / 1000) + REMOVED_AFTER_SECONDS) },
  });
  return {
    async get(key) {
      const get = new GetItemCommand({ TableName: tableName, Key: keyOf(key), ConsistentRead: true });
      const { Item } = await onTable(tableName, () => client.send(get));
      return Item && Number(Item.believed_until?.N ?? 0) > now() ? Item.entry?.S : undefined;
    },
    async put(key, value, forMs) {
      const Item = { ...keyOf(key), entry: { S: value }, ...times(now() + forMs) };
      await onTable(tableName, () => client.send(new PutItemCommand({ TableName: tableName, Item })));
    },
    claim(key, forMs) {
      const put = new PutItemCommand({
        TableName: tableName,
        Item: { ...keyOf(key), entry: { S: '' }, ...times(now() + forMs) },
        ConditionExpression: 'attribute_not_exists(id) OR believed_until <= :now',
        ExpressionAttributeValues: { ':now': { N: String(now()) } },
      });
      return conditionally(tableName, () => client.send(put));
    },
    async remove(key) {
      await onTable(tableName, () => client.send(new DeleteItemCommand({ TableName: tableName, Key: keyOf(key) })));
    },
    async close() {
      client.destroy();
    },
  };
}

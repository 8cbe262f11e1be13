import { randomBytes } from 'node:crypto';
import { type DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { JSONWebKeySet } from 'jose';
import * as z from 'zod';
import { API_STATE_KEYS as KEYS } from '../../core/api-state-keys.ts';
import { conditionally } from '../control-items.ts';
import { onTable } from '../stores/dynamodb-client.ts';

const SECRET_BYTES = 32;

const keySetSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) });

async function read(client: DynamoDBClient, table: string, id: string) {
  const get = new GetItemCommand({ TableName: table, Key: { id: { S: id } }, ConsistentRead: true });
  return (await onTable(table, () => client.send(get))).Item;
}

/** The key that cursors are signed with: made once for all instances, by the first that needs it. */
export async function cursorKey(client: DynamoDBClient, table: string): Promise<Uint8Array> {
  for (;;) {
    const found = (await read(client, table, KEYS.cursor))?.secret?.B;
    if (found) return found;
    const put = new PutItemCommand({
      TableName: table,
      Item: { id: { S: KEYS.cursor }, secret: { B: randomBytes(SECRET_BYTES) } },
      ConditionExpression: 'attribute_not_exists(id)',
    });
    await conditionally(table, () => client.send(put));
  }
}

/** The issuer's public keys as the function `api-keys` last put them here: this network leads to no issuer. */
export async function issuerKeys(client: DynamoDBClient, table: string): Promise<JSONWebKeySet> {
  const text = (await read(client, table, KEYS.issuer))?.keys?.S ?? '{"keys":[]}';
  return keySetSchema.parse(JSON.parse(text)) as JSONWebKeySet;
}

export async function keepIssuerKeys(client: DynamoDBClient, table: string, keys: unknown): Promise<void> {
  const text = JSON.stringify(keySetSchema.parse(keys));
  const put = new PutItemCommand({ TableName: table, Item: { id: { S: KEYS.issuer }, keys: { S: text } } });
  await onTable(table, () => client.send(put));
}

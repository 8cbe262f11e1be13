import { DeleteItemCommand, type DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';

/** Removes every item of a table with the key `id`. */
export async function forgetAll(client: DynamoDBClient, TableName: string): Promise<void> {
  const { Items = [] } = await client.send(new ScanCommand({ TableName }));
  for (const { id } of Items) await client.send(new DeleteItemCommand({ TableName, Key: { id: id! } }));
}

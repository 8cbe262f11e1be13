import {
  CreateTableCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  type DynamoDBClient,
  ListTagsOfResourceCommand,
  type TableDescription,
  type Tag,
  UpdateContinuousBackupsCommand,
  waitUntilTableExists,
  waitUntilTableNotExists,
} from '@aws-sdk/client-dynamodb';
import type { TableLayout } from '../../core/table-layout.ts';
import { errorName, isTableMissing } from './dynamodb-client.ts';

/** DynamoDB takes about 10 s to make an empty table, and as long to remove one. */
const TABLE_WAIT = { minDelay: 0.1, maxDelay: 2, maxWaitTime: 120 } as const;

export async function describeTable(client: DynamoDBClient, name: string): Promise<TableDescription | undefined> {
  try {
    return (await client.send(new DescribeTableCommand({ TableName: name }))).Table;
  } catch (error) {
    if (isTableMissing(error)) return undefined;
    throw error;
  }
}

/**
 * Makes the table unless it is there, and waits until it takes writes. Encryption and tags are those of `like`, the table
 * that the template declares, where that exists.
 */
export async function createTable(
  client: DynamoDBClient,
  name: string,
  layout: TableLayout,
  like: string,
): Promise<void> {
  const model = await describeTable(client, like);
  const kmsKey = model?.SSEDescription?.KMSMasterKeyArn;
  const tags = model?.TableArn ? await tagsOf(client, model.TableArn) : [];
  const keySchema = (partition: string, sort: string | undefined) => [
    { AttributeName: partition, KeyType: 'HASH' as const },
    ...(sort === undefined ? [] : [{ AttributeName: sort, KeyType: 'RANGE' as const }]),
  ];
  const indexes = layout.indexes.map(index => ({
    IndexName: index.name,
    KeySchema: keySchema(index.partition, index.sort),
    Projection: { ProjectionType: 'ALL' as const },
  }));
  const create = new CreateTableCommand({
    TableName: name,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: Object.entries(layout.keyTypes).map(([AttributeName, AttributeType]) => ({
      AttributeName,
      AttributeType,
    })),
    KeySchema: keySchema(layout.partition, layout.sort),
    ...(indexes.length > 0 ? { GlobalSecondaryIndexes: indexes } : {}),
    ...(kmsKey ? { SSESpecification: { Enabled: true, SSEType: 'KMS', KMSMasterKeyId: kmsKey } } : {}),
    ...(tags.length > 0 ? { Tags: tags } : {}),
  });
  await client.send(create).catch(unless('ResourceInUseException'));
  await waitUntilTableExists({ client, ...TABLE_WAIT }, { TableName: name });
  await keepBackups(client, name);
}

/** Point-in-time recovery; emulators have none. */
async function keepBackups(client: DynamoDBClient, name: string): Promise<void> {
  const recovery = { PointInTimeRecoveryEnabled: true };
  const command = new UpdateContinuousBackupsCommand({ TableName: name, PointInTimeRecoverySpecification: recovery });
  await client.send(command).catch(unless('UnknownOperationException'));
}

/** Those that CloudFormation sets itself cannot be set by others. DynamoDB Local has none. */
async function tagsOf(client: DynamoDBClient, arn: string): Promise<Tag[]> {
  const list = new ListTagsOfResourceCommand({ ResourceArn: arn });
  const listed = await client.send(list).catch(unless('UnknownOperationException'));
  return listed?.Tags?.filter(({ Key }) => !Key?.startsWith('aws:')) ?? [];
}

export async function deleteTable(client: DynamoDBClient, name: string): Promise<void> {
  const gone = await client
    .send(new DeleteTableCommand({ TableName: name }))
    .catch(unless('ResourceNotFoundException'));
  if (gone) await waitUntilTableNotExists({ client, ...TABLE_WAIT }, { TableName: name });
}

/** For `catch`: swallows the one error that means there is nothing to do. */
const unless =
  (expected: string) =>
  (error: unknown): undefined => {
    if (errorName(error) !== expected) throw error;
  };

import {
  DescribeContinuousBackupsCommand,
  type DynamoDBClient,
  type KeySchemaElement,
  type TableDescription,
} from '@aws-sdk/client-dynamodb';
import { DistributaryError } from '../../core/errors.ts';
import type { Concern } from '../../core/store.ts';
import type { TableLayout } from '../../core/table-layout.ts';
import { errorName } from './dynamodb-client.ts';
import { describeTable } from './dynamodb-table.ts';

/** The table as it is, against the layout of the contract. */
export async function inspectTable(
  client: DynamoDBClient,
  name: string,
  layout: TableLayout,
): Promise<readonly Concern[]> {
  const table = await describeTable(client, name);
  if (!table) throw new DistributaryError('target-missing', `table ${name} does not exist`);
  return [...tableConcerns(table, layout), ...(await backupConcerns(client, name))];
}

function* tableConcerns(table: TableDescription, layout: TableLayout): Iterable<Concern> {
  if (table.TableStatus !== 'ACTIVE' && table.TableStatus !== 'UPDATING') {
    yield { severity: 'broken', what: `the table is ${table.TableStatus}`, todo: 'wait until it is active' };
  }
  const wanted = keysText([layout.partition, layout.sort]);
  if (keysOf(table.KeySchema) !== wanted) {
    yield rebuild(`the table's keys are ${keysOf(table.KeySchema)}, the contract's ${wanted}`);
  }
  const found = new Map(table.GlobalSecondaryIndexes?.map(index => [index.IndexName, index]));
  for (const { name, partition, sort } of layout.indexes) {
    const index = found.get(name);
    const keys = keysText([partition, sort]);
    if (!index) yield rebuild(`index ${name} of the contract is not there: look-ups by ${partition} fail`);
    else if (keysOf(index.KeySchema) !== keys) {
      yield rebuild(`index ${name} has the keys ${keysOf(index.KeySchema)}, the contract's has ${keys}`);
    } else if (index.IndexStatus !== 'ACTIVE') {
      yield { severity: 'risk', what: `index ${name} is ${index.IndexStatus}`, todo: 'wait until it is active' };
    }
  }
  for (const name of found.keys()) {
    if (layout.indexes.some(index => index.name === name)) continue;
    yield { ...rebuild(`index ${name} is not in the contract any more, and paid for`), severity: 'risk' };
  }
}

/** Emulators have none. */
async function backupConcerns(client: DynamoDBClient, name: string): Promise<readonly Concern[]> {
  const describe = new DescribeContinuousBackupsCommand({ TableName: name });
  const answer = await client.send(describe).catch(error => {
    if (['UnknownOperationException', 'AccessDeniedException'].includes(errorName(error))) return undefined;
    throw error;
  });
  const recovery = answer?.ContinuousBackupsDescription?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus;
  if (recovery !== 'DISABLED') return [];
  const todo = 'turn it on, or let the next rebuild make a table that has it';
  return [{ severity: 'risk', what: 'the table has no point-in-time recovery', todo }];
}

const rebuild = (what: string): Concern => ({ severity: 'broken', what, todo: 'rebuild the store' });
const keysText = (names: readonly (string | undefined)[]): string =>
  names.filter(name => name !== undefined).join(', ');
const keysOf = (schema: readonly KeySchemaElement[] = []): string =>
  keysText(schema.toSorted((a, b) => ((a.KeyType ?? '') < (b.KeyType ?? '') ? -1 : 1)).map(key => key.AttributeName));

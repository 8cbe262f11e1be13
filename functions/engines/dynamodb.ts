import { dynamoVariables, readEnvironment } from '../../core/environment.ts';
import { dynamoStore } from '../stores/dynamodb.ts';
import { dynamoClient } from '../stores/dynamodb-client.ts';
import type { Engine } from './engine.ts';

const tableName = () => readEnvironment(dynamoVariables).TABLE_NAME;

export const dynamodb: Engine = {
  open: (contract, control) => dynamoStore({ client: dynamoClient(), contract, control, tableName: tableName() }),
  // The template declares it.
  firstTarget: tableName,
};

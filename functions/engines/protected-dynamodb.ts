import { protectedVariables, readEnvironment } from '../../core/environment.ts';
import { dynamoStore } from '../stores/dynamodb.ts';
import { dynamoClient } from '../stores/dynamodb-client.ts';
import { protectionOf } from '../stores/field-protection.ts';
import { protectedStore } from '../stores/protected.ts';
import { dynamodb } from './dynamodb.ts';
import type { Engine } from './engine.ts';

/** DynamoDB with protected fields; apart from it, for its keys' client would be in every bundle. */
export const protectedDynamodb: Engine = {
  open(contract, control) {
    const { PROTECTION_KEYS } = readEnvironment(protectedVariables);
    const store = dynamoStore({
      client: dynamoClient(),
      contract,
      control,
      tableName: dynamodb.firstTarget(contract),
    });
    return protectedStore(store, protectionOf(contract, PROTECTION_KEYS)!);
  },
  firstTarget: dynamodb.firstTarget,
};

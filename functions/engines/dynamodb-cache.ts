import { cacheTableVariables, readEnvironment } from '../../core/environment.ts';
import { dynamoCache } from '../stores/dynamodb-cache.ts';
import { dynamoClient } from '../stores/dynamodb-client.ts';
import type { CacheEngine } from './cache.ts';

export const cache: CacheEngine = {
  open: () => dynamoCache({ client: dynamoClient(), tableName: readEnvironment(cacheTableVariables).PERMISSION_TABLE }),
};

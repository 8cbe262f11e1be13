import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import type { cacheTableVariables, EnvironmentOf, valkeyVariables } from '../../core/environment.ts';
import type { BundledFunction, Placement } from '../bundled-function.ts';

/** Where the queries keep for a while what they may have again: a function's way to it. */
export interface AnswerCache {
  readonly variables: EnvironmentOf<typeof cacheTableVariables> | EnvironmentOf<typeof valkeyVariables>;
  readonly placement: Placement | undefined;
  allowUse(fn: BundledFunction): void;
}

/** In a table, whose items DynamoDB removes when they are long out of date. */
export const tableCache = (table: TableV2): AnswerCache => ({
  variables: { PERMISSION_TABLE: table.tableName },
  placement: undefined,
  allowUse: fn => fn.allow(['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:DeleteItem'], [table.tableArn]),
});

/** In a Valkey of yours, without a login: for an emulator of AWS, which has none behind its service. */
export const adoptedCache = (VALKEY_URL: string): AnswerCache => ({
  variables: { VALKEY_URL },
  placement: undefined,
  allowUse: () => {},
});

import { type DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { API_STATE_KEYS } from '../../core/api-state-keys.ts';
import { isConditionFailed } from '../stores/dynamodb-client.ts';

/** DynamoDB answers in milliseconds; a request is not kept longer for the sake of counting it. */
const ANSWER_MS = 250;
/** DynamoDB removes a count some time after nobody asks for it. */
const KEPT_SECONDS = 3600;

/** What all instances may let through of one person, window by window. */
export interface Budget {
  /**
   * Takes up to `wanted` requests, 1 at least, of what a person has left in a window, and says what is left after that. All
   * that was ever given of one window is no more than its limit; what was given in an answer that got lost is lost. Throws
   * when there is no answer.
   */
  take(person: string, window: number, wanted: number): Promise<{ readonly taken: number; readonly rest: number }>;
}

export interface BudgetOptions {
  readonly client: DynamoDBClient;
  readonly tableName: string;
  /** Requests of one person in one window. */
  readonly limit: number;
  /** How long a window is. */
  readonly windowSeconds: number;
  /** How long to wait for an answer. */
  readonly answerMs?: number;
}

/** Counts in a DynamoDB table, each by one conditional update; the last one goes over, and is given what was left. */
export function budgetIn({ client, tableName, limit, windowSeconds, answerMs = ANSWER_MS }: BudgetOptions): Budget {
  return {
    async take(person, window, wanted) {
      const update = new UpdateItemCommand({
        TableName: tableName,
        Key: { id: { S: `${API_STATE_KEYS.rates}#${person}#${window}` } },
        UpdateExpression: 'ADD #taken :wanted SET #expiration = :removed',
        ConditionExpression: 'attribute_not_exists(#taken) OR #taken < :limit',
        ExpressionAttributeNames: { '#taken': 'taken', '#expiration': 'expiration' },
        ExpressionAttributeValues: {
          ':wanted': { N: String(wanted) },
          ':limit': { N: String(limit) },
          ':removed': { N: String((window + 1) * windowSeconds + KEPT_SECONDS) },
        },
        ReturnValues: 'UPDATED_NEW',
      });
      try {
        const { Attributes } = await client.send(update, { abortSignal: AbortSignal.timeout(answerMs) });
        const after = Number(Attributes?.taken?.N);
        return { taken: Math.min(wanted, limit - (after - wanted)), rest: Math.max(0, limit - after) };
      } catch (error) {
        if (isConditionFailed(error)) return { taken: 0, rest: 0 };
        throw error;
      }
    },
  };
}

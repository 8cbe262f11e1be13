import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { DistributaryError } from '../../core/errors.ts';

/** The queue repeats what failed, so a call need not: one repetition for a connection that idled too long. */
const MAX_ATTEMPTS = 2;
const CONNECTION_TIMEOUT_MS = 1000;
/** DynamoDB answers in milliseconds; what takes this long is down. */
const REQUEST_TIMEOUT_MS = 3000;
/** Two writers and their reads, at `IN_FLIGHT` (dynamodb.ts) each. */
const MAX_SOCKETS = 128;

/** A client with the limits that the stores and the control table count on. Connections are kept alive. */
export const dynamoClient = (config: DynamoDBClientConfig = {}): DynamoDBClient =>
  new DynamoDBClient({
    maxAttempts: MAX_ATTEMPTS,
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
      httpAgent: { maxSockets: MAX_SOCKETS },
      httpsAgent: { maxSockets: MAX_SOCKETS },
    },
    ...config,
  });

/** Of an error that the SDK threw. The class is not compared: two copies of the SDK may be in one process. */
export const errorName = (error: unknown): string => (error instanceof Error ? error.name : '');

export const isConditionFailed = (error: unknown): boolean => errorName(error) === 'ConditionalCheckFailedException';
export const isTableMissing = (error: unknown): boolean => errorName(error) === 'ResourceNotFoundException';

/** What a failed request means to who waits for the table: missing, or not now. */
export function tableError(table: string, cause: unknown): DistributaryError {
  if (cause instanceof DistributaryError) return cause;
  if (isTableMissing(cause)) {
    return new DistributaryError('target-missing', `table ${table} does not exist`, { cause });
  }
  const said = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  return new DistributaryError('store-unavailable', `table ${table} did not answer: ${said}`, { cause });
}

/** Runs requests on a table; what they throw comes out as `tableError`. */
export async function onTable<T>(table: string, requests: () => Promise<T>): Promise<T> {
  try {
    return await requests();
  } catch (cause) {
    throw tableError(table, cause);
  }
}

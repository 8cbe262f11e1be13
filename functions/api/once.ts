import {
  IdempotencyAlreadyInProgressError,
  IdempotencyConfig,
  IdempotencyInconsistentStateError,
  IdempotencyPersistenceLayerError,
  IdempotencyValidationError,
  makeIdempotent,
} from '@aws-lambda-powertools/idempotency';
import { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Context } from 'aws-lambda';
import { API_STATE_KEYS } from '../../core/api-state-keys.ts';
import { Problem } from './problem.ts';
import type { Request } from './route.ts';

/** For so long a request that comes again gets the answer of the first. */
const REMEMBERED_SECONDS = 24 * 3600;

/** What was made, besides the new version: told to the caller, and kept for a repeated request. No content of a case. */
export type Made = Readonly<Record<string, string | number>>;

export interface Once {
  /** Carries out an intent once: a request with the same key and the same content gets the same answer. */
  perform(request: Request & { readonly name: string }, act: () => Promise<Made>): Promise<Made>;
}

/** Powertools' records in a DynamoDB table. What failed is forgotten, so that it may be tried again. */
export function onceIn(client: DynamoDBClient, tableName: string): Once {
  const persistenceStore = new DynamoDBPersistenceLayer({ tableName, awsSdkV3Client: client });
  return {
    async perform({ name, caller, params, body, ifMatch, idempotencyKey, remainingMs }, act) {
      if (idempotencyKey === undefined) return act();
      const config = new IdempotencyConfig({
        eventKeyJmesPath: 'key',
        payloadValidationJmesPath: 'payload',
        expiresAfterSeconds: REMEMBERED_SECONDS,
      });
      // How long an attempt may be under way, which Powertools learns from the context.
      config.registerLambdaContext({ getRemainingTimeInMillis: remainingMs } as Context);
      const record = {
        key: [caller.user, caller.actingFor ?? '', name, idempotencyKey],
        payload: JSON.stringify([params, body ?? null, ifMatch ?? null]),
      };
      const once = makeIdempotent(async (_record: typeof record) => act(), {
        persistenceStore,
        config,
        keyPrefix: API_STATE_KEYS.requests,
      });
      return once(record).catch(error => {
        throw problemOf(error);
      }) as Promise<Made>;
    },
  };
}

function problemOf(error: unknown): unknown {
  if (error instanceof IdempotencyValidationError) {
    return new Problem('idempotency-key-reused', 'take a new Idempotency-Key for another request');
  }
  if (error instanceof IdempotencyAlreadyInProgressError || error instanceof IdempotencyInconsistentStateError) {
    return new Problem('request-in-progress', 'its answer will be there in a moment', { retryAfter: 1 });
  }
  if (error instanceof IdempotencyPersistenceLayerError) {
    return new Problem('unavailable', 'requests cannot be remembered now', { retryAfter: 2, cause: error });
  }
  return error;
}

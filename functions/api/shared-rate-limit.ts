import { MetricUnit } from '@aws-lambda-powertools/metrics';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Instruments } from '../instruments.ts';
import { budgetIn } from './rate-budget.ts';
import { PER_WINDOW, RateLimit, WINDOW_SECONDS } from './rate-limit.ts';

export interface SharedRateLimit {
  readonly client: DynamoDBClient;
  /** The table `api-state`. */
  readonly tableName: string;
  readonly tools: Instruments;
}

/** The limit that the instances of both functions hold together. */
export const sharedRateLimit = ({ client, tableName, tools }: SharedRateLimit): RateLimit =>
  new RateLimit({
    budget: budgetIn({ client, tableName, limit: PER_WINDOW, windowSeconds: WINDOW_SECONDS }),
    onAlone: () => void tools.metrics.addMetric('rate_limit_alone_count', MetricUnit.Count, 1),
  });

import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import { captureLambdaHandler } from '@aws-lambda-powertools/tracer/middleware';
import middy from '@middy/core';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import type { DeadLetter } from '../../core/batch.ts';
import type { Instruments } from '../instruments.ts';
import type { Projecting, ProjectingEvents } from './projecting.ts';

/** The front door of a projector function: a batch of queue messages in, the ids of those to deliver again out. */
export function projectorHandler(projecting: Projecting, { logger, metrics, tracer }: Instruments) {
  return middy<SQSEvent, SQSBatchResponse>()
    .use(injectLambdaContext(logger))
    .use(captureLambdaHandler(tracer, { captureResponse: false }))
    .use(logMetrics(metrics))
    .handler(async event => partialResponse(event, await projecting.take(event.Records)));
}

/** The batch was settled as a whole; Powertools words the answer that the event source mapping expects. */
function partialResponse(event: SQSEvent, failed: ReadonlySet<string>): Promise<SQSBatchResponse> {
  const settle = async ({ messageId }: { messageId: string }) => {
    if (failed.has(messageId)) throw new Error('to be delivered again');
  };
  return processPartialResponse(event, settle, new BatchProcessor(EventType.SQS), { throwOnFullBatchFailure: false });
}

/** CloudWatch takes a hundred values of a metric in one line; that many, spread over the batch, give its percentiles. */
const MAX_SAMPLES = 100;

/** `visibleAfterSeconds`: from a write until a query sees it, at most; it belongs to the lag. */
export function report({ logger, metrics }: Instruments, visibleAfterSeconds: number): ProjectingEvents {
  const lagOf = (committedAt: number) => Math.max(0, (Date.now() - committedAt) / 1000) + visibleAfterSeconds;
  return {
    applied({ applied, stale, deadLetters }) {
      const step = Math.max(1, Math.ceil(applied.length / MAX_SAMPLES));
      for (let at = 0; at < applied.length; at += step) {
        metrics.addMetric('indexing_lag_seconds', MetricUnit.Seconds, lagOf(applied[at]!));
      }
      if (applied.length > 0) metrics.addMetric('applied_count', MetricUnit.Count, applied.length);
      if (stale > 0) metrics.addMetric('stale_count', MetricUnit.Count, stale);
      if (deadLetters.length === 0) return;
      metrics.addMetric('dead_letter_count', MetricUnit.Count, deadLetters.length);
      metrics.addMetric('indexing_error_count', MetricUnit.Count, deadLetters.length);
      for (const letter of deadLetters) logger.error('change failed for good', describe(letter));
    },
    deferred(messages, { code, message, hint }, pauseSeconds) {
      metrics.addMetric('indexing_error_count', MetricUnit.Count, 1);
      logger.warn('store unavailable', { code, reason: message, hint, messages, pauseSeconds });
    },
    watermark(lane, committedAt) {
      metrics.addMetric('freshness_seconds', MetricUnit.Seconds, lagOf(committedAt));
      logger.debug('watermark', { lane, committedAt });
    },
  };
}

/** For the log: which change and why, and nothing of its content. */
function describe({ error: { code, message, hint }, change }: DeadLetter) {
  const which = change && { change: `${change.aggregate}.${change.change}`, key: change.key, version: change.version };
  return { code, reason: message, hint, ...which, traceparent: change?.traceparent };
}

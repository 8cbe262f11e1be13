import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { S3Client } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { readEnvironment, relayVariables } from '../../core/environment.ts';
import { databaseConfig } from '../database.ts';
import { type Instruments, instruments } from '../instruments.ts';
import { awsSink } from './aws-sink.ts';
import { type RunEvents, runRelay } from './run.ts';

const environment = readEnvironment(relayVariables);
export const tools = instruments('relay');
const sink = awsSink({
  sns: new SNSClient(),
  sqs: new SQSClient(),
  s3: new S3Client(),
  topicArn: environment.TOPIC_ARN,
  payloadBucket: environment.PAYLOAD_BUCKET,
  parkedQueueUrl: environment.PARKED_QUEUE_URL,
});

/** Relays as the environment says until the signal, or until another relay is found that stays. */
export async function relayUntil(signal: AbortSignal, deadline: Date): ReturnType<typeof runRelay> {
  const ended = await runRelay({
    database: await databaseConfig(environment),
    slot: environment.SLOT_NAME,
    publication: environment.PUBLICATION_NAME,
    heartbeatSeconds: environment.HEARTBEAT_SECONDS,
    deadline,
    sink,
    events: report(tools),
    signal,
  });
  tools.metrics.publishStoredMetrics();
  return ended;
}

/** Metrics leave with each heartbeat: this function runs for minutes, and its metrics must not wait for its end. */
function report({ logger, metrics }: Instruments): RunEvents {
  let published = 0;
  let oldest = Number.POSITIVE_INFINITY;
  return {
    saw() {},
    published(packs) {
      for (const pack of packs) {
        published += pack.changes;
        oldest = Math.min(oldest, pack.oldest);
      }
      // The longest lag of this heartbeat's interval, taken when it was published.
      if (Number.isFinite(oldest))
        metrics.addMetric('relay_lag_seconds', MetricUnit.Seconds, (Date.now() - oldest) / 1000);
      oldest = Number.POSITIVE_INFINITY;
    },
    parked({ code, message, hint }) {
      metrics.addMetric('relay_parked_count', MetricUnit.Count, 1);
      logger.error('outbox row parked', { code, reason: message, hint });
    },
    failing(error, attempt) {
      metrics.addMetric('publish_failed_count', MetricUnit.Count, 1);
      logger.warn('publication failed, trying again', { attempt, error: error as Error });
    },
    streaming(ended) {
      logger.info('streaming', { ended });
    },
    dependantsRefused(error) {
      metrics.addMetric('dependants_refused_count', MetricUnit.Count, 1);
      logger.error('dependants cannot be published again', { reason: error.message });
    },
    reconnecting({ code, message, hint }) {
      logger.warn('stream broke, reconnecting', { code, reason: message, hint });
    },
    slot({ retainedBytes, lagBytes, walStatus }) {
      metrics.addMetric('relay_heartbeat_count', MetricUnit.Count, 1);
      metrics.addMetric('source_write_count', MetricUnit.Count, published);
      metrics.addMetric('slot_retained_bytes', MetricUnit.Bytes, retainedBytes);
      metrics.publishStoredMetrics();
      logger.debug('heartbeat', { published, retainedBytes, lagBytes, walStatus });
      published = 0;
    },
  };
}

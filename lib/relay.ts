import { Duration } from 'aws-cdk-lib';
import { type Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { Alias } from 'aws-cdk-lib/aws-kms';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { EnvironmentOf, relayVariables } from '../core/environment.ts';
import type { StoreContract } from '../core/store-contract.ts';
import type { Bundle } from './bundles.ts';
import { type CanonicalAccess, type DatabaseVariables, RELAY_ROLE } from './canonical-access.ts';
import type { Configuration } from './configuration-schema.ts';
import { tagWithRole } from './data-role.ts';
import { pipelineMetric, queueMetric } from './metrics.ts';
import type { Names } from './names.ts';
import { PipelineAlarm } from './pipeline-alarm.ts';
import type { Preset } from './presets.ts';
import { PRIVATE_BUCKET } from './private-bucket.ts';
import { RelayFunction } from './relay-function.ts';
import { RelayService } from './relay-service.ts';

export interface RelayProps {
  /** The outbox that it reads. */
  readonly contract: StoreContract;
  readonly source: CanonicalAccess;
  /** The same code in either. */
  readonly runsAs: Configuration['relay'];
  readonly bundle: Bundle;
  readonly names: Names;
  readonly preset: Preset;
  /** Shorter than the shortest freshness that a store promises, for a store cannot be known to be fresher. */
  readonly heartbeatSeconds: number;
  readonly alarmTopic: ITopic;
}

/** What its metrics are filed under. */
export const RELAY_SERVICE = 'relay';
export const SLOT = 'distributary';
export const PUBLICATION = 'distributary_outbox';
/** A payload outlives every message that refers to it: two weeks in a queue, two more as a dead letter. */
const PAYLOAD_DAYS = 35;
const MESSAGE_DAYS = 14;
/** Publishes every commit of the canonical store, by aggregate and lane, to a topic that stores subscribe to. */
export class Relay extends Construct {
  readonly topic: Topic;
  /** States too large for a message. */
  readonly payloads: Bucket;
  /** Outbox rows that nobody can read. */
  readonly parked: Queue;

  constructor(scope: Construct, id: string, props: RelayProps) {
    super(scope, id);
    this.topic = new Topic(this, 'Changes', {
      topicName: props.names.topic,
      displayName: 'Changes of the canonical store',
      enforceSSL: true,
      masterKey: Alias.fromAliasName(this, 'SnsKey', 'alias/aws/sns'),
    });
    this.payloads = new Bucket(this, 'Payloads', {
      ...PRIVATE_BUCKET,
      lifecycleRules: [
        { expiration: Duration.days(PAYLOAD_DAYS), abortIncompleteMultipartUploadAfter: Duration.days(1) },
      ],
    });
    this.parked = new Queue(this, 'Parked', {
      queueName: props.names.parkedQueue,
      enforceSSL: true,
      encryption: QueueEncryption.SQS_MANAGED,
      retentionPeriod: Duration.days(MESSAGE_DAYS),
    });
    this.#process(props);
    this.#alarms(props);
    tagWithRole(this, props.contract);
  }

  /** A heartbeat that was sent, since the last look. */
  metricHeartbeats(): Metric {
    return pipelineMetric(RELAY_SERVICE, 'relay_heartbeat_count', { statistic: Stats.SUM });
  }

  /** WAL that the canonical store keeps for the relay. */
  metricRetainedBytes(): Metric {
    return pipelineMetric(RELAY_SERVICE, 'slot_retained_bytes', { statistic: Stats.MAXIMUM });
  }

  #process({ source, bundle, names, preset, heartbeatSeconds, runsAs }: RelayProps): void {
    const environment: Omit<EnvironmentOf<typeof relayVariables>, keyof DatabaseVariables> = {
      TOPIC_ARN: this.topic.topicArn,
      PAYLOAD_BUCKET: this.payloads.bucketName,
      PARKED_QUEUE_URL: this.parked.queueUrl,
      SLOT_NAME: SLOT,
      PUBLICATION_NAME: PUBLICATION,
      HEARTBEAT_SECONDS: String(heartbeatSeconds),
    };
    const Process = runsAs === 'service' ? RelayService : RelayFunction;
    const relay = new Process(this, 'Process', { source, bundle, names, preset, environment });
    source.allowLogin(relay, RELAY_ROLE);
    relay.allow(['sns:Publish'], [this.topic.topicArn]);
    relay.allow(['s3:PutObject'], [this.payloads.arnForObjects('*')]);
    relay.allow(['sqs:SendMessage'], [this.parked.queueArn]);
  }

  #alarms({ contract, names, alarmTopic: topic }: RelayProps): void {
    const of = { of: 'relay', contract, names, topic };
    new PipelineAlarm(this, 'SilentAlarm', {
      ...of,
      what: 'silent',
      metric: this.metricHeartbeats(),
      rings: { below: 1 },
      ringsOnSilence: true,
      periods: { bad: 2, of: 2 },
      problem: 'No relay publishes: every store falls behind',
    });
    new PipelineAlarm(this, 'ParkedAlarm', {
      ...of,
      what: 'parked',
      metric: queueMetric(names.parkedQueue, 'ApproximateNumberOfMessagesVisible'),
      rings: { above: 0 },
      problem: `A row of ${contract.store_name} could not be published and was set apart`,
    });
  }
}

import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { type Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { Alias } from 'aws-cdk-lib/aws-kms';
import { BlockPublicAccess, Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { EnvironmentOf, relayVariables } from '../core/environment.ts';
import type { StoreContract } from '../core/store-contract.ts';
import { BundledFunction } from './bundled-function.ts';
import type { Bundle } from './bundles.ts';
import type { CanonicalAccess } from './canonical-access.ts';
import { tagWithRole } from './data-role.ts';
import { pipelineMetric, queueMetric } from './metrics.ts';
import type { Names } from './names.ts';
import { PipelineAlarm } from './pipeline-alarm.ts';
import type { Preset } from './presets.ts';

export interface RelayProps {
  /** The outbox that it reads. */
  readonly contract: StoreContract;
  readonly source: CanonicalAccess;
  readonly bundle: Bundle;
  readonly names: Names;
  readonly preset: Preset;
  /** Shorter than the shortest freshness that a store promises, for a store cannot be known to be fresher. */
  readonly heartbeatSeconds: number;
  readonly alarmTopic: ITopic;
}

/** What its metrics are filed under. */
export const RELAY_SERVICE = 'relay';
/** Logs in by IAM, may replicate and read the outbox, nothing else; made by the migrations. */
const DATABASE_USER = 'distributary_relay';
export const SLOT = 'distributary';
export const PUBLICATION = 'distributary_outbox';
/** The longest a function may run; it hands over before. */
const TIMEOUT_SECONDS = 900;
/** One that streams, and its successor while they change over. */
const CONCURRENCY = 2;
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
  readonly function: BundledFunction;

  constructor(scope: Construct, id: string, props: RelayProps) {
    super(scope, id);
    this.topic = new Topic(this, 'Changes', {
      topicName: props.names.topic,
      displayName: 'Changes of the canonical store',
      enforceSSL: true,
      masterKey: Alias.fromAliasName(this, 'SnsKey', 'alias/aws/sns'),
    });
    this.payloads = new Bucket(this, 'Payloads', {
      enforceSSL: true,
      encryption: BucketEncryption.S3_MANAGED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      lifecycleRules: [
        { expiration: Duration.days(PAYLOAD_DAYS), abortIncompleteMultipartUploadAfter: Duration.days(1) },
      ],
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.parked = new Queue(this, 'Parked', {
      queueName: props.names.parkedQueue,
      enforceSSL: true,
      encryption: QueueEncryption.SQS_MANAGED,
      retentionPeriod: Duration.days(MESSAGE_DAYS),
    });
    this.function = this.#function(props);
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

  #function({ source, bundle, names, preset, heartbeatSeconds }: RelayProps): BundledFunction {
    const variables: Omit<EnvironmentOf<typeof relayVariables>, keyof ReturnType<CanonicalAccess['variables']>> = {
      TOPIC_ARN: this.topic.topicArn,
      PAYLOAD_BUCKET: this.payloads.bucketName,
      PARKED_QUEUE_URL: this.parked.queueUrl,
      SLOT_NAME: SLOT,
      PUBLICATION_NAME: PUBLICATION,
      HEARTBEAT_SECONDS: String(heartbeatSeconds),
    };
    const relay = new BundledFunction(this, 'Relay', {
      bundle,
      functionName: names.function('relay'),
      description: 'Streams the outbox out of the canonical store to the topic',
      environment: { ...source.variables(DATABASE_USER), ...variables },
      timeoutSeconds: TIMEOUT_SECONDS,
      reservedConcurrency: CONCURRENCY,
      logDays: preset.logDays,
      placement: source.placement,
    });
    source.allowLogin(relay, DATABASE_USER);
    relay.allow(['sns:Publish'], [this.topic.topicArn]);
    relay.allow(['s3:PutObject'], [this.payloads.arnForObjects('*')]);
    relay.allow(['sqs:SendMessage'], [this.parked.queueArn]);
    // A failed start is not repeated: the next minute brings another.
    relay.lambda.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: Duration.minutes(1) });
    new Rule(this, 'EveryMinute', {
      description: 'Starts a relay; it leaves at once when another one streams and means to stay',
      schedule: Schedule.rate(Duration.minutes(1)),
      targets: [new LambdaFunction(relay.lambda, { retryAttempts: 0, maxEventAge: Duration.minutes(1) })],
    });
    return relay;
  }

  #alarms({ contract, names, alarmTopic: topic }: RelayProps): void {
    const alarmName = (what: string) => names.alarm('relay', what);
    new PipelineAlarm(this, 'SilentAlarm', {
      alarmName: alarmName('silent'),
      metric: this.metricHeartbeats(),
      rings: { below: 1 },
      ringsOnSilence: true,
      periods: { bad: 2, of: 2 },
      problem: 'No relay publishes: every store falls behind',
      command: 'distributary status',
      topic,
    });
    new PipelineAlarm(this, 'ParkedAlarm', {
      alarmName: alarmName('parked'),
      metric: queueMetric(names.parkedQueue, 'ApproximateNumberOfMessagesVisible'),
      rings: { above: 0 },
      problem: `A row of ${contract.store_name} could not be published and was set apart`,
      command: 'distributary status',
      topic,
    });
  }
}

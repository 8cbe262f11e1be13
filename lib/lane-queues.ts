import { Duration } from 'aws-cdk-lib';
import type { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Queue, QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { Lane } from '../core/change.ts';
import { queueMetric } from './metrics.ts';
import type { Names } from './names.ts';

export interface LaneQueuesProps {
  readonly store: string;
  readonly names: Names;
  /** Time limit of the function that they feed. */
  readonly functionSeconds: number;
}

/** Longer than any outage that someone looks at; the most that SQS keeps. */
const MESSAGE_DAYS = 14;
/** A message that crashed the function this often will crash it again. One that waits for a store is not counted. */
const MAX_RECEIVES = 5;
/** AWS asks for six: the pollers retry a throttled batch while its messages stay hidden. */
const VISIBILITY_FACTOR = 6;

/** A store's standard queue, its priority queue, and the one where both leave what will never land as it is. */
export class LaneQueues extends Construct {
  readonly standard: Queue;
  readonly priority: Queue;
  readonly failed: Queue;
  readonly #failedName: string;

  constructor(scope: Construct, id: string, { store, names, functionSeconds }: LaneQueuesProps) {
    super(scope, id);
    this.#failedName = names.failedQueue(store);
    const common: QueueProps = {
      enforceSSL: true,
      encryption: QueueEncryption.SQS_MANAGED,
      retentionPeriod: Duration.days(MESSAGE_DAYS),
    };
    this.failed = new Queue(this, 'Failed', { ...common, queueName: this.#failedName });
    const lane = (name: Lane): QueueProps => ({
      ...common,
      queueName: names.queue(store, name),
      visibilityTimeout: Duration.seconds(VISIBILITY_FACTOR * functionSeconds),
      deadLetterQueue: { queue: this.failed, maxReceiveCount: MAX_RECEIVES },
    });
    this.standard = new Queue(this, 'Standard', lane('standard'));
    this.priority = new Queue(this, 'Priority', lane('priority'));
  }

  get all(): readonly Queue[] {
    return [this.standard, this.priority, this.failed];
  }

  of(lane: Lane): Queue {
    return this[lane];
  }

  /** How many changes wait for someone to look at them. */
  metricFailed(): Metric {
    return queueMetric(this.#failedName, 'ApproximateNumberOfMessagesVisible');
  }

  /** Lets this topic, and no other, send to the lane. */
  acceptFrom(topic: ITopic, lane: Lane): void {
    this.of(lane).addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal('sns.amazonaws.com')],
        actions: ['sqs:SendMessage'],
        resources: [this.of(lane).queueArn],
        conditions: { ArnEquals: { 'aws:SourceArn': topic.topicArn } },
      }),
    );
  }
}

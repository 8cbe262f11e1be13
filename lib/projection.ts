import { CustomResource, Duration } from 'aws-cdk-lib';
import { type Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { type ITopic, Subscription, SubscriptionFilter, SubscriptionProtocol } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { LANES, type Lane } from '../core/change.ts';
import type { EnvironmentOf, projectorVariables } from '../core/environment.ts';
import { HEARTBEAT_AGGREGATE } from '../core/pack.ts';
import type { ProjectedContract } from '../core/store-contract.ts';
import { BundledFunction } from './bundled-function.ts';
import type { Bundles } from './bundles.ts';
import type { ControlTable } from './control-table.ts';
import { tagWithRole } from './data-role.ts';
import { compactBundle, projectorBundle, provisionBundle } from './entry-points.ts';
import { LaneQueues } from './lane-queues.ts';
import { pipelineMetric } from './metrics.ts';
import type { Names } from './names.ts';
import type { Preset } from './presets.ts';
import { addStoreAlarms } from './store-alarms.ts';
import { FactBucket } from './stores/fact-bucket.ts';
import type { ProjectedStore } from './stores/projected-store.ts';

export interface ProjectionProps {
  readonly contract: ProjectedContract;
  readonly store: ProjectedStore;
  /** Of the relay. */
  readonly topic: ITopic;
  /** Of the relay: states too large for a message. */
  readonly payloads: IBucket;
  readonly control: ControlTable;
  readonly alarmTopic: ITopic;
  readonly bundles: Bundles;
  readonly names: Names;
  readonly preset: Preset;
}

/** Instances kept for the priority lane: the fewest that an event source may be limited to. */
const PRIORITY_CONCURRENCY = 2;
/** Makes a table or an index ready: seconds, or minutes for a domain that is busy. */
const PROVISION_SECONDS = 300;
const COMPACT_EVERY_MINUTES = 5;
const COMPACT_SECONDS = 240;
/** Merging holds one partition's rows in memory. */
const COMPACT_MEGABYTES = 1024;

/** The whole pipeline of one contract, from the topic to the store: queues, function, permissions, alarms, tags. */
export class Projection extends Construct {
  readonly queues: LaneQueues;
  readonly function: BundledFunction;
  /** Name of the target that readers see, as of the last deployment. */
  readonly target: string;
  readonly #props: ProjectionProps;

  constructor(scope: Construct, id: string, props: ProjectionProps) {
    super(scope, id);
    this.#props = props;
    const { contract } = props;
    this.queues = new LaneQueues(this, 'Queues', {
      store: contract.store_name,
      names: props.names,
      functionSeconds: contract.delivery.timeout,
    });
    for (const lane of LANES) this.#subscribe(lane);
    this.function = this.#projector();
    this.#feed();
    this.target = this.#provision();
    if (props.store instanceof FactBucket) this.#compact(props.store);
    this.#alarms();
    tagWithRole(this, contract);
    tagWithRole(props.store, contract);
  }

  /** Seconds from now back to the commit up to which the store is known to hold everything. */
  metricFreshness(): Metric {
    return pipelineMetric(this.#props.contract.store_name, 'freshness_seconds', { statistic: Stats.MAXIMUM });
  }

  metricErrors(): Metric {
    return pipelineMetric(this.#props.contract.store_name, 'indexing_error_count', { statistic: Stats.SUM });
  }

  #subscribe(lane: Lane): void {
    const { topic, contract } = this.#props;
    const queue = this.queues.of(lane);
    new Subscription(this, `${lane}-subscription`, {
      topic,
      protocol: SubscriptionProtocol.SQS,
      endpoint: queue.queueArn,
      rawMessageDelivery: true,
      filterPolicy: {
        aggregate: SubscriptionFilter.stringFilter({ allowlist: [...contract.aggregates, HEARTBEAT_AGGREGATE] }),
        lane: SubscriptionFilter.stringFilter({ allowlist: [lane] }),
      },
      // What SNS cannot deliver for long enough is a dead letter too.
      deadLetterQueue: this.queues.failed,
    });
    this.queues.acceptFrom(topic, lane);
  }

  #projector(): BundledFunction {
    const { contract, store, control, payloads, bundles, names, preset } = this.#props;
    const { store_name, delivery } = contract;
    const variables: EnvironmentOf<typeof projectorVariables> = {
      CONTROL_TABLE: control.tableName,
      QUEUE_URL: this.queues.standard.queueUrl,
      PRIORITY_QUEUE_URL: this.queues.priority.queueUrl,
      FAILED_QUEUE_URL: this.queues.failed.queueUrl,
    };
    const projector = new BundledFunction(this, 'Projector', {
      bundle: bundles.of(projectorBundle(store_name)),
      functionName: names.function(projectorBundle(store_name)),
      description: `Projects ${contract.aggregates.join(', ')} into ${store_name}`,
      environment: { ...variables, ...store.variables, ...store.writeVariables },
      timeoutSeconds: delivery.timeout,
      memoryMegabytes: delivery.memory_megabytes,
      reservedConcurrency: delivery.maximum_concurrency + PRIORITY_CONCURRENCY,
      logDays: preset.logDays,
      placement: store.placement,
    });
    store.allowWrite(projector);
    control.allow(projector, store_name, ['GetItem', 'UpdateItem']);
    // A deferred message goes back to its own queue with a delay, a dead one to the failed queue.
    projector.allow(
      ['sqs:SendMessage'],
      this.queues.all.map(queue => queue.queueArn),
    );
    projector.allow(['s3:GetObject'], [payloads.arnForObjects('*')]);
    // Without it a state that is gone looks like one that is forbidden, and would be asked for again and again.
    projector.allow(['s3:ListBucket'], [payloads.bucketArn]);
    return projector;
  }

  /** The sum of both limits is reserved, so that a standard lane at its limit leaves the priority lane its share. */
  #feed(): void {
    const { batch_packs, batch_window, maximum_concurrency } = this.#props.contract.delivery;
    const limits: Readonly<Record<Lane, number>> = { standard: maximum_concurrency, priority: PRIORITY_CONCURRENCY };
    for (const lane of LANES) {
      const source = new SqsEventSource(this.queues.of(lane), {
        batchSize: lane === 'standard' ? batch_packs : Math.min(batch_packs, 10),
        maxConcurrency: limits[lane],
        reportBatchItemFailures: true,
        // What takes rights away waits for no company.
        ...(lane === 'standard' && batch_window > 0 && { maxBatchingWindow: Duration.seconds(batch_window) }),
      });
      this.function.lambda.addEventSource(source);
    }
  }

  #provision(): string {
    const { contract, store, control, bundles, names, preset } = this.#props;
    const { store_name } = contract;
    const bundle = bundles.of(provisionBundle(store_name));
    const provision = new BundledFunction(this, 'Provision', {
      bundle,
      functionName: names.function(provisionBundle(store_name)),
      description: `Makes the first target of ${store_name}`,
      environment: { CONTROL_TABLE: control.tableName, ...store.variables },
      timeoutSeconds: PROVISION_SECONDS,
      logDays: preset.logDays,
      placement: store.placement,
    });
    store.allowProvision(provision);
    control.allow(provision, store_name, ['GetItem', 'PutItem']);
    const provisioned = new CustomResource(this, 'Provisioned', {
      resourceType: 'Custom::StoreTarget',
      serviceToken: provision.lambda.functionArn,
      serviceTimeout: Duration.seconds(PROVISION_SECONDS),
      properties: { Store: store_name, Content: bundle.hash },
    });
    provisioned.node.addDependency(provision, store);
    return provisioned.getAttString('target');
  }

  #compact(store: FactBucket): void {
    const { contract, bundles, names, preset } = this.#props;
    const { store_name } = contract;
    const compact = new BundledFunction(this, 'Compact', {
      bundle: bundles.of(compactBundle(store_name)),
      functionName: names.function(compactBundle(store_name)),
      description: `Merges the small files of ${store_name}`,
      environment: store.variables,
      timeoutSeconds: COMPACT_SECONDS,
      memoryMegabytes: COMPACT_MEGABYTES,
      reservedConcurrency: 1,
      logDays: preset.logDays,
    });
    store.allowCompact(compact);
    compact.lambda.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: Duration.minutes(1) });
    new Rule(this, 'CompactRegularly', {
      schedule: Schedule.rate(Duration.minutes(COMPACT_EVERY_MINUTES)),
      targets: [new LambdaFunction(compact.lambda, { retryAttempts: 0, maxEventAge: Duration.minutes(1) })],
    });
  }

  #alarms(): void {
    const { contract, names, alarmTopic: topic } = this.#props;
    const freshness = this.metricFreshness();
    const errors = this.metricErrors();
    addStoreAlarms(this, { contract, names, topic, freshness, errors, failed: this.queues.metricFailed() });
  }
}

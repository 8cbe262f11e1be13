import { DistributaryError } from '../../core/errors.ts';
import type { Aws, QueueDepth } from '../aws.ts';
import type { EventSourceMapping } from '../template/compute.ts';
import type { Model } from '../template/model.ts';
import { type AlarmStatus, Alarms } from './alarms.ts';
import type { FunctionStatus } from './function.ts';
import type { LocalFunctions } from './functions.ts';
import { Mapping } from './mapping.ts';
import type { MetricStore } from './metrics.ts';
import { Schedule } from './schedule.ts';

export interface PipelineOptions {
  readonly model: Model;
  readonly functions: LocalFunctions;
  readonly metrics: MetricStore;
  /** The emulator as it is now: it may have been started again. */
  aws(): Aws;
  readonly instancesPerQueue: number;
  onAlarm(alarm: AlarmStatus): void;
  onRestart(what: string): void;
}

export interface PipelineStatus {
  readonly functions: readonly FunctionStatus[];
  readonly queues: readonly QueueDepth[];
  readonly alarms: readonly AlarmStatus[];
}

/** How often queues are measured and alarms evaluated; CloudWatch does so once a minute. */
const LOOK_INTERVAL_MS = 5_000;

/** Everything in the template that moves by itself: pollers of queues, schedules, alarms. */
export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #mappings: readonly Mapping[];
  readonly #schedules: readonly Schedule[];
  readonly #alarms: Alarms;
  readonly #look: NodeJS.Timeout;

  constructor(options: PipelineOptions) {
    const { model, functions, metrics } = options;
    this.#options = options;
    this.#mappings = model.mappings.map(mapping => this.#map(mapping));
    this.#schedules = model.schedules.map(schedule => new Schedule(schedule, functions.get(schedule.functionName)));
    this.#alarms = new Alarms(model.alarms, metrics);
    for (const schedule of this.#schedules) schedule.start();
    this.#look = setInterval(() => void this.#lookAround(), LOOK_INTERVAL_MS);
  }

  async status(): Promise<PipelineStatus> {
    const { functions, aws } = this.#options;
    return {
      functions: functions.statuses(),
      queues: await aws()
        .queues()
        .catch(() => []),
      alarms: this.#alarms.statuses,
    };
  }

  /** Takes nothing new; what is in hand is finished. */
  async stop(): Promise<void> {
    clearInterval(this.#look);
    for (const schedule of this.#schedules) schedule.stop();
    await Promise.all(this.#mappings.map(mapping => mapping.stop()));
  }

  #map(mapping: EventSourceMapping): Mapping {
    const { model, functions, aws, instancesPerQueue, onRestart } = this.#options;
    const queue = model.queues.find(({ arn }) => arn === mapping.queueArn);
    if (!queue) throw new DistributaryError('template-unsupported', `${mapping.id}: no queue ${mapping.queueArn}`);
    return new Mapping({
      model: mapping,
      queue,
      function: functions.get(mapping.functionName),
      endpoint: aws().endpoint,
      instances: instancesPerQueue,
      release: (name, keep) => aws().release(name, keep),
      onRestart,
    });
  }

  async #lookAround(): Promise<void> {
    const depths = await this.#options
      .aws()
      .queues()
      .catch(() => []);
    for (const depth of depths) this.#measure(depth);
    for (const alarm of this.#alarms.evaluate()) this.#options.onAlarm(alarm);
  }

  /** What SQS tells CloudWatch of a queue. */
  #measure({ name, visible, inFlight, delayed, oldestSeconds }: QueueDepth): void {
    const values = {
      ApproximateNumberOfMessagesVisible: visible,
      ApproximateNumberOfMessagesNotVisible: inFlight,
      ApproximateNumberOfMessagesDelayed: delayed,
      ApproximateAgeOfOldestMessage: oldestSeconds,
    };
    for (const [metric, value] of Object.entries(values)) {
      this.#options.metrics.record({ namespace: 'AWS/SQS', name: metric, dimensions: { QueueName: name } }, value);
    }
  }
}

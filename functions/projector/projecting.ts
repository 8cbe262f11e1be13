import { GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import { applyBatch, type BatchPorts, type BatchReport } from '../../core/batch.ts';
import { Breaker } from '../../core/breaker.ts';
import { type Heartbeat, LANES, type Lane } from '../../core/change.ts';
import { DistributaryError } from '../../core/errors.ts';
import type { Control } from '../control.ts';
import { defer } from './deferral.ts';

export interface ProjectingEvents {
  applied(report: BatchReport): void;
  deferred(messages: number, error: DistributaryError, pauseSeconds: number): void;
  /** All that was committed before is in the store. */
  watermark(lane: Lane, committedAt: number): void;
}

export interface ProjectingOptions {
  readonly store: string;
  readonly ports: BatchPorts;
  readonly control: Pick<Control, 'advanceWatermark'>;
  readonly sqs: SQSClient;
  readonly queueUrls: Readonly<Record<Lane, string>>;
  readonly events: ProjectingEvents;
}

/** One function instance's work for its store, across invocations: the breaker remembers. */
export class Projecting {
  readonly #options: ProjectingOptions;
  readonly #breaker = new Breaker();

  constructor(options: ProjectingOptions) {
    this.#options = options;
  }

  /** Yields the ids of messages that the queue has to deliver again by itself. */
  async take(records: readonly SQSRecord[]): Promise<ReadonlySet<string>> {
    const pause = this.#breaker.pauseSeconds(Date.now());
    if (pause > 0) {
      const error = new DistributaryError('store-unavailable', `circuit open for ${pause.toFixed(1)} s more`);
      return this.#defer(records, error, pause);
    }
    const report = await applyBatch(
      records.map(({ messageId, body }) => ({ id: messageId, body })),
      this.#options.ports,
    );
    this.#options.events.applied(report);
    const unavailable = report.unavailable ?? (await this.#probe(report));
    if (unavailable) {
      this.#breaker.failed(Date.now());
      const waiting = report.unavailable ? records.filter(({ messageId }) => report.later.has(messageId)) : [];
      return this.#defer(waiting, unavailable, this.#breaker.pauseSeconds(Date.now()));
    }
    this.#breaker.succeeded();
    await this.#advance(report.heartbeats);
    return new Set();
  }

  async #defer(
    records: readonly SQSRecord[],
    error: DistributaryError,
    pauseSeconds: number,
  ): Promise<ReadonlySet<string>> {
    const { sqs, queueUrls, events } = this.#options;
    events.deferred(records.length, error, pauseSeconds);
    const byLane = Map.groupBy(records, ({ eventSourceARN }) => this.#laneOf(eventSourceARN));
    const unsent = await Promise.all(
      [...byLane].map(([lane, batch]) => defer(sqs, queueUrls[lane], batch, pauseSeconds)),
    );
    return new Set(unsent.flat());
  }

  #laneOf(queueArn: string): Lane {
    const name = queueArn.slice(queueArn.lastIndexOf(':') + 1);
    return this.#options.queueUrls.priority.endsWith(`/${name}`) ? 'priority' : 'standard';
  }

  /** A heartbeat on its own touches no document: ask the store, lest an outage looks fresh. */
  async #probe({ heartbeats, applied, stale }: BatchReport): Promise<DistributaryError | undefined> {
    if (heartbeats.length === 0 || applied.length + stale > 0) return undefined;
    try {
      if (await this.#options.ports.store.current()) return undefined;
      return new DistributaryError('target-missing', 'the store has no target that readers see');
    } catch (error) {
      if (error instanceof DistributaryError) return error;
      throw error;
    }
  }

  /**
   * Moves the watermark to the newest heartbeat of each lane, unless changes of that lane were put off: they are older.
   * SQS may let a heartbeat overtake what was sent a moment before, so a watermark is good to about a second. What died with
   * an instance is neither put off nor in the store: it is passed until the queue shows it again (README, "Limits").
   */
  async #advance(heartbeats: readonly Heartbeat[]): Promise<void> {
    const { control, store, queueUrls, events } = this.#options;
    for (const lane of LANES) {
      const newest = Math.max(...heartbeats.filter(beat => beat.lane === lane).map(beat => beat.committedAt));
      if (!Number.isFinite(newest) || (await this.#hasDeferred(queueUrls[lane]))) continue;
      await control.advanceWatermark(store, lane, newest);
      events.watermark(lane, newest);
    }
  }

  async #hasDeferred(queueUrl: string): Promise<boolean> {
    const { Attributes } = await this.#options.sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['ApproximateNumberOfMessagesDelayed'] }),
    );
    return Number(Attributes?.ApproximateNumberOfMessagesDelayed ?? 0) > 0;
  }
}

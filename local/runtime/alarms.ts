import type { Alarm } from '../template/alarming.ts';
import { type MetricStore, statisticOf } from './metrics.ts';

export type AlarmState = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';

export interface AlarmStatus {
  readonly name: string;
  readonly state: AlarmState;
  /** When it came into this state, ms since 1970. */
  readonly since: number;
  readonly description: string;
  /** What is compared: the newest period's value, and with what. */
  readonly value: number | undefined;
  readonly threshold: number;
}

/** The alarms of the template over the metrics of this machine. */
export class Alarms {
  readonly #alarms: readonly Alarm[];
  readonly #metrics: MetricStore;
  readonly #startedAt: number;
  readonly #statuses = new Map<string, AlarmStatus>();

  constructor(alarms: readonly Alarm[], metrics: MetricStore, now = Date.now()) {
    this.#alarms = alarms;
    this.#metrics = metrics;
    this.#startedAt = now;
    this.evaluate(now);
  }

  /** Returns those that have begun to ring, or ceased. */
  evaluate(now = Date.now()): readonly AlarmStatus[] {
    return this.#alarms.flatMap(alarm => {
      const before = this.#statuses.get(alarm.name);
      const points = this.#datapoints(alarm, now);
      const state = judge(alarm, points);
      const { name, description, threshold } = alarm;
      const since = state === before?.state ? before.since : now;
      const status = { name, state, since, description, value: points[0], threshold };
      this.#statuses.set(name, status);
      const rings = state === 'ALARM';
      return rings === (before?.state === 'ALARM') ? [] : [status];
    });
  }

  get statuses(): readonly AlarmStatus[] {
    return [...this.#statuses.values()];
  }

  /**
   * The periods that end now, newest first; undefined without data. CloudWatch's periods begin with the minute: here
   * they slide, so that nobody waits a minute. What was before the start says nothing, and so does silence in a period
   * that began before it.
   */
  #datapoints({ metric, statistic, periodSeconds, evaluationPeriods }: Alarm, now: number): (number | undefined)[] {
    const periodMs = periodSeconds * 1000;
    const known = Math.min(evaluationPeriods, Math.ceil((now - this.#startedAt) / periodMs));
    const name = { namespace: metric.Namespace, name: metric.MetricName, dimensions: metric.Dimensions };
    return Array.from({ length: known }, (_, index) => now - index * periodMs).flatMap(to => {
      const summary = this.#metrics.summary(name, to - periodMs, to);
      if (summary) return [statisticOf(summary, statistic)];
      return to - periodMs >= this.#startedAt ? [undefined] : [];
    });
  }
}

const COMPARE = {
  GreaterThanOrEqualToThreshold: (value: number, threshold: number) => value >= threshold,
  GreaterThanThreshold: (value: number, threshold: number) => value > threshold,
  LessThanThreshold: (value: number, threshold: number) => value < threshold,
  LessThanOrEqualToThreshold: (value: number, threshold: number) => value <= threshold,
} as const;

function judge(alarm: Alarm, points: readonly (number | undefined)[]): AlarmState {
  const { comparison, threshold, missing, datapointsToAlarm } = alarm;
  const isSilent = points.every(point => point === undefined);
  if (isSilent && missing === 'missing') return 'INSUFFICIENT_DATA';
  // Just started: silence may yet be broken.
  if (isSilent && points.length < datapointsToAlarm && missing === 'breaching') return 'INSUFFICIENT_DATA';
  const isAbove = (point: number | undefined) =>
    point === undefined ? missing === 'breaching' : COMPARE[comparison](point, threshold);
  return points.filter(isAbove).length >= datapointsToAlarm ? 'ALARM' : 'OK';
}

import { z } from 'zod';

export type Dimensions = Readonly<Record<string, string>>;

export interface MetricName {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Dimensions;
}

/** What was measured within some time. */
export interface Summary {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  /** A fair sample, in no order. */
  readonly samples: readonly number[];
}

/** What clients of the control server are told of a metric. */
export interface MetricReading extends MetricName, Omit<Summary, 'samples'> {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** Fine enough for a period that slides with the clock, coarse enough for hours. */
const BUCKET_MS = 10_000;
/** Longest period of an alarm times how often it has to be above. */
const KEPT_BUCKETS = 360;
/** Of one bucket, for percentiles; 500 put the p99 within some 2% of its place. */
const MAX_SAMPLES = 500;

class Bucket {
  readonly start: number;
  count = 0;
  sum = 0;
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;
  readonly samples: number[] = [];

  constructor(start: number) {
    this.start = start;
  }

  add(value: number): void {
    this.count += 1;
    this.sum += value;
    this.min = Math.min(this.min, value);
    this.max = Math.max(this.max, value);
    if (this.samples.length < MAX_SAMPLES) this.samples.push(value);
    else {
      // Each value so far has had the same chance to be kept (Vitter, algorithm R).
      const place = Math.floor(Math.random() * this.count);
      if (place < MAX_SAMPLES) this.samples[place] = value;
    }
  }
}

/** CloudWatch of this machine: the last hour of every metric, in memory. */
export class MetricStore {
  readonly #series = new Map<string, { readonly metric: MetricName; readonly buckets: Bucket[] }>();

  record(metric: MetricName, value: number, at = Date.now()): void {
    const key = keyOf(metric);
    const series = this.#series.get(key) ?? { metric, buckets: [] };
    this.#series.set(key, series);
    bucketFor(series.buckets, at).add(value);
  }

  /** The metrics in a line of embedded metric format; any other line has none. */
  recordLine(line: string): void {
    if (!line.includes('"_aws"')) return;
    for (const { metric, values, at } of readEmbedded(line)) for (const value of values) this.record(metric, value, at);
  }

  metrics(): readonly MetricName[] {
    return [...this.#series.values()].map(({ metric }) => metric);
  }

  /** Every metric that has values since `from`, in ms. */
  readings(from: number, to = Date.now()): readonly MetricReading[] {
    return this.metrics().flatMap(metric => {
      const summary = this.summary(metric, from, to);
      if (!summary) return [];
      const { samples: _, ...totals } = summary;
      const percentile = (rank: string) => statisticOf(summary, rank);
      return [{ ...metric, ...totals, p50: percentile('p50'), p95: percentile('p95'), p99: percentile('p99') }];
    });
  }

  /** Of all values from `from` (inclusive) to `to`, both in ms; undefined when there was none. */
  summary(metric: MetricName, from: number, to: number): Summary | undefined {
    const buckets = this.#series.get(keyOf(metric))?.buckets ?? [];
    const within = buckets.filter(({ start }) => start + BUCKET_MS > from && start < to);
    if (within.length === 0) return undefined;
    return {
      count: within.reduce((total, { count }) => total + count, 0),
      sum: within.reduce((total, { sum }) => total + sum, 0),
      min: Math.min(...within.map(({ min }) => min)),
      max: Math.max(...within.map(({ max }) => max)),
      samples: within.flatMap(({ samples }) => samples),
    };
  }
}

function bucketFor(buckets: Bucket[], at: number): Bucket {
  const start = Math.floor(at / BUCKET_MS) * BUCKET_MS;
  let index = buckets.length - 1;
  while (index >= 0 && buckets[index]!.start > start) index -= 1;
  const found = buckets[index];
  if (found?.start === start) return found;
  const bucket = new Bucket(start);
  buckets.splice(index + 1, 0, bucket);
  if (buckets.length > KEPT_BUCKETS) buckets.shift();
  return bucket;
}

const keyOf = ({ namespace, name, dimensions }: MetricName): string =>
  JSON.stringify([namespace, name, ...Object.entries(dimensions).sort()]);

/** `Sum`, `Average`, `Minimum`, `Maximum`, `SampleCount` or a percentile such as `p99` or `p99.9`. */
export function statisticOf({ count, sum, min, max, samples }: Summary, statistic: string): number {
  switch (statistic) {
    case 'Sum':
      return sum;
    case 'Average':
      return sum / count;
    case 'Minimum':
      return min;
    case 'Maximum':
      return max;
    case 'SampleCount':
      return count;
  }
  const percent = Number(/^p(\d+(?:\.\d+)?)$/.exec(statistic)?.[1]);
  const sorted = [...samples].sort((a, b) => a - b);
  const rank = Math.ceil((percent / 100) * sorted.length);
  return sorted[Math.min(sorted.length, Math.max(1, rank)) - 1] ?? Number.NaN;
}

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html */
const embedded = z.looseObject({
  _aws: z.object({
    Timestamp: z.number(),
    CloudWatchMetrics: z.array(
      z.object({
        Namespace: z.string(),
        Dimensions: z.array(z.array(z.string())),
        Metrics: z.array(z.object({ Name: z.string() })),
      }),
    ),
  }),
});
const values = z.union([z.number().transform(one => [one]), z.array(z.number())]);

function* readEmbedded(line: string): Iterable<{ metric: MetricName; values: readonly number[]; at: number }> {
  const parsed = embedded.safeParse(parseJson(line));
  if (!parsed.success) return;
  const { _aws, ...members } = parsed.data;
  for (const { Namespace, Dimensions, Metrics } of _aws.CloudWatchMetrics) {
    for (const names of Dimensions) {
      const dimensions = Object.fromEntries(names.map(name => [name, String(members[name])]));
      for (const { Name } of Metrics) {
        const read = values.safeParse(members[Name]);
        const metric = { namespace: Namespace, name: Name, dimensions };
        if (read.success) yield { metric, values: read.data, at: _aws.Timestamp };
      }
    }
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

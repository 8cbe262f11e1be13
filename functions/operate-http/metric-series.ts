import { type CloudWatchClient, GetMetricDataCommand, type MetricDataQuery } from '@aws-sdk/client-cloudwatch';

/** One figure of a metric, minute by minute or over more. */
export interface Series {
  readonly namespace: string;
  readonly metric: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly statistic: 'Sum' | 'Maximum' | `p${number}`;
  readonly periodSeconds: number;
}

export interface Readings {
  /** Undefined when nothing was reported lately: that of a sleeping queue, for one. */
  newest(series: Series): number | undefined;
  /** Oldest first. */
  points(series: Series): readonly { readonly at: number; readonly value: number }[];
}

/** CloudWatch takes so many in one request. */
const MAX_SERIES = 500;
/** What reaches further back is a curve on the page. */
const WINDOW_MS = 3600_000;
/** SQS reports a minute late, and our own metrics leave with a function's log. */
const LATELY_MS = 300_000;
const MINUTE_MS = 60_000;

/** All of them, in as many requests as CloudWatch wants. */
export async function readSeries(client: CloudWatchClient, wanted: readonly Series[]): Promise<Readings> {
  const now = Date.now();
  const found = new Map<string, readonly { at: number; value: number }[]>();
  for (let start = 0; start < wanted.length; start += MAX_SERIES) {
    const part = wanted.slice(start, start + MAX_SERIES);
    let NextToken: string | undefined;
    do {
      const answer = await client.send(
        new GetMetricDataCommand({
          MetricDataQueries: part.map(queryOf),
          // Whole minutes: the one that runs would look as if less happened.
          StartTime: new Date(Math.floor((now - WINDOW_MS) / MINUTE_MS) * MINUTE_MS),
          EndTime: new Date(Math.floor(now / MINUTE_MS) * MINUTE_MS),
          ScanBy: 'TimestampAscending',
          ...(NextToken !== undefined && { NextToken }),
        }),
      );
      for (const { Id = '', Timestamps = [], Values = [] } of answer.MetricDataResults ?? []) {
        const key = keyOf(part[Number(Id.slice(ID.length))]!);
        const points = Timestamps.map((time, index) => ({ at: time.getTime(), value: Values[index]! }));
        found.set(key, [...(found.get(key) ?? []), ...points]);
      }
      NextToken = answer.NextToken;
    } while (NextToken !== undefined);
  }
  const points = (series: Series) => found.get(keyOf(series)) ?? [];
  return {
    points,
    newest(series) {
      const last = points(series).at(-1);
      return last && last.at + series.periodSeconds * 1000 > now - LATELY_MS ? last.value : undefined;
    },
  };
}

const ID = 'm';

const queryOf = (
  { namespace, metric, dimensions, statistic, periodSeconds }: Series,
  index: number,
): MetricDataQuery => ({
  Id: `${ID}${index}`,
  MetricStat: {
    Metric: {
      Namespace: namespace,
      MetricName: metric,
      Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
    },
    Period: periodSeconds,
    Stat: statistic,
  },
});

const keyOf = ({ namespace, metric, dimensions, statistic, periodSeconds }: Series): string =>
  JSON.stringify([namespace, metric, dimensions, statistic, periodSeconds]);

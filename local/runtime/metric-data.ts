import { z } from 'zod';
import { type MetricStore, statisticOf } from './metrics.ts';

/** How CloudWatch's clients name the call in a header. */
export const GET_METRIC_DATA = 'GraniteServiceVersion20100801.GetMetricData';

const requestSchema = z.object({
  /** Seconds since 1970. */
  StartTime: z.number(),
  EndTime: z.number(),
  ScanBy: z.enum(['TimestampAscending', 'TimestampDescending']).default('TimestampDescending'),
  MetricDataQueries: z.array(
    z.object({
      Id: z.string(),
      MetricStat: z.object({
        Metric: z.object({
          Namespace: z.string(),
          MetricName: z.string(),
          Dimensions: z.array(z.object({ Name: z.string(), Value: z.string() })).default([]),
        }),
        Period: z.int().min(60),
        Stat: z.string(),
      }),
    }),
  ),
});

/** What CloudWatch answers to GetMetricData, of what was measured on this machine: metrics by period, no expressions. */
export function metricData(metrics: MetricStore, request: unknown): object {
  const { StartTime, EndTime, ScanBy, MetricDataQueries } = requestSchema.parse(request);
  const results = MetricDataQueries.map(({ Id, MetricStat: { Metric, Period, Stat } }) => {
    const dimensions = Object.fromEntries(Metric.Dimensions.map(({ Name, Value }) => [Name, Value]));
    const metric = { namespace: Metric.Namespace, name: Metric.MetricName, dimensions };
    const points: { readonly at: number; readonly value: number }[] = [];
    for (let at = Math.floor(StartTime / Period) * Period; at < EndTime; at += Period) {
      const summary = metrics.summary(metric, at * 1000, Math.min(at + Period, EndTime) * 1000);
      if (summary) points.push({ at, value: statisticOf(summary, Stat) });
    }
    if (ScanBy === 'TimestampDescending') points.reverse();
    return {
      ...{ Id, Label: Metric.MetricName, StatusCode: 'Complete' },
      Timestamps: points.map(({ at }) => at),
      Values: points.map(({ value }) => value),
    };
  });
  return { MetricDataResults: results, Messages: [] };
}

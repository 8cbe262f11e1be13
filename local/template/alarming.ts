import { z } from 'zod';
import { arnOf, identityOf, kindOf, number } from './kind.ts';

const dimensions = z
  .array(z.object({ Name: z.string(), Value: z.coerce.string() }))
  .default([])
  .transform(list => Object.fromEntries(list.map(({ Name, Value }) => [Name, Value])));

const comparison = z.enum([
  'GreaterThanOrEqualToThreshold',
  'GreaterThanThreshold',
  'LessThanThreshold',
  'LessThanOrEqualToThreshold',
]);

const metric = z.strictObject({ Namespace: z.string(), MetricName: z.string(), Dimensions: dimensions });

export type AlarmMetric = Readonly<z.infer<typeof metric>>;

/** The long form of a metric. Expressions over several are not evaluated here, so they are not read. */
const query = z.strictObject({
  Id: z.string(),
  MetricStat: z.strictObject({ Metric: metric, Period: number, Stat: z.string(), Unit: z.unknown().optional() }),
  ReturnData: z.literal(true).default(true),
  Label: z.unknown().optional(),
  AccountId: z.unknown().optional(),
});

export interface Alarm {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly metric: AlarmMetric;
  /** `Maximum`, `Sum`, `p99`… of each period. */
  readonly statistic: string;
  readonly periodSeconds: number;
  readonly evaluationPeriods: number;
  readonly datapointsToAlarm: number;
  readonly threshold: number;
  readonly comparison: z.infer<typeof comparison>;
  readonly missing: 'breaching' | 'notBreaching' | 'missing';
}

const DEFAULT_PERIOD_SECONDS = 60;

/** Whom an alarm tells is nobody's business on this machine: status shows it. */
const actions = ['ActionsEnabled', 'AlarmActions', 'OKActions', 'InsufficientDataActions', 'Tags', 'AlarmName'];

export const alarmKind = kindOf({
  types: ['AWS::CloudWatch::Alarm'],
  identify(naming) {
    const name = naming.named('AlarmName');
    return identityOf(naming, name, { Arn: arnOf('cloudwatch', `alarm:${name}`) });
  },
  acts: {
    AlarmDescription: z.string().default(''),
    Namespace: z.string().optional(),
    MetricName: z.string().optional(),
    Dimensions: dimensions,
    Statistic: z.string().optional(),
    ExtendedStatistic: z.string().optional(),
    Period: number.optional(),
    Metrics: z.array(query).length(1, 'expressions over several metrics').optional(),
    EvaluationPeriods: number,
    DatapointsToAlarm: number.optional(),
    Threshold: number,
    ComparisonOperator: comparison,
    TreatMissingData: z.enum(['breaching', 'notBreaching', 'missing']).default('missing'),
  },
  ignores: [...actions, 'Unit'],
  build(properties, { id, identity }): Alarm {
    const { Namespace = '', MetricName = '', Dimensions, Statistic, ExtendedStatistic, Period, Metrics } = properties;
    const { Metric, Stat, ...long } = Metrics?.[0]?.MetricStat ?? {
      Metric: { Namespace, MetricName, Dimensions },
      Stat: Statistic ?? ExtendedStatistic ?? 'Average',
      Period: Period ?? DEFAULT_PERIOD_SECONDS,
    };
    return {
      id,
      name: String(identity.ref),
      description: properties.AlarmDescription,
      metric: Metric,
      statistic: Stat,
      periodSeconds: long.Period,
      evaluationPeriods: properties.EvaluationPeriods,
      datapointsToAlarm: properties.DatapointsToAlarm ?? properties.EvaluationPeriods,
      threshold: properties.Threshold,
      comparison: properties.ComparisonOperator,
      missing: properties.TreatMissingData,
    };
  },
});

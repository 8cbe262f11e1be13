import { z } from 'zod';
import { arnOf, flag, identityOf, kindOf, number } from './kind.ts';

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

/** One series: a metric's statistic per period, or an expression over other series. */
const query = z.strictObject({
  Id: z.string(),
  Expression: z.string().optional(),
  MetricStat: z
    .strictObject({ Metric: metric, Period: number, Stat: z.string(), Unit: z.unknown().optional() })
    .optional(),
  ReturnData: flag.default(true),
  Period: number.optional(),
  Label: z.unknown().optional(),
  AccountId: z.unknown().optional(),
});
export type MetricQuery = z.infer<typeof query>;

export interface Alarm {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  /** The one with `ReturnData` is compared. */
  readonly queries: readonly MetricQuery[];
  readonly periodSeconds: number;
  readonly evaluationPeriods: number;
  readonly datapointsToAlarm: number;
  readonly threshold: number;
  readonly comparison: z.infer<typeof comparison>;
  readonly missing: 'breaching' | 'notBreaching' | 'ignore' | 'missing';
}

/** An alarm over alarms. */
export interface CompositeAlarm {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  /** `ALARM("a") OR NOT OK("b")` */
  readonly rule: string;
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
    Metrics: z.array(query).optional(),
    EvaluationPeriods: number,
    DatapointsToAlarm: number.optional(),
    Threshold: number,
    ComparisonOperator: comparison,
    TreatMissingData: z.enum(['breaching', 'notBreaching', 'ignore', 'missing']).default('missing'),
  },
  ignores: [...actions, 'Unit'],
  build(properties, { id, identity }): Alarm {
    const { Namespace, MetricName, Dimensions, Statistic, ExtendedStatistic, Period } = properties;
    const single = (): MetricQuery[] => [
      {
        Id: 'm1',
        ReturnData: true,
        MetricStat: {
          Metric: { Namespace: Namespace ?? '', MetricName: MetricName ?? '', Dimensions },
          Period: Period ?? DEFAULT_PERIOD_SECONDS,
          Stat: Statistic ?? ExtendedStatistic ?? 'Average',
        },
      },
    ];
    const queries = properties.Metrics ?? single();
    return {
      id,
      name: String(identity.ref),
      description: properties.AlarmDescription,
      queries,
      periodSeconds: Math.max(...queries.map(q => q.Period ?? q.MetricStat?.Period ?? 1)),
      evaluationPeriods: properties.EvaluationPeriods,
      datapointsToAlarm: properties.DatapointsToAlarm ?? properties.EvaluationPeriods,
      threshold: properties.Threshold,
      comparison: properties.ComparisonOperator,
      missing: properties.TreatMissingData,
    };
  },
});

export const compositeAlarmKind = kindOf({
  types: ['AWS::CloudWatch::CompositeAlarm'],
  identify(naming) {
    const name = naming.named('AlarmName');
    return identityOf(naming, name, { Arn: arnOf('cloudwatch', `alarm:${name}`) });
  },
  acts: { AlarmDescription: z.string().default(''), AlarmRule: z.string() },
  ignores: [...actions, 'ActionsSuppressor', 'ActionsSuppressorWaitPeriod', 'ActionsSuppressorExtensionPeriod'],
  build: ({ AlarmDescription, AlarmRule }, { id, identity }): CompositeAlarm => ({
    id,
    name: String(identity.ref),
    description: AlarmDescription,
    rule: AlarmRule,
  }),
});

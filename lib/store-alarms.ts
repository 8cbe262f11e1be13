import { type Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { ProjectedContract } from '../core/store-contract.ts';
import { pipelineMetric } from './metrics.ts';
import type { Names } from './names.ts';
import { PipelineAlarm, type PipelineAlarmProps } from './pipeline-alarm.ts';

export interface StoreAlarmsProps {
  readonly contract: ProjectedContract;
  readonly names: Names;
  readonly topic: ITopic;
  readonly freshness: Metric;
  readonly errors: Metric;
  /** How many messages the failed queue holds. */
  readonly failed: Metric;
}

/** Every alarm that follows from a store's contract. */
export function addStoreAlarms(scope: Construct, props: StoreAlarmsProps): void {
  const { contract, names, topic, freshness, errors, failed } = props;
  const { store_name: store, freshness_contract, observability, security } = contract;
  const promised = freshness_contract.maximum_before_alert;
  const alarm = (
    id: string,
    what: string,
    rest: Pick<PipelineAlarmProps, 'metric' | 'problem'> & Partial<PipelineAlarmProps>,
  ) => new PipelineAlarm(scope, id, { of: store, what, contract, names, topic, rings: { above: 0 }, ...rest });
  alarm('StaleAlarm', 'stale', {
    metric: freshness,
    rings: { above: promised },
    ringsOnSilence: true,
    problem: `${store} is more than ${promised} s behind the canonical store, or says nothing`,
  });
  alarm('FailedAlarm', 'failed', {
    metric: failed,
    problem: `Changes failed for good and are missing in ${store}`,
  });
  alarm('ErrorsAlarm', 'errors', {
    metric: errors,
    periods: { bad: 3, of: 5 },
    problem: `Writes to ${store} keep failing`,
  });
  if (observability.metrics.includes('drift_sample_mismatch_count')) {
    alarm('DriftAlarm', 'drift', {
      metric: pipelineMetric(store, 'drift_sample_mismatch_count', { statistic: Stats.MAXIMUM }),
      problem: `${store} holds what a rebuild would not give, and it is no lag`,
    });
  }
  if (security.authorization_filter_required) {
    alarm('AuthorizationAlarm', 'authorization', {
      metric: pipelineMetric(store, 'authorization_mismatch_count', { statistic: Stats.SUM }),
      problem: `${store} answered with what the canonical store refuses the reader; it was dropped before anyone saw it`,
    });
  }
}

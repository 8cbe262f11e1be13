import { Duration } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { StoreContract } from '../core/store-contract.ts';
import { pipelineMetric } from './metrics.ts';
import type { Names } from './names.ts';
import { PipelineAlarm, type PipelineAlarmProps } from './pipeline-alarm.ts';

export interface ValkeyAlarmsProps {
  readonly cacheName: string;
  readonly contract: StoreContract;
  readonly mostGigabytes: number;
  readonly names: Names;
  readonly alarmTopic: ITopic;
}

/** Of the most that it may hold: beyond, it begins to drop what is still good. */
const FULL_SHARE = 0.8;

/** What goes wrong with a cache: it is gone, it is full, it is asked more than it may answer. */
export function addValkeyAlarms(scope: Construct, props: ValkeyAlarmsProps): void {
  const { cacheName, contract, mostGigabytes, names, alarmTopic: topic } = props;
  const store = contract.store_name;
  const ofService = (metricName: string, statistic: string) =>
    new Metric({
      namespace: 'AWS/ElastiCache',
      metricName,
      statistic,
      dimensionsMap: { clusterId: cacheName },
      period: Duration.minutes(1),
    });
  const alarm = (what: string, own: Pick<PipelineAlarmProps, 'metric' | 'rings' | 'problem' | 'periods'>) =>
    new PipelineAlarm(scope, `${what}-alarm`, { of: store, what, contract, names, topic, ...own });
  alarm('unreachable', {
    metric: pipelineMetric(store, 'cache_unavailable_count', { statistic: 'Sum' }),
    rings: { above: 0 },
    periods: { bad: 3, of: 5 },
    problem: 'Queries get no answer from the cache and ask the canonical store each time',
  });
  alarm('evictions', {
    metric: ofService('Evictions', 'Sum'),
    rings: { above: 0 },
    periods: { bad: 3, of: 5 },
    problem: 'The cache drops entries that are still good, for want of room',
  });
  alarm('full', {
    metric: ofService('BytesUsedForCache', 'Maximum'),
    rings: { above: mostGigabytes * 2 ** 30 * FULL_SHARE },
    problem: `The cache holds more than ${FULL_SHARE * 100} % of what it may`,
  });
  alarm('throttled', {
    metric: ofService('ThrottledCmds', 'Sum'),
    rings: { above: 0 },
    periods: { bad: 3, of: 5 },
    problem: 'The cache refuses requests: it is asked more than its limit of units a second',
  });
}

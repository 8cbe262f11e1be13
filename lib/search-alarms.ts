import { Aws, Duration } from 'aws-cdk-lib';
import { Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { ProjectedContract } from '../core/store-contract.ts';
import type { Names } from './names.ts';
import { PipelineAlarm, type PipelineAlarmProps } from './pipeline-alarm.ts';
import type { Preset } from './presets.ts';
import type { SearchWatch } from './search-watch.ts';

export interface SearchAlarmsProps {
  readonly domainName: string;
  /** The store whose runbook is named; a domain has many, and each has a section of the domain's alarms. */
  readonly contract: ProjectedContract;
  readonly watch: SearchWatch;
  readonly names: Names;
  readonly preset: Preset;
  readonly topic: ITopic;
}

/** Of a node's volume: below it a domain soon refuses writes, and a rebuild finds no room for its second index. */
const FREE_SHARE = 0.25;
const MEBIBYTES_PER_GIBIBYTE = 1024;

/** What goes wrong with a domain before its stores go stale. */
export function addSearchAlarms(scope: Construct, props: SearchAlarmsProps): void {
  const { domainName, contract, watch, names, preset, topic } = props;
  const ofService = (metricName: string, statistic: string) =>
    new Metric({
      namespace: 'AWS/ES',
      metricName,
      statistic,
      dimensionsMap: { DomainName: domainName, ClientId: Aws.ACCOUNT_ID },
      period: Duration.minutes(1),
    });
  const alarm = (what: string, own: Pick<PipelineAlarmProps, 'metric' | 'rings' | 'problem' | 'periods'>) =>
    new PipelineAlarm(scope, `${what}-alarm`, { of: 'search', what, contract, names, topic, ...own });
  const low = Math.round(preset.searchVolumeGibibytes * MEBIBYTES_PER_GIBIBYTE * FREE_SHARE);
  alarm('storage', {
    metric: ofService('FreeStorageSpace', Stats.MINIMUM),
    rings: { below: low },
    problem: `A node of the search domain has less than ${low} MiB left: give it a larger volume`,
  });
  alarm('blocked', {
    metric: ofService('ClusterIndexWritesBlocked', Stats.MAXIMUM),
    rings: { above: 0 },
    problem: 'The search domain refuses writes, for want of storage or memory',
  });
  alarm('health', {
    metric: watch.metricHealth(),
    rings: { above: 1 },
    periods: { bad: 2, of: 2 },
    problem: 'The search domain is red or gone: some of its documents cannot be found',
  });
}

import { Duration } from 'aws-cdk-lib';
import { type Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { EnvironmentOf, guardianVariables } from '../core/environment.ts';
import type { StoreContract } from '../core/store-contract.ts';
import { BundledFunction } from './bundled-function.ts';
import type { Bundle } from './bundles.ts';
import type { CanonicalAccess } from './canonical-access.ts';
import { tagWithRole } from './data-role.ts';
import { pipelineMetric } from './metrics.ts';
import type { Names } from './names.ts';
import { PipelineAlarm, type PipelineAlarmProps } from './pipeline-alarm.ts';
import type { Preset } from './presets.ts';
import { SLOT } from './relay.ts';

export interface GuardianProps {
  /** The outbox, whose slot it guards. */
  readonly contract: StoreContract;
  readonly source: CanonicalAccess;
  readonly bundle: Bundle;
  readonly names: Names;
  readonly preset: Preset;
  readonly alarmTopic: ITopic;
}

/** What its metrics are filed under. */
export const GUARDIAN_SERVICE = 'guardian';
/** May look at slots and heartbeats; made by the migrations. */
const DATABASE_USER = 'distributary_guardian';
/** It asks two questions; a database that fails over answers none for longer. */
const TIMEOUT_SECONDS = 30;
/** WAL kept for a slot that is not acknowledged: an hour's worth of busy writing, far below a full disk. */
const RETAINED_BYTES_ALARM = 5 * 2 ** 30;
/** A relay that is replaced is silent for seconds; the schedule brings another within a minute. */
const SILENT_SECONDS_ALARM = 120;

/** Watches every replication slot and the relay's heartbeat from outside of the pipeline, once a minute. */
export class Guardian extends Construct {
  readonly function: BundledFunction;

  constructor(scope: Construct, id: string, props: GuardianProps) {
    super(scope, id);
    const { source, bundle, names, preset } = props;
    const environment: EnvironmentOf<typeof guardianVariables> = {
      ...source.variables(DATABASE_USER),
      SLOT_NAME: SLOT,
    };
    this.function = new BundledFunction(this, 'Guardian', {
      bundle,
      functionName: names.function('guardian'),
      description: 'Watches the replication slots of the canonical store',
      environment,
      timeoutSeconds: TIMEOUT_SECONDS,
      logDays: preset.logDays,
      placement: source.placement,
    });
    source.allowLogin(this.function, DATABASE_USER);
    this.function.lambda.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: Duration.minutes(1) });
    new Rule(this, 'EveryMinute', {
      schedule: Schedule.rate(Duration.minutes(1)),
      targets: [new LambdaFunction(this.function.lambda, { retryAttempts: 0, maxEventAge: Duration.minutes(1) })],
    });
    this.#alarms(props);
    tagWithRole(this, props.contract);
  }

  /** WAL kept for the hungriest slot. */
  metricRetainedBytes(): Metric {
    return pipelineMetric(GUARDIAN_SERVICE, 'slot_retained_bytes', { statistic: Stats.MAXIMUM });
  }

  metricLost(): Metric {
    return pipelineMetric(GUARDIAN_SERVICE, 'slot_lost', { statistic: Stats.MAXIMUM });
  }

  #alarms({ contract, names, alarmTopic }: GuardianProps): void {
    const alarm = (what: string, props: Omit<PipelineAlarmProps, 'of' | 'what' | 'contract' | 'names' | 'topic'>) =>
      new PipelineAlarm(this, `${what}-alarm`, {
        ...{ of: 'guardian', what, contract, names, topic: alarmTopic },
        ...props,
      });
    alarm('slot-lost', {
      metric: this.metricLost(),
      rings: { above: 0 },
      problem: 'A replication slot is lost: changes are missing until every store has been rebuilt',
    });
    alarm('slot-at-risk', {
      metric: pipelineMetric(GUARDIAN_SERVICE, 'slot_at_risk', { statistic: Stats.MAXIMUM }),
      rings: { above: 0 },
      problem: 'A replication slot will be lost at the next checkpoint: its reader is too far behind',
    });
    alarm('slot-retained', {
      metric: this.metricRetainedBytes(),
      rings: { above: RETAINED_BYTES_ALARM },
      periods: { bad: 3, of: 5 },
      problem: 'The canonical store keeps WAL for a slot that nobody acknowledges',
    });
    alarm('heartbeat', {
      metric: pipelineMetric(GUARDIAN_SERVICE, 'heartbeat_age_seconds', { statistic: Stats.MAXIMUM }),
      rings: { above: SILENT_SECONDS_ALARM },
      ringsOnSilence: true,
      periods: { bad: 2, of: 2 },
      problem: 'No relay has beaten for two minutes, or the guardian itself is silent',
    });
    alarm('source-unsafe', {
      metric: pipelineMetric(GUARDIAN_SERVICE, 'source_unsafe', { statistic: Stats.MAXIMUM }),
      rings: { above: 0 },
      problem: 'This version of Aurora loses changes with its cache of the logical WAL on: upgrade, or turn it off',
    });
  }
}

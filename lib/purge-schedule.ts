import { Duration } from 'aws-cdk-lib';
import { Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { PURGE_ALARM_MINUTES, PURGE_LOOK_MINUTES } from '../core/erasure.ts';
import type { StoreContract } from '../core/store-contract.ts';
import { pipelineMetric } from './metrics.ts';
import type { Names } from './names.ts';
import { PipelineAlarm } from './pipeline-alarm.ts';

export interface PurgeScheduleProps {
  /** The operations function of the pipeline. */
  readonly operate: IFunction;
  /** The outbox, whose runbook the alarm is in. */
  readonly contract: StoreContract;
  readonly names: Names;
  readonly alarmTopic: ITopic;
}

/** What its metric is filed under: the name of its runs. */
const ERASURE_SERVICE = 'erasure';

/** Has what was purged by command erased from what keeps former states, and wakes somebody when it stays. */
export class PurgeSchedule extends Construct {
  constructor(scope: Construct, id: string, { operate, contract, names, alarmTopic }: PurgeScheduleProps) {
    super(scope, id);
    const every = Duration.minutes(PURGE_LOOK_MINUTES);
    const event = RuleTargetInput.fromObject({
      ...{ api: 1, operation: 'erase.due', actor: 'schedule', reason: 'purged by command' },
    });
    new Rule(this, 'EveryFiveMinutes', {
      description: 'Erases from every store what was purged by command',
      schedule: Schedule.rate(every),
      targets: [new LambdaFunction(operate, { event, retryAttempts: 0, maxEventAge: Duration.minutes(1) })],
    });
    new PipelineAlarm(this, 'DueAlarm', {
      ...{ of: ERASURE_SERVICE, what: 'purge-due', contract, names, topic: alarmTopic },
      // Two looks: a single one may be missed.
      metric: pipelineMetric(ERASURE_SERVICE, 'purge_due_seconds', {
        statistic: Stats.MAXIMUM,
        period: Duration.minutes(2 * PURGE_LOOK_MINUTES),
      }),
      rings: { above: PURGE_ALARM_MINUTES * 60 },
      ringsOnSilence: true,
      problem: `What was purged has left traces for more than ${PURGE_ALARM_MINUTES} minutes, or nobody looks for them`,
    });
  }
}

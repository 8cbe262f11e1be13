import { Alarm, ComparisonOperator, type Metric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';

export interface PipelineAlarmProps {
  readonly alarmName: string;
  readonly metric: Metric;
  /** Rings when the metric is above, or below, this. */
  readonly rings: { readonly above: number } | { readonly below: number };
  /** What is wrong for whom, in a sentence. */
  readonly problem: string;
  /** The command to type next. */
  readonly command: string;
  /** The store whose runbook goes on from there. */
  readonly runbook: string;
  readonly topic: ITopic;
  /** Rings when nothing is reported too. @default false: no data means that nothing happened */
  readonly ringsOnSilence?: boolean;
  /** How many of the last periods have to be bad. @default one of one */
  readonly periods?: { readonly bad: number; readonly of: number };
}

/** Where `distributary contract runbook` leaves a page for each store. */
export const RUNBOOKS = 'docs/generated/runbooks';

/** An alarm that tells who is woken by it what to do first. */
export class PipelineAlarm extends Alarm {
  constructor(scope: Construct, id: string, props: PipelineAlarmProps) {
    const { rings, periods = { bad: 1, of: 1 } } = props;
    super(scope, id, {
      alarmName: props.alarmName,
      alarmDescription: `${props.problem}. Next: ${props.command}. Runbook: ${RUNBOOKS}/${props.runbook}.md`,
      metric: props.metric,
      ...('above' in rings
        ? { threshold: rings.above, comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD }
        : { threshold: rings.below, comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD }),
      evaluationPeriods: periods.of,
      datapointsToAlarm: periods.bad,
      treatMissingData: props.ringsOnSilence ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
    });
    const action = new SnsAction(props.topic);
    this.addAlarmAction(action);
    this.addOkAction(action);
  }
}

import { Alarm, ComparisonOperator, type Metric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { alarmsOf } from '../core/governance/runbook.ts';
import type { StoreContract } from '../core/store-contract.ts';
import type { Names } from './names.ts';

export interface PipelineAlarmProps {
  /** What it watches, and what of that: `guardian` and `slot-lost`. Its runbook has a section of both. */
  readonly of: string;
  readonly what: string;
  /** The store whose runbook it is. */
  readonly contract: StoreContract;
  readonly names: Names;
  readonly metric: Metric;
  /** Rings when the metric is above, or below, this. */
  readonly rings: { readonly above: number } | { readonly below: number };
  /** What is wrong for whom, in a sentence. */
  readonly problem: string;
  readonly topic: ITopic;
  /** Rings when nothing is reported too. @default false: no data means that nothing happened */
  readonly ringsOnSilence?: boolean;
  /** How many of the last periods have to be bad. @default one of one */
  readonly periods?: { readonly bad: number; readonly of: number };
}

/** Where `distributary contract runbook` leaves a page for each store. */
export const RUNBOOKS = 'docs/generated/runbooks';

/** An alarm that tells who is woken by it what to do first: what its runbook begins with. */
export class PipelineAlarm extends Alarm {
  constructor(scope: Construct, id: string, props: PipelineAlarmProps) {
    const { of, what, contract, names, problem, rings, periods = { bad: 1, of: 1 } } = props;
    const next = firstStep(contract, `${of}-${what}`, names);
    super(scope, id, {
      alarmName: names.alarm(of, what),
      alarmDescription: `${problem}. Next: ${next}. Runbook: ${RUNBOOKS}/${contract.store_name}.md`,
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

/** As it is typed where nothing is known but the alarm. */
function firstStep(contract: StoreContract, alarm: string, names: Names): string {
  const guide = alarmsOf(contract).find(known => known.alarm === alarm);
  if (!guide) throw new Error(`alarm ${alarm} has no section in the runbook of ${contract.store_name}`);
  const typed = guide.steps[0].type.replaceAll('PREFIX', names.prefix);
  return typed.startsWith('distributary ') ? `${typed} --function ${names.operations}` : typed;
}

import { z } from 'zod';
import { functionNameOf } from './compute.ts';
import { arnOf, identityOf, kindOf } from './kind.ts';

export interface Schedule {
  readonly id: string;
  readonly name: string;
  /** `rate(…)` or `cron(…)`, in UTC. */
  readonly expression: string;
  readonly enabled: boolean;
  readonly functionName: string;
  /** The event; absent for EventBridge's own. */
  readonly input: unknown;
}

const functionArn = z.string().regex(/:lambda:/, 'only functions are scheduled');
const parseInput = (text: string | undefined): unknown => (text === undefined ? undefined : JSON.parse(text));

export const ruleKind = kindOf({
  types: ['AWS::Events::Rule'],
  identify(naming) {
    const name = naming.named('Name');
    return identityOf(naming, name, { Arn: arnOf('events', `rule/${name}`) });
  },
  acts: {
    ScheduleExpression: z.string(),
    State: z.enum(['ENABLED', 'DISABLED']).default('ENABLED'),
    Targets: z.array(
      z.strictObject({
        Id: z.string(),
        Arn: functionArn,
        Input: z.string().optional(),
        // A schedule is due again before a retry would come.
        RetryPolicy: z.unknown().optional(),
      }),
    ),
  },
  ignores: ['Name', 'Description', 'Tags', 'RoleArn'],
  build: ({ ScheduleExpression, State, Targets }, { id, identity }): Schedule[] =>
    Targets.map(({ Id, Arn, Input }) => ({
      id: `${id}/${Id}`,
      name: String(identity.ref),
      expression: ScheduleExpression,
      enabled: State === 'ENABLED',
      functionName: functionNameOf(Arn),
      input: parseInput(Input),
    })),
});

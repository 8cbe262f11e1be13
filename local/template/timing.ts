import { z } from 'zod';
import { functionNameOf } from './compute.ts';
import { arnOf, identityOf, kindOf, number } from './kind.ts';

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

export const scheduleKind = kindOf({
  types: ['AWS::Scheduler::Schedule'],
  identify(naming) {
    const name = naming.named('Name');
    return identityOf(naming, name, { Arn: arnOf('scheduler', `schedule/default/${name}`) });
  },
  acts: {
    ScheduleExpression: z.string(),
    ScheduleExpressionTimezone: z.enum(['UTC', 'Etc/UTC']).optional(),
    State: z.enum(['ENABLED', 'DISABLED']).default('ENABLED'),
    FlexibleTimeWindow: z.object({ Mode: z.literal('OFF'), MaximumWindowInMinutes: number.optional() }),
    Target: z.strictObject({
      Arn: functionArn,
      Input: z.string().optional(),
      RoleArn: z.unknown().optional(),
      RetryPolicy: z.unknown().optional(),
    }),
  },
  ignores: ['Name', 'Description', 'GroupName', 'KmsKeyArn'],
  build: ({ ScheduleExpression, State, Target }, { id, identity }): Schedule[] => [
    {
      id,
      name: String(identity.ref),
      expression: ScheduleExpression,
      enabled: State === 'ENABLED',
      functionName: functionNameOf(Target.Arn),
      input: parseInput(Target.Input),
    },
  ],
});

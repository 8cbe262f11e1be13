import { count, counted, seconds } from '../terminal/wording.ts';
import type { AuthorizationDrill } from './authorization.ts';

export function authorizationLines(drill: AuthorizationDrill): readonly string[] {
  const { actors, cases, compared, mismatches, restriction, passed } = drill;
  const asked = Object.values(compared).reduce((sum, some) => sum + some, 0);
  const { backlog, stillWaiting, commandMs, inForceMs, shown } = restriction;
  return [
    `${counted(actors, 'actor')}, ${counted(cases, 'case')}, ${counted(Object.keys(compared).length, 'operation')}: ${counted(asked, 'answer')} compared with the policy`,
    ...mismatches.map(
      ({ actor, operation, about, policy, api }) =>
        `  MISMATCH ${actor}: ${operation}, ${about}: the policy says ${policy}, the API ${api}`,
    ),
    `a restriction behind ${counted(backlog, 'ordinary change')}: answered after ${seconds(commandMs / 1000)}, and from its commit on`,
    ...Object.entries(inForceMs).map(([store, ms]) => `  in ${store} after ${seconds(ms / 1000)}`),
    `  ${count(stillWaiting)} messages of the backlog were still waiting then`,
    ...shown.map(read => `  SHOWN after it: ${read}`),
    passed ? 'passed' : 'failed',
  ];
}

import { isDerived, isProjected, type StoreContract } from '../store-contract.ts';
import { answered } from './answers.ts';
import type { ContractRule } from './checklist.ts';
import { fail, missing, pass, type Verdict } from './finding.ts';

const FIGURE = /\d/;

/** Requirements 000 §4: what has to be answered in writing before there is a new engine. */
export const JUSTIFICATION: readonly ContractRule[] = [
  {
    rule: 'capability-gap',
    asks: '4.1 What exact workload cannot be handled well by the existing storage system?',
    check: ({ store }) => capabilityGap(store),
  },
  {
    rule: 'data-role',
    asks: '4.2 Is the new store canonical or derived?',
    check: ({ store }) =>
      pass(
        ['role'],
        store.canonical_source === undefined ? store.role : `${store.role}, made from ${store.canonical_source}`,
      ),
  },
  {
    rule: 'invariant-boundary',
    asks: '4.3 Which invariants must be enforced inside this store, and where are the others?',
    check: ({ store }) =>
      answered(store, 'written down', [
        {
          key: 'governance.invariants',
          hint: 'say which invariants hold here, and where those are enforced that do not',
        },
      ]),
  },
  {
    rule: 'staleness',
    asks: '4.4 What staleness is acceptable?',
    check: ({ store }) => staleness(store),
  },
  {
    rule: 'rebuild-questions',
    asks: '4.5 Can the store be rebuilt from canonical data? If not, why not, and what happens after corruption?',
    check: ({ store }) => rebuildQuestions(store),
  },
  {
    rule: 'three-in-the-morning',
    asks: '4.6 Who can operate this engine at 3 AM?',
    check: ({ store }) =>
      answered(store, String(store.governance?.ownership?.operations), [
        { key: 'governance.ownership.operations', hint: 'name the team that is woken, and can diagnose and mend it' },
      ]),
  },
  {
    rule: 'approvals',
    asks: '4.7 Who approves schema changes, index changes, retention changes, and access policy changes?',
    check: ({ store }) =>
      answered(
        store,
        'all four are named',
        (['schema', 'indexes', 'retention', 'access'] as const).map(what => ({
          key: `governance.approvals.${what}`,
          hint: `name the team that approves a change of ${what}`,
        })),
      ),
  },
  {
    rule: 'lifecycle-cost',
    asks: '4.8 What does it cost per write, read and GB, and to keep?',
    check: ({ store }) =>
      answered(store, 'kept in sentences; distributary cost calculates the rest', [
        ...(isProjected(store) ? [{ key: 'workload', hint: 'say how much is expected, for distributary cost' }] : []),
        { key: 'governance.cost.engineering', hint: 'say what it costs to keep: a store is cheap at query time only' },
      ]),
  },
];

/** "We need more scale" is no answer: it has no figure in it. */
function capabilityGap({ governance }: StoreContract): Verdict {
  const path = ['governance', 'decision', 'capability_gap'];
  const gap = governance?.decision?.capability_gap;
  if (gap === undefined)
    return missing(path, 'no gap is written down', 'say which workload the other stores cannot serve');
  if (FIGURE.test(gap)) return pass(path, 'written down, with figures');
  return fail(path, 'a gap without a figure', 'say how many, how often, how fast: "we need more scale" is no answer');
}

function staleness(store: StoreContract): Verdict {
  const path = ['governance', 'consistency', 'contract'];
  const said = store.governance?.consistency?.contract;
  if (said === undefined)
    return missing(path, 'no consistency is named', 'strong, read-your-writes, seconds, minutes, …');
  if (said === 'strong' && isDerived(store)) {
    return fail(path, 'a derived store is never strongly consistent', 'say by how much it may be behind');
  }
  const alarm = store.freshness_contract?.maximum_before_alert;
  if (said === 'seconds' && alarm !== undefined && alarm > SECONDS_AT_MOST) {
    return fail(path, `"seconds", and the alarm rings after ${alarm} s`, 'say minutes, or promise less');
  }
  return pass(path, said);
}

/** From here on a person says minutes. */
const SECONDS_AT_MOST = 120;

function rebuildQuestions(store: StoreContract): Verdict {
  const { rebuild } = store;
  if (rebuild.supported)
    return pass(['rebuild'], `in ${rebuild.estimated_duration} s, while it serves: ${rebuild.cutover_strategy}`);
  return answered(store, 'not rebuilt, and recovered from backups', [
    { key: 'governance.recovery.backup', hint: 'it cannot be rebuilt: say what guarantees its backups give' },
    { key: 'governance.recovery.after_corruption', hint: 'it cannot be rebuilt: say what happens after corruption' },
  ]);
}

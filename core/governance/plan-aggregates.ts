import type { AggregateContract } from '../aggregate-contract.ts';
import type { Catalogue } from '../catalogue.ts';
import { stateValue } from '../state-path.ts';
import type { ProjectedContract } from '../store-contract.ts';
import { differences, type PlanStep, same } from './plan-step.ts';

/** Which stores take which top-level properties of a state. `everything`: a projector makes fields of the whole state. */
export interface Reader {
  readonly store: string;
  readonly reads: ReadonlySet<string> | 'everything';
}

export const readsOf = ({ projected }: Catalogue, aggregate: AggregateContract): readonly Reader[] =>
  projected
    .filter(({ aggregates }) => aggregates.includes(aggregate.aggregate))
    .map(store => ({ store: store.store_name, reads: propertiesRead(store, aggregate) }));

function propertiesRead({ fields }: ProjectedContract, aggregate: AggregateContract): Reader['reads'] {
  const paths = Object.entries(fields).map(([name, { from = name }]) => from);
  if (paths.some(path => stateValue(aggregate, path) === undefined)) return 'everything';
  return new Set(paths.map(path => path.split('.')[0]!));
}

/** Keys that only say what is so. */
const WRITTEN: readonly string[] = ['owner', 'description', 'authority'];

export function aggregateSteps(
  before: AggregateContract,
  after: AggregateContract,
  readers: readonly Reader[],
): readonly PlanStep[] {
  const subject = after.aggregate;
  const plain = (['owner', 'description', 'authority', 'root', 'children', 'embeds', 'changes'] as const)
    .filter(key => !same(before[key], after[key]))
    .map((key): PlanStep => {
      const step = { subject, key, from: before[key], to: after[key] };
      if (WRITTEN.includes(key)) return { ...step, action: 'nothing', reason: 'people read it, no function does' };
      return {
        ...step,
        action: 'deploy',
        reason: 'the triggers follow: npm run generate, and the migration applies them',
      };
    });
  return [...plain, ...versionSteps(before, after, readers)];
}

function versionSteps(
  before: AggregateContract,
  after: AggregateContract,
  readers: readonly Reader[],
): readonly PlanStep[] {
  const subject = after.aggregate;
  const raised = after.current.number > before.current.number;
  const at = `versions.${after.current.number}.properties`;
  const changed = differences(before.current.properties, after.current.properties, at);
  const steps = changed.flatMap(({ key, from, to }) => {
    const property = key.slice(at.length + 1).split('.')[0]!;
    if (/\.(description|pii)$/.test(key)) {
      const what = key.endsWith('pii') ? 'readers mask by it' : 'people read it, no function does';
      return [
        {
          subject,
          key,
          from,
          to,
          action: key.endsWith('pii') ? ('deploy' as const) : ('nothing' as const),
          reason: what,
        },
      ];
    }
    return propertyStep(subject, { key, from, to }, property, readers, raised);
  });
  if (!raised) return steps;
  const reason = 'deploy the projectors, which read both versions, before the migration that writes the new one';
  const step: PlanStep = {
    subject,
    key: 'versions',
    from: before.current.number,
    to: after.current.number,
    action: 'deploy',
    reason,
  };
  return [step, ...steps];
}

function propertyStep(
  subject: string,
  difference: { readonly key: string; readonly from: unknown; readonly to: unknown },
  property: string,
  readers: readonly Reader[],
  raised: boolean,
): readonly PlanStep[] {
  // What was not there until now, no projector's code has read.
  const concerned = readers
    .filter(({ reads }) => reads === 'everything' || reads.has(property))
    .map(({ store }) => store);
  const warning = raised
    ? ''
    : '; states on their way were written otherwise under the same number: make it a new version';
  if (concerned.length > 0) {
    const reason = `${concerned.join(', ')} hold what it was${warning}`;
    return [{ subject, ...difference, action: 'rebuild', reason }];
  }
  return [{ subject, ...difference, action: 'deploy', reason: `no store reads it${warning}` }];
}

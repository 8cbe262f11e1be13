import type { AggregateContract } from '../aggregate-contract.ts';
import type { Catalogue } from '../catalogue.ts';
import { isProjected, type StoreContract } from '../store-contract.ts';
import { aggregateSteps, readsOf } from './plan-aggregates.ts';
import { fieldSteps } from './plan-fields.ts';
import { type Action, type Difference, differences, type PlanStep, same } from './plan-step.ts';

/** Every difference between two catalogues and what it asks for, store by store, then aggregate by aggregate. */
export function contractPlan(from: Catalogue, to: Catalogue): readonly PlanStep[] {
  const stores = names(from.stores, to.stores, ({ store_name }) => store_name).flatMap(name => {
    const [before, after] = [storeIn(from, name), storeIn(to, name)];
    return before && after ? storeSteps(before, after) : [wholeStore(name, before, after)];
  });
  const aggregates = names(from.aggregates, to.aggregates, ({ aggregate }) => aggregate).flatMap(name => {
    const [before, after] = [aggregateIn(from, name), aggregateIn(to, name)];
    if (before && after) return aggregateSteps(before, after, readsOf(to, after));
    const reason = after
      ? 'its triggers come with the migration'
      : 'its triggers go with the migration; stores stop following it';
    return [
      {
        subject: name,
        key: 'aggregate',
        from: before?.aggregate,
        to: after?.aggregate,
        action: 'deploy' as const,
        reason,
      },
    ];
  });
  return [...stores, ...aggregates];
}

const storeIn = ({ stores }: Catalogue, name: string): StoreContract | undefined =>
  stores.find(({ store_name }) => store_name === name);
const aggregateIn = ({ aggregates }: Catalogue, name: string): AggregateContract | undefined =>
  aggregates.find(({ aggregate }) => aggregate === name);

const names = <T>(from: readonly T[], to: readonly T[], nameOf: (item: T) => string): readonly string[] =>
  [...new Set([...from, ...to].map(nameOf))].sort();

function wholeStore(subject: string, before: StoreContract | undefined, after: StoreContract | undefined): PlanStep {
  const step = { subject, key: 'store_name', from: before?.store_name, to: after?.store_name };
  if (after) {
    const reason = isProjected(after) ? `deploy it, then fill it: distributary rebuild ${subject}` : 'deploy it';
    return { ...step, action: 'new store', reason };
  }
  const isFed = before !== undefined && isProjected(before);
  const reason = isFed
    ? `before the contract goes: distributary retire ${subject}`
    : 'first whatever is kept nowhere else';
  return { ...step, action: 'retire', reason };
}

type Rule = readonly [Action, string];

const ALARMS: Rule = ['deploy', 'alarms and tags follow'];
const WRITTEN: Rule = ['nothing', 'people read it, no function does'];
const OTHER_AUTHORITY: Rule = [
  'new store',
  'what it holds was decided elsewhere: introduce the new one beside it, then retire this one',
];

/** Top-level key → what any change below it asks for. `fields`, `indexes` and `role` have rules of their own. */
const RULES: Readonly<Record<string, Rule>> = {
  description: WRITTEN,
  served_use_cases: WRITTEN,
  rebuild: WRITTEN,
  governance: WRITTEN,
  workload: WRITTEN,
  owner_team: ['deploy', 'tags follow, and who is woken'],
  freshness_contract: ALARMS,
  security: ['deploy', 'tags follow, and what readers are shown'],
  authority_rules: ['deploy', 'readers follow'],
  observability: ['deploy', 'the dashboard follows'],
  delivery: ['deploy', 'the function and its queues follow'],
  canonical_source: OTHER_AUTHORITY,
  engine: [
    'new store',
    'another engine is another store: fill it beside this one, cut readers over, then retire this one',
  ],
  aggregates: ['rebuild', 'documents of an aggregate come or go'],
};

function storeSteps(before: StoreContract, after: StoreContract): readonly PlanStep[] {
  const subject = after.store_name;
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])] as (keyof StoreContract)[];
  return keys.flatMap(key => {
    if (same(before[key], after[key])) return [];
    if (key === 'fields' || key === 'indexes') return fieldSteps(before, after, key);
    return differences(before[key], after[key], key).map(difference => {
      const [action, reason] = ruleOf(key, difference, before, after);
      return { subject, ...difference, action, reason };
    });
  });
}

function ruleOf(key: string, { key: path, from, to }: Difference, before: StoreContract, after: StoreContract): Rule {
  if (path === 'schema_evolution.document_version') {
    if (Number(to) > Number(from))
      return ['rebuild', 'the shape of its documents changed: a new target beside this one'];
    return ['rebuild', 'a document version only rises; a lower one is a change of shape like any other'];
  }
  if (key === 'schema_evolution') return ['deploy', 'how versions are handled'];
  if (key === 'role') {
    const canonical = [before.role, after.role].includes('canonical');
    return canonical ? OTHER_AUTHORITY : ['deploy', 'tags follow'];
  }
  // A canonical store or an outbox is not made from what it lists.
  if (key === 'aggregates' && after.fields === undefined) return ['deploy', 'migrations and subscriptions follow'];
  if (key === 'protection')
    return keyRule(before.protection?.keys ?? [], after.protection?.keys ?? [], after.store_name);
  return RULES[key] ?? ['deploy', 'a key that this version has no rule for'];
}

/** A key that is new and first would seal what readers of the last deployment cannot open. */
function keyRule(from: readonly string[], to: readonly string[], store: string): Rule {
  const [first] = to;
  if (first !== undefined && from.length > 0 && !from.includes(first)) {
    return ['deploy', `readers know ${first} only after it: name it last, deploy, and put it first then`];
  }
  const gone = from.filter(key => !to.includes(key));
  if (gone.length > 0) {
    return ['deploy', `first distributary keys rotate ${store}, until nothing is left under ${gone.join(', ')}`];
  }
  if (from[0] !== first) return ['deploy', `then distributary keys rotate ${store} puts the rest under ${first}`];
  return ['deploy', 'functions may open with the new key too'];
}

import type { AggregateContract } from '../aggregate-contract.ts';
import { isDerived, isProjected, type StoreContract } from '../store-contract.ts';
import { answered } from './answers.ts';
import { exempt, fail, missing, pass, type Verdict } from './finding.ts';
import { propagationVerdict, securityVerdict } from './security-rules.ts';

/** What a rule may look at: one store, the store it is made from, and what the two are about. */
export interface Subject {
  readonly store: StoreContract;
  readonly source: StoreContract | undefined;
  readonly aggregates: readonly AggregateContract[];
}

export interface ContractRule {
  readonly rule: string;
  readonly asks: string;
  readonly check: (subject: Subject) => Verdict;
}

const NOT_DERIVED = 'it is not derived: there is nothing to compare it with';
const BY_CONSTRUCTION = 'from the outbox through queues: every write is applied only if it is newer';

/** Requirements 000 §20, item by item and in its words. */
export const CHECKLIST: readonly ContractRule[] = [
  {
    rule: 'workload-gap',
    asks: 'The workload gap is explicitly documented.',
    check: ({ store }) =>
      answered(store, 'written down', [
        {
          key: 'governance.decision.capability_gap',
          hint: 'say which workload the other stores cannot serve, in figures',
        },
      ]),
  },
  { rule: 'limitations-tested', asks: 'Existing engine limitations were tested, not assumed.', check: limitations },
  {
    rule: 'role-declared',
    asks: 'Store role is declared: canonical, projection, cache, analytics, integration, archive.',
    check: ({ store }) => pass(['role'], store.role),
  },
  {
    rule: 'data-owner',
    asks: 'Data owner is declared.',
    check: ({ store }) => pass(['owner_team'], store.owner_team),
  },
  { rule: 'write-owner', asks: 'Write owner is declared.', check: writeOwner },
  { rule: 'consistency-contract', asks: 'Consistency contract is explicit.', check: consistency },
  { rule: 'freshness-metric', asks: 'Freshness metric exists.', check: freshnessMetric },
  {
    rule: 'rebuild-path',
    asks: 'Rebuild path exists or store is treated as canonical.',
    check: ({ store: { rebuild, role } }) =>
      rebuild.supported
        ? pass(['rebuild'], `from ${rebuild.source}, by ${rebuild.cutover_strategy}`)
        : pass(['rebuild', 'supported'], `it has none, and is treated as what it is: ${role}, with backups`),
  },
  { rule: 'backup-strategy', asks: 'Backup/restore strategy exists.', check: backup },
  {
    rule: 'security-model',
    asks: 'Security model is equivalent to sensitivity of data.',
    check: ({ store, source, aggregates }) => securityVerdict(store, source, aggregates),
  },
  {
    rule: 'lifecycle-propagation',
    asks: 'Retention/delete/legal-hold propagation is defined.',
    check: ({ store, aggregates }) => propagationVerdict(store, aggregates),
  },
  { rule: 'schema-evolution', asks: 'Schema evolution strategy exists.', check: schemaEvolution },
  { rule: 'no-dual-writes', asks: 'Integration pattern avoids unsafe dual writes.', check: integration },
  {
    rule: 'repetition-safe',
    asks: 'Idempotency and retry behavior are designed.',
    check: ({ store }) =>
      isProjected(store)
        ? pass(['engine'], BY_CONSTRUCTION)
        : answered(store, 'said', [
            { key: 'governance.integration.repetition', hint: 'say what a repeated or retried write does' },
          ]),
  },
  { rule: 'drift-detection', asks: 'Drift detection exists for derived stores.', check: driftDetection },
  {
    rule: 'runbook',
    asks: 'Operational runbook exists.',
    check: ({ store }) =>
      answered(store, `docs/generated/runbooks/${store.store_name}.md`, [
        { key: 'governance.ownership.operations', hint: 'name the team that is woken; the runbook is generated' },
      ]),
  },
  {
    rule: 'cost-model',
    asks: 'Cost model includes engineering and governance cost.',
    check: ({ store }) =>
      answered(store, 'engineering, cognitive and governance cost are said', [
        { key: 'governance.cost.engineering', hint: 'say what it costs to build and keep: code, migrations, upgrades' },
        { key: 'governance.cost.cognitive', hint: 'say what people have to know who work with it' },
        { key: 'governance.cost.governance', hint: 'say what access, retention and evidence cost here' },
      ]),
  },
  {
    rule: 'exit-strategy',
    asks: 'Exit strategy exists.',
    check: ({ store }) =>
      answered(store, 'written down', [
        { key: 'governance.decision.exit_plan', hint: 'say how to migrate away if the decision becomes wrong' },
      ]),
  },
];

const FIGURE = /\d/;

function limitations({ store }: Subject): Verdict {
  const path = ['governance', 'decision', 'alternatives'];
  if (store.role === 'canonical' && store.engine === 'postgresql')
    return exempt(path, 'it is what the others are measured against');
  const alternatives = store.governance?.decision?.alternatives;
  if (!alternatives) {
    return missing(
      path,
      'no alternative is written down',
      'say what the engines that are there can do, and what was measured',
    );
  }
  const tested = alternatives.find(({ measured }) => measured !== undefined && FIGURE.test(measured));
  if (tested) return pass(path, `measured: ${tested.option}`);
  const claimed = alternatives.findIndex(({ measured }) => measured !== undefined);
  if (claimed >= 0)
    return fail([...path, claimed, 'measured'], 'a measurement without a figure', 'say what was measured, in figures');
  return missing(path, 'no alternative was measured', 'add "measured" to one of them: what was tried, and the figures');
}

function writeOwner({ store }: Subject): Verdict {
  if (isProjected(store)) return pass(['engine'], 'its projector: no other function may write to it');
  return answered(store, String(store.governance?.ownership?.writes), [
    { key: 'governance.ownership.writes', hint: 'name the one team whose code writes to it' },
  ]);
}

function consistency({ store }: Subject): Verdict {
  const promise = store.freshness_contract;
  const said = promise
    ? `${promise.normal_p95} s at p95, alarm at ${promise.maximum_before_alert} s`
    : `${store.governance?.consistency?.contract}`;
  const questions = [{ key: 'governance.consistency.contract', hint: 'strong, read-your-writes, seconds, minutes, …' }];
  if (isDerived(store)) {
    questions.push(
      { key: 'governance.consistency.during_lag', hint: 'say what a person sees while the store is behind' },
      { key: 'governance.consistency.stale_allowed', hint: 'list the use cases that may read stale data' },
      { key: 'governance.consistency.stale_forbidden', hint: 'list the use cases that must ask the canonical store' },
    );
  }
  return answered(store, said, questions);
}

function freshnessMetric({ store }: Subject): Verdict {
  const path = ['observability', 'metrics'];
  const metric = store.observability.metrics.find(name => /(lag|freshness)_seconds$/.test(name));
  if (metric) return pass(path, metric);
  if (store.canonical_source === undefined) return exempt(path, 'it is the source: nothing is fresher');
  return fail(path, 'no metric says how far behind it is', 'add one that ends in lag_seconds or freshness_seconds');
}

function backup({ store }: Subject): Verdict {
  if (store.rebuild.supported) return pass(['rebuild'], 'it is built again from its source');
  return answered(store, 'backup, restore and corruption are said', [
    { key: 'governance.recovery.backup', hint: 'say what is backed up, how often, and how long it is kept' },
    { key: 'governance.recovery.restore', hint: 'say how it is restored, and how long that takes' },
    { key: 'governance.recovery.after_corruption', hint: 'say what happens after a corruption' },
  ]);
}

function schemaEvolution({ store }: Subject): Verdict {
  if (!isProjected(store)) {
    return answered(store, 'said', [
      { key: 'governance.schema_change', hint: 'say how its schema changes without a stop' },
    ]);
  }
  for (const key of ['versioned_document', 'backward_compatible_indexer_required'] as const) {
    if (store.schema_evolution[key]) continue;
    const hint =
      'set it to true: a rebuild makes the next version beside this one, and states of older versions still arrive';
    return fail(['schema_evolution', key], `${key} is false`, hint);
  }
  return pass(
    ['schema_evolution'],
    `document version ${store.schema_evolution.document_version}; older states are upcast`,
  );
}

function integration({ store }: Subject): Verdict {
  if (isProjected(store)) return pass(['engine'], BY_CONSTRUCTION);
  const path = ['governance', 'integration', 'pattern'];
  const pattern = store.governance?.integration?.pattern;
  if (pattern === 'own-writes' && isDerived(store)) {
    return fail(path, 'a derived store that is written beside its source', 'feed it from the outbox');
  }
  return answered(store, String(pattern), [
    { key: path.join('.'), hint: 'own-writes, outbox, cdc, api, batch or cache-aside' },
  ]);
}

function driftDetection({ store }: Subject): Verdict {
  const path = ['observability', 'metrics'];
  if (!isDerived(store)) return exempt(path, NOT_DERIVED);
  const metric = store.observability.metrics.find(name => name.startsWith('drift_'));
  if (metric) return pass(path, metric);
  return fail(path, 'nothing tells when it departs from its source', 'add drift_sample_mismatch_count');
}

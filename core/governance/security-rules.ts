import type { AggregateContract } from '../aggregate-contract.ts';
import { stateLeaves, stateValue, strictestPii } from '../state-path.ts';
import { type Field, isDerived, type PII, type StoreContract } from '../store-contract.ts';
import { fail, pass, type Verdict } from './finding.ts';

const RANK: Readonly<Record<(typeof PII)[number], number>> = { none: 0, personal: 1, sensitive: 2 };

/**
 * "Security model is equivalent to sensitivity of data": what the aggregates say of a value holds of each copy of it, and
 * a derived store is as closed as the store it is made from. Yields what is wrong; the first is the one to mend first.
 */
export function securityVerdict(
  store: StoreContract,
  source: StoreContract | undefined,
  aggregates: readonly AggregateContract[],
): Verdict {
  const [worst] = [...declarations(store, source, aggregates), ...fieldFaults(store, aggregates)];
  if (worst) return worst;
  const classified = Object.values(store.fields ?? {}).filter(({ pii }) => pii !== 'none').length;
  if (!store.security.contains_pii)
    return pass(['security'], 'it holds no personal data, and no field of it says otherwise');
  if (!store.fields) return pass(['security'], 'it is said to hold personal data and filters by authorization');
  return pass(['security'], `${classified} of its fields are personal or sensitive, filtered and masked`);
}

function* declarations(
  store: StoreContract,
  source: StoreContract | undefined,
  aggregates: readonly AggregateContract[],
): Iterable<Verdict> {
  const { contains_pii, authorization_filter_required } = store.security;
  const personal = aggregates.find(aggregate =>
    stateLeaves(aggregate).some(({ property }) => strictestPii(property) !== 'none'),
  );
  if (!store.fields && personal && !contains_pii) {
    const message = `it holds ${personal.aggregate}, which has personal data, and says that it has none`;
    yield fail(['security', 'contains_pii'], message, 'set contains_pii to true');
  }
  if (contains_pii && !authorization_filter_required) {
    const hint = 'set authorization_filter_required to true';
    yield fail(['security', 'authorization_filter_required'], 'personal data without an authorization filter', hint);
  }
  if (source?.security.authorization_filter_required && isDerived(store) && !authorization_filter_required) {
    const message = `${source.store_name} filters by authorization, and this copy of it does not`;
    yield fail(['security', 'authorization_filter_required'], message, 'a projection is not harmless: set it to true');
  }
  if (isDerived(store) && contains_pii && !store.authority_rules.must_rehydrate_before_sensitive_action) {
    const message = 'personal data that may be shown or acted on without asking the canonical store';
    yield fail(['authority_rules', 'must_rehydrate_before_sensitive_action'], message, 'set it to true');
  }
}

function* fieldFaults(store: StoreContract, aggregates: readonly AggregateContract[]): Iterable<Verdict> {
  for (const [name, field] of Object.entries(store.fields ?? {})) {
    const declared = sourcePii(name, field, aggregates);
    if (declared && RANK[field.pii] < RANK[declared.pii]) {
      const message = `field ${name} is ${field.pii}, and ${declared.path} of ${declared.aggregate} is ${declared.pii}`;
      yield fail(['fields', name, 'pii'], message, `a copy is as sensitive as its source: set pii to ${declared.pii}`);
    }
    if (field.pii !== 'none' && !store.security.field_masking_required) {
      const message = `field ${name} is ${field.pii}, and the store masks nothing`;
      yield fail(['security', 'field_masking_required'], message, 'set field_masking_required to true');
    }
  }
}

function sourcePii(name: string, { from = name }: Field, aggregates: readonly AggregateContract[]) {
  for (const aggregate of aggregates) {
    const found = stateValue(aggregate, from);
    if (found) return { path: from, aggregate: aggregate.aggregate, pii: strictestPii(found.property) };
  }
  return undefined;
}

/** Deletions and restrictions overtake, for every aggregate in a store (000 §12). */
export function propagationVerdict(store: StoreContract, aggregates: readonly AggregateContract[]): Verdict {
  const late = aggregates.find(({ changes }) =>
    changes.some(({ name, lane }) => name === 'restricted' && lane !== 'priority'),
  );
  if (late) {
    const message = `restrictions of ${late.aggregate} travel on the standard lane`;
    return fail(['aggregates'], message, `set lane priority in contracts/aggregates/${late.aggregate}.yaml`);
  }
  const told = store.governance?.lifecycle;
  const unsaid = (['retention', 'deletion', 'legal_hold'] as const).find(key => told?.[key] === undefined);
  if (unsaid === undefined) return pass(['governance', 'lifecycle'], 'retention, deletion and legal hold are said');
  const hint = {
    retention: 'say how long what is kept, and what ends it',
    deletion: 'say how a deletion in the canonical store reaches this store, and what stays of it',
    legal_hold: 'say how a legal hold keeps a purge from this store',
  }[unsaid];
  return {
    result: 'missing',
    message: `nothing is said of ${unsaid.replace('_', ' ')}`,
    path: ['governance', 'lifecycle', unsaid],
    hint,
  };
}

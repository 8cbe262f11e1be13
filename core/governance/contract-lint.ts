import type { Catalogue } from '../catalogue.ts';
import type { StoreContract } from '../store-contract.ts';
import { authorityFindings } from './authority.ts';
import { CHECKLIST, type ContractRule, type Subject } from './checklist.ts';
import { type Finding, findingsOf } from './finding.ts';
import { JUSTIFICATION } from './justification.ts';

/**
 * Every item of the production checklist (000 §20) and of the justification test (000 §4) for every store, and every rule
 * of authority (001 step 1): passes too. `isProblem` tells what has to be mended; `place` is where.
 */
export function lintContracts(catalogue: Catalogue): readonly Finding[] {
  return [...catalogue.stores.flatMap(store => lintStore(catalogue, store)), ...authorityFindings(catalogue)];
}

function lintStore(catalogue: Catalogue, store: StoreContract): readonly Finding[] {
  const subject: Subject = {
    store,
    source: catalogue.stores.find(({ store_name }) => store_name === store.canonical_source),
    aggregates: catalogue.aggregates.filter(({ aggregate }) => store.aggregates?.includes(aggregate)),
  };
  const ask = (from: Finding['from'], rules: readonly ContractRule[]) =>
    rules.map(({ rule, asks, check }) => ({ rule, asks, from, verdict: check(subject) }));
  const answers = [...ask('checklist', CHECKLIST), ...ask('justification', JUSTIFICATION)];
  return findingsOf(catalogue, 'stores', store.store_name, answers);
}

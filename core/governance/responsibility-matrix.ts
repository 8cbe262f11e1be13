import type { Catalogue } from '../catalogue.ts';
import { durationText } from '../duration.ts';
import type { StoreContract } from '../store-contract.ts';
import { sealedIn } from './personal-data.ts';

/** One row of the responsibility matrix (000 §5): what is held, who owns it, and what may be expected of it. */
export interface Responsibility {
  /** What the data is for. */
  readonly responsibility: string;
  readonly owner: string;
  readonly store: string;
  readonly storeType: string;
  readonly consistency: string;
  readonly rebuildable: string;
  readonly notes: string;
}

/** Canonical responsibilities by aggregate, each with its own owner; then every other store. */
export function responsibilityMatrix(catalogue: Catalogue): readonly Responsibility[] {
  const canonical = catalogue.stores.filter(({ role }) => role === 'canonical');
  const others = catalogue.stores.filter(({ role }) => role !== 'canonical');
  return [...canonical.flatMap(store => decided(catalogue, store)), ...others.map(store => copied(store))];
}

function decided({ aggregates }: Catalogue, store: StoreContract): readonly Responsibility[] {
  const row = {
    store: store.store_name,
    storeType: typeOf(store),
    consistency: store.governance?.consistency?.contract ?? 'strong',
    rebuildable: 'no: canonical',
  };
  const held = aggregates.filter(({ aggregate }) => store.aggregates?.includes(aggregate));
  if (held.length === 0) {
    return [{ ...row, responsibility: usesOf(store), owner: store.owner_team, notes: sentence(store) }];
  }
  return held.map(({ aggregate, owner, description }) => ({
    ...row,
    responsibility: aggregate,
    owner,
    notes: description,
  }));
}

function copied(store: StoreContract): Responsibility {
  const { rebuild, freshness_contract: promise, governance } = store;
  const consistency = governance?.consistency?.contract ?? 'not said';
  return {
    responsibility: usesOf(store),
    owner: store.owner_team,
    store: store.store_name,
    storeType: typeOf(store),
    consistency: promise
      ? `${consistency}: under ${durationText(promise.normal_p95)}, alarm at ${durationText(promise.maximum_before_alert)}`
      : consistency,
    rebuildable: rebuild.supported
      ? `yes: from ${rebuild.source?.replaceAll('_', ' ')}, in ${durationText(rebuild.estimated_duration ?? 0)}`
      : 'no',
    notes: store.protection ? `${sentence(store)} Sealed: ${sealedIn(store)}.` : sentence(store),
  };
}

const usesOf = ({ served_use_cases }: StoreContract): string =>
  served_use_cases.map(use => use.replaceAll('_', ' ')).join(', ');
const typeOf = ({ role, engine }: StoreContract): string => (engine ? `${role} (${engine})` : role);
const sentence = ({ description, store_name }: StoreContract): string => description ?? store_name;

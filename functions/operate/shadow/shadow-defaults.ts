import type { Json } from '../../../core/change.ts';
import type { Principal, ShadowQuery } from '../../../core/shadow.ts';
import type { Store, Stored, Target } from '../../../core/store.ts';
import type { ProjectedContract } from '../../../core/store-contract.ts';
import type { AggregateId, TenantId } from '../../../core/version.ts';
import { unopened } from '../../stores/protected.ts';

/** Documents that the default queries are made of, from so many places of the key space. */
const PLACES = ['', '4', '8', 'c'] as const;
const SAMPLES_PER_PLACE = 3;
const LOOKED_AT_PER_PLACE = 50;
const FILTERS_PER_FIELD = 2;
/** A filter of an engine that looks at everything for each query. */
const FILTERS_WITHOUT_INDEX = 3;
const WORDS = 2;
const SHORTEST_WORD = 4;
const TENANTS = 2;

export interface ShadowPlan {
  readonly queries: readonly ShadowQuery[];
  readonly principals: readonly Principal[];
}

/** Queries such as the contract's readers ask, with values of documents that the store shows. */
export async function defaultPlan(contract: ProjectedContract, store: Store, target: Target): Promise<ShadowPlan> {
  const samples: Stored[] = [];
  for (const place of PLACES) samples.push(...(await sampleFrom(store, target, place)));
  const filters = [...filterQueries(contract, samples)];
  const queries: ShadowQuery[] = [
    { name: 'everything' },
    ...(contract.engine === 'opensearch' ? [...filters, ...textQueries(contract, samples)] : []),
    ...(contract.engine === 's3' ? filters.slice(0, FILTERS_WITHOUT_INDEX) : []),
    ...(contract.engine === 'dynamodb' ? indexQueries(contract, samples) : []),
    ...samples.map(({ key }): ShadowQuery => ({ name: 'by key', key })),
  ];
  return { queries, principals: principalsOf(samples) };
}

export function principalsOf(samples: readonly Pick<Stored, 'tenant'>[]): readonly Principal[] {
  const tenants = [...new Set(samples.map(({ tenant }) => tenant))].slice(0, TENANTS);
  return [{ kind: 'everyone' }, ...tenants.map((tenant: TenantId): Principal => ({ kind: 'tenant', tenant }))];
}

async function sampleFrom(store: Store, target: Target, place: string): Promise<readonly Stored[]> {
  const samples: Stored[] = [];
  let looked = 0;
  const range = place === '' ? {} : { from: `${place}0000000-0000-0000-0000-000000000000` as AggregateId };
  for await (const stored of unopened(store).scan(target, range)) {
    if (stored.document !== null) samples.push(stored);
    if (samples.length === SAMPLES_PER_PLACE || ++looked === LOOKED_AT_PER_PLACE) break;
  }
  return samples;
}

function* filterQueries({ fields }: ProjectedContract, samples: readonly Stored[]): Iterable<ShadowQuery> {
  for (const [field, { type, list }] of Object.entries(fields)) {
    if (list || !['keyword', 'boolean', 'integer'].includes(type)) continue;
    for (const value of valuesOf(field, samples).slice(0, FILTERS_PER_FIELD)) {
      yield { name: `by ${field}`, where: { [field]: value } };
    }
  }
}

function* textQueries({ fields }: ProjectedContract, samples: readonly Stored[]): Iterable<ShadowQuery> {
  for (const [field, { type, list }] of Object.entries(fields)) {
    if (list || type !== 'text') continue;
    const [value] = valuesOf(field, samples);
    const words = String(value ?? '').split(/[^\p{L}\p{N}]+/u);
    const text = words
      .filter(word => word.length >= SHORTEST_WORD)
      .slice(0, WORDS)
      .join(' ');
    if (text !== '') yield { name: `words of ${field}`, text };
  }
}

function* indexQueries({ indexes = {} }: ProjectedContract, samples: readonly Stored[]): Iterable<ShadowQuery> {
  for (const [index, { partition }] of Object.entries(indexes)) {
    for (const value of valuesOf(partition, samples).slice(0, FILTERS_PER_FIELD)) {
      yield { name: `index ${index}`, index, where: { [partition]: value } };
    }
  }
}

function valuesOf(field: string, samples: readonly Stored[]): readonly Json[] {
  const values = samples
    .map(({ document }) => document?.[field])
    .filter(value => value !== undefined && value !== null);
  return [...new Set(values)];
}

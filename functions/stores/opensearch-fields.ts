import type { Concern, Target } from '../../core/store.ts';
import { ask, type OpenSearch } from './opensearch-client.ts';
import type { Mappings } from './opensearch-index.ts';

/** Names of the fields that the index has taken up since it was made: its older documents lack them. */
const GAINED = 'gained';

/** The mapping of an index as it is. */
export interface Mapping {
  readonly _meta?: { readonly [GAINED]?: readonly string[] };
  readonly dynamic?: string | boolean;
  readonly properties?: Readonly<Record<string, Mapping & { readonly type?: string; readonly enabled?: boolean }>>;
}

/**
 * Adds to a living index the fields that its contract has gained, before or with the first document that has them.
 * What is there stays as it is: no field of an index changes its type. Safe to repeat, and for several at once.
 */
export async function takeUpFields(client: OpenSearch, { name }: Target, wanted: Mappings): Promise<void> {
  const path = `/${name}/_mapping`;
  const { body } = await ask<Record<string, { readonly mappings: Mapping }>>(client, { method: 'GET', path });
  const { properties = {}, _meta } = body[name]?.mappings ?? {};
  const gained = Object.entries(wanted.properties).filter(([field]) => !Object.hasOwn(properties, field));
  if (gained.length === 0) return;
  const names = [...(_meta?.[GAINED] ?? []), ...gained.map(([field]) => field)];
  // Not PUT: whoever may write documents may send this, and may still make no index.
  await ask(client, {
    method: 'POST',
    path,
    body: { _meta: { [GAINED]: names }, properties: Object.fromEntries(gained) },
  });
}

export function* fieldConcerns(wanted: Mappings, found: Mapping): Iterable<Concern> {
  if (String(found.dynamic) !== wanted.dynamic) {
    yield rebuild('broken', `it takes fields that the contract does not name: dynamic is ${found.dynamic ?? 'true'}`);
  }
  const properties = found.properties ?? {};
  const gained = new Set(found._meta?.[GAINED]);
  for (const [field, definition] of Object.entries(wanted.properties)) {
    const there = properties[field];
    if (!there || gained.has(field)) {
      yield rebuild('risk', `field ${field} came after the index was made: documents of before lack it`);
    }
    if (there && kindOf(there) !== kindOf(definition)) {
      yield rebuild('broken', `field ${field} is ${kindOf(there)} in the index, ${kindOf(definition)} in the contract`);
    }
  }
  for (const field of Object.keys(properties).filter(known => !Object.hasOwn(wanted.properties, known))) {
    yield rebuild('risk', `field ${field} of the index is not in the contract any more`);
  }
}

const rebuild = (severity: Concern['severity'], what: string): Concern => ({
  severity,
  what,
  todo: 'rebuild the store',
});

/** Objects carry no `type` when asked for. */
const kindOf = ({ type = 'object' }: { readonly type?: string }): string => type;

import type { AggregateContract, Pii, Property } from '../aggregate-contract.ts';
import type { Catalogue } from '../catalogue.ts';
import { protectedFields, type StoreContract } from '../store-contract.ts';
import { placeOf } from './lifecycle.ts';
import { markdownTable, page } from './markdown.ts';

/** One value that names, locates or may harm a person, and where the pipeline takes it. */
export interface PersonalDatum {
  /** `case.parties.name` */
  readonly from: string;
  readonly pii: Exclude<Pii, 'none'>;
  /** Fields of stores that repeat it, each with who sees it there. */
  readonly copies: readonly { readonly store: string; readonly field: string; readonly visibleTo: string }[];
}

/** Every such value of the aggregates' states, by the contracts alone. */
export function personalData({ aggregates, stores }: Catalogue): readonly PersonalDatum[] {
  return aggregates.flatMap(contract =>
    leavesOf(contract).map(({ path, pii }): PersonalDatum => {
      const readers = stores.filter(store => store.aggregates?.includes(contract.aggregate));
      const copies = readers.flatMap(({ store_name: store, fields = {} }) =>
        Object.entries(fields)
          .filter(([name, { from = name }]) => path === from || path.startsWith(`${from}.`))
          .map(([field, { visible_to }]) => ({
            store,
            field,
            visibleTo: visible_to?.join(', ') ?? 'who sees the case',
          })),
      );
      return { from: `${contract.aggregate}.${path}`, pii, copies };
    }),
  );
}

function leavesOf({ current }: AggregateContract): readonly { path: string; pii: Exclude<Pii, 'none'> }[] {
  const walk = (properties: Readonly<Record<string, Property>>, before: string): ReturnType<typeof leavesOf> =>
    Object.entries(properties).flatMap(([name, { pii, properties: inner, items }]) => {
      const path = `${before}${name}`;
      const below = inner ?? (items && 'properties' in items ? items.properties : undefined);
      if (below) return walk(below, `${path}.`);
      return pii === undefined || pii === 'none' ? [] : [{ path, pii }];
    });
  return walk(current.properties, '');
}

export function personalDataPage(catalogue: Catalogue): string {
  const data = personalData(catalogue);
  const holders = catalogue.stores.filter(({ security }) => security.contains_pii);
  return page(
    '# Where personal data goes',
    'By the contracts: `personal` names or locates a person, `sensitive` may harm one.',
    'Whole states, with all of it, pass through the outbox, the topic, the queues and the parked objects; a failed message keeps one until it is sent back, erased, or two weeks old.',
    markdownTable(
      ['Value', '', 'Copied to', 'Shown to'],
      data.map(({ from, pii, copies }) => [
        `\`${from}\``,
        pii,
        copies.map(({ store, field }) => `${store}.${field}`).join(', ') || '–',
        [...new Set(copies.map(({ visibleTo }) => visibleTo))].join('; ') || '–',
      ]),
    ),
    '## Stores that hold some',
    markdownTable(
      ['Store', 'Kind', 'Filtered by authorization', 'Fields masked by role', 'Fields sealed, under key', 'How long'],
      holders.map(store => [
        store.store_name,
        placeOf(store) ?? store.role,
        store.security.authorization_filter_required ? 'yes' : 'no',
        store.security.field_masking_required ? 'yes' : 'no',
        sealedIn(store),
        store.governance?.lifecycle?.retention ?? '–',
      ]),
    ),
  );
}

/** `entries, under 2026-11`; the former keys, which may still open some of it, follow. */
export function sealedIn({ fields = {}, protection }: StoreContract): string {
  const [first, ...former] = protection?.keys ?? [];
  if (first === undefined) return '–';
  const others = former.length > 0 ? ` (opened by ${former.join(', ')} too)` : '';
  return `${protectedFields({ fields }).join(', ')}, under ${first}${others}`;
}

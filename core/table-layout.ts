import { DistributaryError } from './errors.ts';
import type { FieldType, ProjectedContract } from './store-contract.ts';
import type { AggregateId } from './version.ts';

/** How DynamoDB stores an attribute that is part of a key. */
export type KeyType = 'S' | 'N';

export interface TableIndex {
  readonly name: string;
  readonly partition: string;
  readonly sort: string | undefined;
}

/** A DynamoDB table as the construct declares the first of a store, and as a rebuild creates the next ones. */
export interface TableLayout {
  readonly partition: string;
  readonly sort: string;
  /** Each key attribute, of the table or of an index, with its type. */
  readonly keyTypes: Readonly<Record<string, KeyType>>;
  /** Sparse: an item without the attributes of an index is not in it. All of them project everything. */
  readonly indexes: readonly TableIndex[];
}

/** Attributes that every item has; what the projector made lies under `document`, index keys beside it by field name. */
export const ITEM = {
  bucket: 'bucket',
  key: 'key',
  tenant: 'tenant',
  version: 'version',
  digest: 'digest',
  committedAt: 'committed_at',
  document: 'document',
} as const;

/**
 * The partition of a key: its last hexadecimal digit, which is random in every kind of UUID, time-ordered ones too. So
 * a table takes 16 partitions' worth of writes however keys are made, and a range of keys is 16 ordered, strongly
 * consistent queries, which neither a scan (unordered) nor an index (eventually consistent) would give.
 */
export const bucketOf = (key: AggregateId): string => key.slice(-1);
export const BUCKETS: readonly string[] = [...'0123456789abcdef'];

const KEY_TYPES: Partial<Record<FieldType, KeyType>> = {
  keyword: 'S',
  text: 'S',
  date: 'S',
  timestamp: 'S',
  integer: 'N',
  number: 'N',
};
/** DynamoDB's own rule. */
const SHORTEST_INDEX_NAME = 3;

/** Throws `contract-invalid` when an index cannot be made of the fields it names. */
export function tableLayout({ store_name, fields, indexes = {} }: ProjectedContract): TableLayout {
  const keyTypes: Record<string, KeyType> = { [ITEM.bucket]: 'S', [ITEM.key]: 'S' };
  for (const [index, { partition, sort }] of Object.entries(indexes)) {
    const refuse = (what: string, hint: string): never => {
      throw new DistributaryError('contract-invalid', `store ${store_name}, index ${index}: ${what}`, { hint });
    };
    if (index.length < SHORTEST_INDEX_NAME) refuse('name too short', `use ${SHORTEST_INDEX_NAME} characters or more`);
    for (const name of sort === undefined ? [partition] : [partition, sort]) {
      const field = fields[name];
      const keyType = field && !field.list ? KEY_TYPES[field.type] : undefined;
      if (keyType === undefined) return refuse(`field ${name} cannot be a key`, 'a key is one text, number or time');
      if ((Object.values(ITEM) as string[]).includes(name))
        refuse(`field ${name} is an item's own`, 'rename the field');
      keyTypes[name] = keyType;
    }
  }
  return {
    partition: ITEM.bucket,
    sort: ITEM.key,
    keyTypes,
    indexes: Object.entries(indexes).map(([name, { partition, sort }]) => ({ name, partition, sort })),
  };
}

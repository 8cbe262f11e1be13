import type { Json, JsonObject } from '../../core/change.ts';
import { DistributaryError } from '../../core/errors.ts';
import type { Stored, Write } from '../../core/store.ts';
import { bucketOf, ITEM, type KeyType, type TableLayout } from '../../core/table-layout.ts';
import type { AggregateId, TenantId, Version } from '../../core/version.ts';
import { fromItem, type Item, toAttribute, toItem } from './dynamodb-attributes.ts';

/** DynamoDB's limits of a key attribute. */
const MAX_PARTITION_BYTES = 2048;
const MAX_SORT_BYTES = 1024;

export const keyItem = (key: AggregateId): Item => ({ [ITEM.bucket]: { S: bucketOf(key) }, [ITEM.key]: { S: key } });

/**
 * What the table holds of a write. A tombstone lacks `document` and index keys, so it falls out of every index; it stays
 * in the table for its version. Throws `document-refused` when a field cannot be the index key that the contract makes it.
 */
export function toStoredItem({ document, ...write }: Write, layout: TableLayout): Item {
  const meta: Item = {
    ...keyItem(write.key),
    [ITEM.tenant]: { S: write.tenant },
    [ITEM.version]: { N: String(write.version) },
    [ITEM.digest]: { N: String(write.digest) },
    [ITEM.committedAt]: { N: String(write.committedAt) },
  };
  if (document === null) return meta;
  return { ...indexKeys(document, layout), ...meta, [ITEM.document]: { M: toItem(document) } };
}

/** A field that is null or absent is left out, and the document out of that index. */
function indexKeys(document: JsonObject, { indexes, keyTypes }: TableLayout): Item {
  const item: Item = {};
  for (const { name, partition, sort } of indexes) {
    for (const [field, maxBytes] of [
      [partition, MAX_PARTITION_BYTES],
      [sort, MAX_SORT_BYTES],
    ] as const) {
      const value = field === undefined ? undefined : document[field];
      if (field === undefined || value === undefined || value === null) continue;
      const defect = keyDefect(value, keyTypes[field], maxBytes);
      // The value is not told: it may be personal, and messages end in logs.
      if (defect) throw new DistributaryError('document-refused', `field ${field}, a key of index ${name}, ${defect}`);
      item[field] = toAttribute(value);
    }
  }
  return item;
}

function keyDefect(value: Json, type: KeyType | undefined, maxBytes: number): string | undefined {
  if (type === 'N') return typeof value === 'number' ? undefined : 'is no number';
  if (typeof value !== 'string') return 'is no text';
  if (value === '') return 'is empty text';
  return Buffer.byteLength(value) > maxBytes ? `has more than ${maxBytes} bytes` : undefined;
}

export const fromStoredItem = (item: Item): Stored => ({
  key: item[ITEM.key]!.S as AggregateId,
  tenant: item[ITEM.tenant]!.S as TenantId,
  version: Number(item[ITEM.version]!.N) as Version,
  digest: Number(item[ITEM.digest]!.N),
  committedAt: Number(item[ITEM.committedAt]!.N),
  document: item[ITEM.document]?.M === undefined ? null : fromItem(item[ITEM.document]!.M!),
});

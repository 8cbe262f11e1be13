import { type DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { addDigests, EMPTY_DIGEST, hullOf } from '../../core/digest.ts';
import { DistributaryError } from '../../core/errors.ts';
import { APPLIED, type Digest, type KeyRange, type Outcome, STALE, type Target, type Write } from '../../core/store.ts';
import type { ProjectedContract } from '../../core/store-contract.ts';
import { BUCKETS, ITEM, tableLayout } from '../../core/table-layout.ts';
import type { Control } from '../control.ts';
import { inFlight } from '../in-flight.ts';
import { errorName, isConditionFailed, onTable, tableError } from './dynamodb-client.ts';
import { inspectTable } from './dynamodb-inspection.ts';
import { fromStoredItem, keyItem, toStoredItem } from './dynamodb-item.ts';
import { digestsOfBucket, itemsOfBucket, mergeByKey } from './dynamodb-range.ts';
import { createTable, deleteTable, describeTable } from './dynamodb-table.ts';
import type { RewritingStore } from './protected.ts';

export interface DynamoStoreOptions {
  readonly client: DynamoDBClient;
  readonly contract: ProjectedContract;
  readonly control: Control;
  /** The table that the template declares: the first target, and the model of those that follow. */
  readonly tableName: string;
}

/**
 * DynamoDB takes 400 kB an item, in its own count. This leaves 20 kB for keys, their copies for indexes and the marks of
 * nesting; a document of very many small numbers may still be refused by the engine, as too large.
 */
const MAX_DOCUMENT_BYTES = 380 * 1024;
/** Requests of one call at once: 32 at 5 ms each are 6,400 writes/s, more than one function's CPU gives. */
const IN_FLIGHT = 32;
/** After so many unavailable in one call the rest is not tried: the queue brings it back when the table has recovered. */
const MAX_UNAVAILABLE = IN_FLIGHT;

/**
 * Documents as items of a table, one table a target, looked up by key or by the contract's `indexes`. Write-if-newer is a
 * condition of each `PutItem`; nothing is ever deleted. Which table readers see stands in the control table.
 */
export function dynamoStore({ client, contract, control, tableName }: DynamoStoreOptions): RewritingStore {
  const layout = tableLayout(contract);

  async function put(table: string, write: Write): Promise<Outcome> {
    const bytes = Buffer.byteLength(JSON.stringify(write.document));
    if (bytes > MAX_DOCUMENT_BYTES) {
      const message = `document ${write.key} has ${bytes} bytes, the store takes ${MAX_DOCUMENT_BYTES}`;
      return { kind: 'refused', error: new DistributaryError('document-too-large', message) };
    }
    try {
      const Item = toStoredItem(write, layout);
      await client.send(new PutItemCommand({ TableName: table, Item, ...newerThan(write) }));
      return APPLIED;
    } catch (error) {
      return outcomeOf(error, table, write);
    }
  }

  /** All buckets at once: a scan in 16 segments, but one that reads nothing beside the ranges. */
  async function digests({ name: table }: Target, ranges: readonly KeyRange[]): Promise<readonly Digest[]> {
    const whole = hullOf(ranges);
    const parts = await Promise.all(BUCKETS.map(bucket => digestsOfBucket(client, table, bucket, whole, ranges)));
    return ranges.map((_, index) => parts.map(part => part[index]!).reduce(addDigests, EMPTY_DIGEST));
  }

  return {
    engine: 'dynamodb',
    maxDocumentBytes: MAX_DOCUMENT_BYTES,
    visibleAfterSeconds: 0,
    keepsHistory: false,

    async write({ name: table }, writes) {
      const outcomes = new Array<Outcome>(writes.length);
      let unavailable = 0;
      const byKey = Map.groupBy(writes.keys(), index => writes[index]!.key);
      let last: Outcome | undefined;
      // Newest first: once one landed the others are stale; a refused one yields to the next older.
      await inFlight([...byKey.values()], IN_FLIGHT, async rivals => {
        let settled = unavailable >= MAX_UNAVAILABLE ? last : undefined;
        for (const index of rivals.sort((a, b) => writes[b]!.version - writes[a]!.version)) {
          const outcome = settled ?? (await put(table, writes[index]!));
          outcomes[index] = outcome;
          if (outcome.kind === 'unavailable') {
            unavailable += 1;
            settled = last = outcome;
          } else if (outcome.kind !== 'refused') settled = STALE;
        }
      });
      return outcomes;
    },

    async rewrite({ name: table }, write) {
      const { ExpressionAttributeValues: values } = newerThan(write);
      const condition = { ConditionExpression: '#version = :version', ExpressionAttributeValues: values };
      const put = { TableName: table, Item: toStoredItem(write, layout), ...condition };
      try {
        await client.send(new PutItemCommand({ ...put, ExpressionAttributeNames: { '#version': ITEM.version } }));
        return true;
      } catch (error) {
        if (isConditionFailed(error)) return false;
        throw tableError(table, error);
      }
    },

    async read({ name: table }, key) {
      const get = new GetItemCommand({ TableName: table, Key: keyItem(key), ConsistentRead: true });
      const { Item } = await onTable(table, () => client.send(get));
      return Item && fromStoredItem(Item);
    },

    async *scan({ name: table }, range) {
      const buckets = BUCKETS.map(bucket => itemsOfBucket(client, table, bucket, range));
      for await (const item of mergeByKey(buckets)) yield fromStoredItem(item);
    },

    digest: async (target, range) => (await digests(target, [range]))[0]!,
    digests,

    inspect: ({ name }) => onTable(name, () => inspectTable(client, name, layout)),

    create: ({ name }) => onTable(name, () => createTable(client, name, layout, tableName)),

    async cutOver(to) {
      const table = await onTable(to.name, () => describeTable(client, to.name));
      if (!table) throw new DistributaryError('target-missing', `table ${to.name} does not exist`);
      await control.cutOver(to);
    },

    withdraw: () => control.withdraw(contract.store_name),
    current: async () => (await control.readTargets(contract.store_name)).current,

    async drop(target) {
      await control.forgetTarget(target);
      await onTable(target.name, () => deleteTable(client, target.name));
    },
  };
}

const newerThan = ({ version }: Write) => ({
  ConditionExpression: 'attribute_not_exists(#key) OR #version < :version',
  ExpressionAttributeNames: { '#key': ITEM.key, '#version': ITEM.version },
  ExpressionAttributeValues: { ':version': { N: String(version) } },
});

function outcomeOf(cause: unknown, table: string, { key }: Write): Outcome {
  if (isConditionFailed(cause)) return STALE;
  if (cause instanceof DistributaryError) return { kind: 'refused', error: cause };
  if (errorName(cause) !== 'ValidationException') return { kind: 'unavailable', error: tableError(table, cause) };
  const { message } = cause as Error;
  const code = /item size/i.test(message) ? 'document-too-large' : 'document-refused';
  return { kind: 'refused', error: new DistributaryError(code, `document ${key}: ${message}`, { cause }) };
}

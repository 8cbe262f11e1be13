import { type AttributeValue, type DynamoDBClient, QueryCommand } from '@aws-sdk/client-dynamodb';
import { digestsOfScan } from '../../core/digest.ts';
import type { Digest, KeyRange, Stored } from '../../core/store.ts';
import { ITEM } from '../../core/table-layout.ts';
import type { AggregateId } from '../../core/version.ts';
import type { Item } from './dynamodb-attributes.ts';
import { onTable } from './dynamodb-client.ts';

/** Items of one page of one bucket: a scan holds 16 pages. */
const SCAN_PAGE_ITEMS = 128;
/** A page of digests comes back small, whatever the documents; DynamoDB ends it at 1 MB of items anyway. */
const DIGEST_PAGE_ITEMS = 1000;
/** Keys are lower-case hexadecimal: the texts below and above all of them. */
const [LOWEST, HIGHEST] = ['0', 'g'];

/** Items of a bucket whose key is in the range, in key order, as of the last acknowledged write. */
export async function* itemsOfBucket(
  client: DynamoDBClient,
  table: string,
  bucket: string,
  { from = LOWEST, to = HIGHEST }: { from?: string; to?: string },
  page: { Limit: number; ProjectionExpression?: string } = { Limit: SCAN_PAGE_ITEMS },
): AsyncGenerator<Item> {
  if (from >= to) return;
  let start: Record<string, AttributeValue> | undefined;
  do {
    const query = new QueryCommand({
      TableName: table,
      ConsistentRead: true,
      KeyConditionExpression: '#bucket = :bucket AND #key BETWEEN :from AND :to',
      ExpressionAttributeNames: { '#bucket': ITEM.bucket, '#key': ITEM.key },
      ExpressionAttributeValues: { ':bucket': { S: bucket }, ':from': { S: from }, ':to': { S: to } },
      ...(start && { ExclusiveStartKey: start }),
      ...page,
    });
    const { Items = [], LastEvaluatedKey } = await onTable(table, () => client.send(query));
    // BETWEEN includes its end.
    for (const item of Items) if (item[ITEM.key]!.S !== to) yield item;
    start = LastEvaluatedKey;
  } while (start);
}

/** Added up here, of pages that hold nothing else: DynamoDB cannot add. `whole` is the hull of the ranges. */
export function digestsOfBucket(
  client: DynamoDBClient,
  table: string,
  bucket: string,
  whole: KeyRange,
  ranges: readonly KeyRange[],
): Promise<readonly Digest[]> {
  const page = { Limit: DIGEST_PAGE_ITEMS, ProjectionExpression: `#key, ${ITEM.digest}` };
  return digestsOfScan(digestsIn(itemsOfBucket(client, table, bucket, whole, page)), ranges);
}

async function* digestsIn(items: AsyncGenerator<Item>): AsyncGenerator<Pick<Stored, 'key' | 'digest'>> {
  for await (const item of items) {
    yield { key: item[ITEM.key]!.S as AggregateId, digest: Number(item[ITEM.digest]!.N) };
  }
}

/** Streams in key order become one; holds one item of each. */
export async function* mergeByKey(streams: readonly AsyncGenerator<Item>[]): AsyncGenerator<Item> {
  const keyOf = (head: IteratorResult<Item>): string => (head.done ? HIGHEST : head.value[ITEM.key]!.S!);
  try {
    const heads = await Promise.all(streams.map(stream => stream.next()));
    while (true) {
      let least = 0;
      for (let index = 1; index < heads.length; index++) {
        if (keyOf(heads[index]!) < keyOf(heads[least]!)) least = index;
      }
      const head = heads[least]!;
      if (head.done) return;
      yield head.value;
      heads[least] = await streams[least]!.next();
    }
  } finally {
    await Promise.all(streams.map(stream => stream.return(undefined)));
  }
}

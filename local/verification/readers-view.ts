import { type DynamoDBClient, ScanCommand, type ScanCommandInput } from '@aws-sdk/client-dynamodb';
import type { S3Client } from '@aws-sdk/client-s3';
import { DistributaryError } from '../../core/errors.ts';
import { ITEM } from '../../core/table-layout.ts';
import { archiveObjects } from '../../functions/stores/archive-objects.ts';
import { newestNames } from '../../functions/stores/archive-reading.ts';
import type { Endpoints, StoreEndpoints } from '../endpoints.ts';

/** How many documents a reader of an index finds: a search through the alias that readers use, for everything. */
export async function countSearched({ opensearch }: Endpoints, { index }: StoreEndpoints): Promise<number> {
  const answer = await fetch(new URL(`/${index}/_search`, opensearch.url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ size: 0, track_total_hits: true, query: { match_all: {} } }),
  });
  if (!answer.ok) throw new DistributaryError('store-unavailable', `searching ${index}: status ${answer.status}`);
  const { hits } = (await answer.json()) as { hits: { total: { value: number } } };
  return hits.total.value;
}

/** How many items of a table have a document: a plain scan, which knows nothing of how the store lays out its keys. */
export async function countItems(client: DynamoDBClient, table: string, abortSignal?: AbortSignal): Promise<number> {
  let items = 0;
  let start: ScanCommandInput['ExclusiveStartKey'];
  do {
    const scan = new ScanCommand({
      TableName: table,
      ConsistentRead: true,
      Select: 'COUNT',
      FilterExpression: 'attribute_exists(#document)',
      ExpressionAttributeNames: { '#document': ITEM.document },
      ExclusiveStartKey: start,
    });
    const { Count = 0, LastEvaluatedKey } = await client.send(scan, { ...(abortSignal && { abortSignal }) });
    items += Count;
    start = LastEvaluatedKey;
  } while (start);
  return items;
}

/** How many aggregates have content in an archive, by the names of its objects. */
export async function countArchived(s3: S3Client, bucket: string, target: string): Promise<number> {
  let kept = 0;
  for await (const { kind } of newestNames(archiveObjects(s3, bucket), target, {})) if (kind !== 'none') kept += 1;
  return kept;
}

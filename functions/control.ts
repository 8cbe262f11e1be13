import { type DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import { LANES, type Lane } from '../core/change.ts';
import { type ControlItems, conditionally, controlItems, keyOf, parseBody, storeGroup } from './control-items.ts';
import { type ControlTargets, controlTargets } from './control-targets.ts';

/** Per lane: all that was committed before it (ms since 1970) is in the store. */
export type Watermarks = { readonly [L in Lane]?: number };

/** What the processes of one deployment agree on, in one DynamoDB table with the keys `pk` and `sk`. */
export interface Control extends ControlItems, ControlTargets {
  /** Only ever forward; says whether it moved. */
  advanceWatermark(store: string, lane: Lane, committedAt: number): Promise<boolean>;
  watermarksOf(store: string): Promise<Watermarks>;
}

export interface ControlOptions {
  readonly client: DynamoDBClient;
  readonly tableName: string;
  /** Milliseconds since 1970, for the cache of targets. @default the clock */
  readonly now?: () => number;
}

const WATERMARK = 'watermark#';
const watermarkSchema = z.strictObject({ committed_at: z.int().min(0) });

export function controlTable({ client, tableName, now = Date.now }: ControlOptions): Control {
  const items = controlItems(client, tableName);
  return {
    ...items,
    ...controlTargets(items, now),

    advanceWatermark(store, lane, committedAt) {
      const at = { N: String(committedAt) };
      const update = new UpdateItemCommand({
        TableName: tableName,
        Key: keyOf(storeGroup(store), WATERMARK + lane),
        UpdateExpression: 'SET body = :body',
        ConditionExpression: 'attribute_not_exists(body) OR body.committed_at < :at',
        ExpressionAttributeValues: { ':body': { M: { committed_at: at } }, ':at': at },
      });
      return conditionally(tableName, () => client.send(update));
    },

    async watermarksOf(store) {
      const watermarks: { [L in Lane]?: number } = {};
      for await (const item of items.list(storeGroup(store), WATERMARK)) {
        const lane = LANES.find(known => item.name === WATERMARK + known);
        if (lane) watermarks[lane] = parseBody(watermarkSchema, item).committed_at;
      }
      return watermarks;
    },
  };
}

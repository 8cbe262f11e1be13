import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { S3Client } from '@aws-sdk/client-s3';
import { startFauxqs } from 'fauxqs';
import { dynamoClient } from '../functions/stores/dynamodb-client.ts';
import { s3Client } from '../functions/stores/s3-client.ts';
import { startDynamo } from '../local/dynamodb.ts';
import { createControlTable } from './control-table.ts';
import { startOutageProxy } from './outage-proxy.ts';

const AWS = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
export const BUCKET = 'facts';
export const CONTROL_TABLE = 'control';

/** What a Parquet store needs: a bucket and a control table, each behind a way that can be blocked. */
export interface ParquetServers {
  readonly s3: S3Client;
  readonly client: DynamoDBClient;
  /** Only the bucket is away. */
  withoutBucket(during: () => Promise<void>): Promise<void>;
  outage(during: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

export async function startParquetServers(): Promise<ParquetServers> {
  const dataDir = mkdtempSync(join(tmpdir(), 'distributary-parquet-'));
  const dynamo = await startDynamo({ choice: 'dynalite', dataDir, onLog: () => {} });
  const fauxqs = await startFauxqs({ port: 0, logger: false });
  fauxqs.createBucket(BUCKET);
  const [bucket, table] = [await startOutageProxy(fauxqs.address), await startOutageProxy(dynamo.endpoint)];
  const s3 = s3Client({ endpoint: bucket.url, ...AWS });
  const client = dynamoClient({ endpoint: table.url, ...AWS });
  await createControlTable(client, CONTROL_TABLE);
  return {
    s3,
    client,
    withoutBucket: bucket.outage,
    outage: during => bucket.outage(() => table.outage(during)),
    async close() {
      s3.destroy();
      client.destroy();
      await Promise.all([bucket.close(), table.close()]);
      await fauxqs.stop();
      await dynamo.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ListTablesCommand, ScanCommand, type ScanCommandInput } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, ListBucketsCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { ChangeMessageVisibilityCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import pg from 'pg';
import type { Definition } from '../../core/projection.ts';
import { decodeFacts, type FactFormat, factFormat } from '../../functions/stores/parquet-file.ts';
import type { Endpoints } from '../endpoints.ts';
import { type OpenStores, openStores } from './open-stores.ts';

/** While it looks, a message is hidden from others. */
const HELD_SECONDS = 30;

/**
 * Where a text is found in anything that a local mode holds: every table of the canonical store, every target of every
 * store, every item, object, failed message and log, each read as it lies there. Sorted names of places.
 */
export async function placesOfMarker(
  endpoints: Endpoints,
  definitions: readonly Definition[],
  marker: string,
): Promise<readonly string[]> {
  const stores = openStores(endpoints);
  const has = (value: unknown): boolean => JSON.stringify(value).includes(marker);
  try {
    const found = [
      ...(await tablesWith(endpoints, marker)),
      ...(await targetsWith(stores, endpoints, definitions, has)),
      ...(await itemsWith(stores, has)),
      ...(await objectsWith(stores.s3, endpoints, definitions, marker)),
      ...(await messagesWith(endpoints, marker)),
      ...logsWith(endpoints, marker),
    ];
    return [...new Set(found)].sort();
  } finally {
    stores.close();
  }
}

/** In the columns that are text, or are printed as such. */
async function tablesWith({ postgres }: Endpoints, marker: string): Promise<string[]> {
  const client = new pg.Client(postgres.url);
  await client.connect();
  try {
    const tables = await client.query<{ name: string }>(
      `select relname as name from pg_class where relnamespace = 'canonical'::regnamespace and relkind in ('r', 'p')
          and not relispartition`,
    );
    const found: string[] = [];
    for (const { name } of tables.rows) {
      const text = `select from canonical.${pg.escapeIdentifier(name)} one where strpos(one::text, $1) > 0 limit 1`;
      if ((await client.query(text, [marker])).rowCount) found.push(`canonical ${name}`);
    }
    return found;
  } finally {
    await client.end();
  }
}

async function targetsWith(
  stores: OpenStores,
  endpoints: Endpoints,
  definitions: readonly Definition[],
  has: (value: unknown) => boolean,
): Promise<string[]> {
  const found: string[] = [];
  for (const { contract } of definitions.filter(one => endpoints.stores[one.contract.store_name])) {
    const { current, building } = await stores.control.readTargets(contract.store_name);
    const store = stores.open(contract);
    for (const target of current ? [current, ...building] : building) {
      for await (const stored of store.scan(target, {})) if (has(stored)) found.push(`store ${contract.store_name}`);
    }
  }
  return found;
}

async function itemsWith({ dynamo }: OpenStores, has: (value: unknown) => boolean): Promise<string[]> {
  const { TableNames = [] } = await dynamo.send(new ListTablesCommand({}));
  const found: string[] = [];
  for (const TableName of TableNames) {
    let ExclusiveStartKey: ScanCommandInput['ExclusiveStartKey'];
    do {
      const { Items = [], LastEvaluatedKey } = await dynamo.send(new ScanCommand({ TableName, ExclusiveStartKey }));
      if (Items.some(has)) found.push(`table ${TableName}`);
      ExclusiveStartKey = LastEvaluatedKey;
    } while (ExclusiveStartKey);
  }
  return found;
}

/** Every object, whether anything lists it or not; a Parquet file is read, for it is compressed. */
async function objectsWith(
  s3: S3Client,
  { stores }: Endpoints,
  definitions: readonly Definition[],
  marker: string,
): Promise<string[]> {
  const formats = new Map<string, FactFormat>();
  for (const { contract } of definitions) {
    const place = stores[contract.store_name];
    if (place?.bucket !== undefined && contract.engine === 's3') formats.set(place.bucket, factFormat(contract));
  }
  const found: string[] = [];
  const { Buckets = [] } = await s3.send(new ListBucketsCommand({}));
  for (const { Name: Bucket } of Buckets) {
    let ContinuationToken: string | undefined;
    do {
      const { Contents = [], NextContinuationToken } = await s3.send(
        new ListObjectsV2Command({ Bucket, ContinuationToken }),
      );
      for (const { Key } of Contents) {
        const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
        const bytes = Buffer.from(await Body!.transformToByteArray());
        const isMarked = bytes.includes(marker) || (await hasFact(formats.get(Bucket!), Key!, bytes, marker));
        if (isMarked) found.push(`bucket ${Bucket}`);
      }
      ContinuationToken = NextContinuationToken;
    } while (ContinuationToken !== undefined);
  }
  return found;
}

async function hasFact(format: FactFormat | undefined, key: string, bytes: Buffer, marker: string): Promise<boolean> {
  if (!format || !key.endsWith('.parquet')) return false;
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  return JSON.stringify(await decodeFacts(format, buffer, { documents: true })).includes(marker);
}

async function messagesWith({ sqs: endpoint, region, credentials, stores }: Endpoints, marker: string) {
  const sqs = new SQSClient({ endpoint, region, credentials: { ...credentials } });
  const found: string[] = [];
  try {
    for (const [store, { failedQueueUrl: QueueUrl }] of Object.entries(stores)) {
      const handles: (string | undefined)[] = [];
      for (;;) {
        const receive = { QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: HELD_SECONDS };
        const command = new ReceiveMessageCommand({ ...receive, MessageAttributeNames: ['All'] });
        const { Messages = [] } = await sqs.send(command);
        if (Messages.length === 0) break;
        if (JSON.stringify(Messages).includes(marker)) found.push(`failed queue of ${store}`);
        handles.push(...Messages.map(({ ReceiptHandle }) => ReceiptHandle));
      }
      for (const ReceiptHandle of handles) {
        await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }));
      }
    }
    return found;
  } finally {
    sqs.destroy();
  }
}

function logsWith({ logs }: Endpoints, marker: string): string[] {
  const files = readdirSync(logs, { withFileTypes: true }).filter(entry => entry.isFile());
  return files.filter(({ name }) => readFileSync(join(logs, name)).includes(marker)).map(({ name }) => `log ${name}`);
}

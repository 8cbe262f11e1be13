import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DynamoDBClient, GetItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import type { JsonObject } from '../core/change.ts';
import type { ProjectedContract } from '../core/store-contract.ts';
import { controlTable } from '../functions/control.ts';
import { dynamoStore } from '../functions/stores/dynamodb.ts';
import { fromItem } from '../functions/stores/dynamodb-attributes.ts';
import { dynamoClient } from '../functions/stores/dynamodb-client.ts';
import { type DynamoChoice, startDynamo } from '../local/dynamodb.ts';
import { findDynamoParts } from '../local/dynamodb-local.ts';
import { deleted, gainedContract, keyBlock, live, suiteContract } from '../testing/store-samples.ts';
import { testStore } from '../testing/store-suite.ts';
import { createControlTable } from './control-table.ts';
import { type OutageProxy, startOutageProxy } from './outage-proxy.ts';

const START_TIMEOUT_MS = 15 * 60_000;
/** An emulator on a busy machine is not down because it takes seconds. */
const PATIENT = { requestTimeout: 20_000, throwOnRequestTimeout: true };
const AWS = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };

const parts = await findDynamoParts(process.env);
if ('missing' in parts) console.warn(`DynamoDB Local is skipped: ${parts.missing}`);

interface Running {
  readonly client: DynamoDBClient;
  readonly proxy: OutageProxy;
  /** As a power cut, then started again on the same data, at the same address. */
  powerCut(): Promise<void>;
  close(): Promise<void>;
}

async function start(choice: DynamoChoice): Promise<Running> {
  const dataDir = mkdtempSync(join(tmpdir(), 'distributary-dynamodb-'));
  let dynamo = await startDynamo({ choice, dataDir, onLog: () => {} });
  const proxy = await startOutageProxy(dynamo.endpoint);
  const client = dynamoClient({ endpoint: proxy.url, requestHandler: PATIENT, ...AWS });
  await createControlTable(client, 'control');
  return {
    client,
    proxy,
    async powerCut() {
      await dynamo.kill9();
      const port = Number(new URL(dynamo.endpoint).port);
      dynamo = await startDynamo({ choice, dataDir, port, onLog: () => {} });
    },
    async close() {
      client.destroy();
      await proxy.close();
      await dynamo.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

const open = (client: DynamoDBClient, contract: ProjectedContract) =>
  dynamoStore({ client, contract, control: controlTable({ client, tableName: 'control' }), tableName: 'suite-1' });

function testEngine(choice: DynamoChoice): void {
  let targets = 0;
  testStore(
    `DynamoDB store on ${choice}`,
    async () => {
      const { client, proxy, close } = await start(choice);
      return {
        store: open(client, suiteContract('suite', 'dynamodb')),
        target: () => ({ store: 'suite', name: `suite-${++targets}` }),
        gained: open(client, gainedContract(suiteContract('suite', 'dynamodb'))),
        refusedDocument: { amount: 1e200 },
        outage: proxy.outage,
        close,
      };
    },
    { lacks: ['forgetDeletes'] },
  );
  describe(`DynamoDB on ${choice}`, () => testOwnPromises(choice));
}

/** A worklist: by investigator, oldest first. */
const indexed: ProjectedContract = {
  ...suiteContract('indexed', 'dynamodb'),
  indexes: { 'by-status': { partition: 'status', sort: 'priority' } },
};

function testOwnPromises(choice: DynamoChoice): void {
  let running: Running;
  beforeAll(async () => {
    running = await start(choice);
  }, START_TIMEOUT_MS);
  afterAll(() => running?.close());

  const target = { store: 'indexed', name: 'indexed-1' };
  const byStatus = async (status: string) => {
    const query = new QueryCommand({
      TableName: target.name,
      IndexName: 'by-status',
      KeyConditionExpression: '#status = :status',
      ExpressionAttributeNames: { '#status': 'status' },
      ExpressionAttributeValues: { ':status': { S: status } },
    });
    return (await running.client.send(query)).Items!.map(item => item.key!.S);
  };

  test('an index of the contract finds documents; a tombstone, a null and another value fall out of it', async () => {
    const store = open(running.client, indexed);
    await store.create(target);
    const [a, b, c, d, e] = keyBlock(5).keys as [never, never, never, never, never];
    const open2 = (priority: number | null) => ({ status: 'open', priority });
    const writes = [a, b, c, d, e].map((key, index) => live(key, 1, open2(9 - index)));
    await store.write(target, writes);
    expect(await byStatus('open')).toEqual([e, d, c, b, a]);
    const closed = { status: 'closed', priority: 1 };
    const changes = [deleted(b, 2), live(c, 2, open2(null)), live(d, 2, closed), live(e, 2, { priority: 3 })];
    expect((await store.write(target, changes)).map(({ kind }) => kind)).toEqual(changes.map(() => 'applied'));
    expect(await byStatus('open')).toEqual([a]);
    expect(await byStatus('closed')).toEqual([d]);
    expect((await store.read(target, c))?.document).toEqual(open2(null));
  });

  test.each<[string, JsonObject, string]>([
    ['a number', { status: 5 }, 'field status, a key of index by-status, is no text'],
    ['empty', { status: '' }, 'field status, a key of index by-status, is empty text'],
    ['text', { priority: '5' }, 'field priority, a key of index by-status, is no number'],
    ['too long', { status: 'x'.repeat(2049) }, 'field status, a key of index by-status, has more than 2048 bytes'],
  ])('a document whose index key cannot be one is refused: %s', async (_, document, message) => {
    const store = open(running.client, indexed);
    await store.create(target);
    const [outcome] = await store.write(target, [live(keyBlock(1).keys[0]!, 1, document)]);
    expect(outcome).toMatchObject({ kind: 'refused', error: { code: 'document-refused' } });
    expect(outcome).toHaveProperty('error.message', message);
  });

  test('an empty text, an empty list and nested nulls are kept as they are', async () => {
    const store = open(running.client, indexed);
    await store.create(target);
    const write = live(keyBlock(1).keys[0]!, 1, { title: '', tags: [], parties: [{ name: null, n: 1e21, z: -0.5 }] });
    expect(await store.write(target, [write])).toEqual([{ kind: 'applied' }]);
    expect(await store.read(target, write.key)).toEqual(write);
  });

  test('what was acknowledged survives kill -9', async () => {
    const store = open(running.client, indexed);
    await store.create(target);
    const { keys, range } = keyBlock(200);
    const writes = keys.map(key => live(key, 1));
    await store.write(target, writes);
    await running.proxy.outage(running.powerCut);
    expect(await store.digest(target, range)).toMatchObject({ count: 200 });
    const item = await running.client.send(
      new GetItemCommand({ TableName: target.name, Key: { bucket: { S: keys[7]!.slice(-1) }, key: { S: keys[7]! } } }),
    );
    expect(fromItem(item.Item!)).toMatchObject({ version: writes[7]!.version, document: writes[7]!.document });
  }, 60_000);
}

testEngine('dynalite');
if ('missing' in parts) test.skip(`DynamoDB store on real: ${parts.missing}`, () => {});
else testEngine('real');

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { type Control, controlTable } from '../functions/control.ts';
import { TARGETS_TTL_SECONDS } from '../functions/control-targets.ts';
import { dynamoClient } from '../functions/stores/dynamodb-client.ts';
import { type Dynamo, startDynamo } from '../local/dynamodb.ts';
import { createControlTable } from './control-table.ts';
import { type OutageProxy, startOutageProxy } from './outage-proxy.ts';

const AWS = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
const TABLE = 'control';

let dataDir: string;
let dynamo: Dynamo;
let proxy: OutageProxy;
let client: DynamoDBClient;
let stores = 0;
let store: string;
const clock = { now: 1_000_000 };
const open = (): Control => controlTable({ client, tableName: TABLE, now: () => clock.now });
const target = (name: string) => ({ store, name });

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'distributary-control-'));
  dynamo = await startDynamo({ choice: 'dynalite', dataDir, onLog: () => {} });
  proxy = await startOutageProxy(dynamo.endpoint);
  client = dynamoClient({ endpoint: proxy.url, ...AWS });
  await createControlTable(client, TABLE);
}, 60_000);
afterAll(async () => {
  client?.destroy();
  await proxy?.close();
  await dynamo?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});
beforeEach(() => {
  store = `store-${++stores}`;
});

describe('targets of a store', () => {
  test('from none through two generations and back: the former one keeps receiving writes until it is forgotten', async () => {
    const control = open();
    expect(await control.targetsOf(store)).toEqual([]);
    await control.cutOver(target('blue'));
    await control.startBuilding(target('green'));
    expect(await control.targetsOf(store)).toEqual([target('blue'), target('green')]);
    await control.cutOver(target('green'));
    expect(await control.readTargets(store)).toEqual({ current: target('green'), building: [target('blue')] });
    await control.cutOver(target('blue'));
    await expect(control.forgetTarget(target('blue'))).rejects.toMatchObject({ code: 'target-current' });
    for (let twice = 0; twice < 2; twice++) await control.forgetTarget(target('green'));
    expect(await control.targetsOf(store)).toEqual([target('blue')]);
  });

  test('another process sees a new target when the time to live is over, not before', async () => {
    const [writer, operator] = [open(), open()];
    await operator.cutOver(target('blue'));
    expect(await writer.targetsOf(store)).toEqual([target('blue')]);
    await operator.startBuilding(target('green'));
    clock.now += TARGETS_TTL_SECONDS * 1000 - 1;
    expect(await writer.targetsOf(store)).toEqual([target('blue')]);
    clock.now += 1;
    expect(await writer.targetsOf(store)).toEqual([target('blue'), target('green')]);
  });

  test('a store without a target is asked for again at once, and so is one whose table did not answer', async () => {
    const [writer, operator] = [open(), open()];
    expect(await writer.targetsOf(store)).toEqual([]);
    await operator.cutOver(target('blue'));
    expect(await writer.targetsOf(store)).toEqual([target('blue')]);
    clock.now += TARGETS_TTL_SECONDS * 1000;
    await proxy.outage(async () => {
      await expect(writer.targetsOf(store)).rejects.toMatchObject({ code: 'store-unavailable', retry: 'later' });
    });
    expect(await writer.targetsOf(store)).toEqual([target('blue')]);
  });

  test('changes made at once are all kept', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    await Promise.all(names.map(name => open().startBuilding(target(name))));
    const { building } = await open().readTargets(store);
    expect(building.map(({ name }) => name).sort()).toEqual(names);
  });

  test('what another version wrote is told by its item, never guessed at', async () => {
    await client.send(
      new PutItemCommand({
        TableName: TABLE,
        Item: { pk: { S: `store#${store}` }, sk: { S: 'targets' }, body: { M: { current: { N: '5' } } } },
      }),
    );
    const told = { code: 'control-malformed', message: expect.stringContaining(`store#${store} targets: current:`) };
    await expect(open().targetsOf(store)).rejects.toMatchObject(told);
  });
});

describe('watermarks', () => {
  test('only ever advance, each lane on its own, whoever reports', async () => {
    const control = open();
    expect(await control.watermarksOf(store)).toEqual({});
    const reports = [5, 9, 3, 9, 7, 1].map(at => open().advanceWatermark(store, 'standard', at));
    expect(await Promise.all(reports)).toContain(true);
    expect(await control.watermarksOf(store)).toEqual({ standard: 9 });
    expect(await control.advanceWatermark(store, 'standard', 9)).toBe(false);
    expect(await control.advanceWatermark(store, 'priority', 4)).toBe(true);
    expect(await control.watermarksOf(store)).toEqual({ standard: 9, priority: 4 });
  });
});

describe('items', () => {
  test('of many that swap at once one wins', async () => {
    const group = `store#${store}`;
    const swaps = await Promise.all([1, 2, 3, 4, 5].map(by => open().swap(group, 'x', 0, { by })));
    const [revision, ...others] = swaps.filter(won => won !== undefined);
    expect(others).toEqual([]);
    const item = await open().read(group, 'x');
    expect(item).toEqual({ group, name: 'x', revision, body: { by: swaps.indexOf(revision) + 1 } });
    expect(await open().swap(group, 'x', revision! - 1, {})).toBeUndefined();
    expect(await open().swap(group, 'x', revision!, { by: 6 })).toBe(revision! + 1);
  });

  test('one that is removed and made again is not taken for its former self', async () => {
    const [group, control] = [`store#${store}`, open()];
    const former = await control.swap(group, 'x', 0, { life: 1 });
    expect(await control.remove(group, 'x', former! + 1)).toBe(false);
    for (let twice = 0; twice < 2; twice++) expect(await control.remove(group, 'x', former!)).toBe(true);
    await new Promise(resolve => setTimeout(resolve, 2));
    expect(await control.swap(group, 'x', 0, { life: 2 })).toEqual(expect.any(Number));
    expect(await control.swap(group, 'x', former!, { life: 1 })).toBeUndefined();
    expect((await control.read(group, 'x'))?.body).toEqual({ life: 2 });
  });

  test('a group is listed by name and prefix, over more than a page', async () => {
    const [group, control] = [`store#${store}`, open()];
    const text = 'x'.repeat(300_000);
    for (const name of ['file#3', 'file#1', 'other', 'file#4', 'file#2', 'file#5']) {
      await control.swap(group, name, 0, { text });
    }
    const listed: string[] = [];
    for await (const { name, body } of control.list(group, 'file#')) {
      listed.push(name);
      expect(body.text).toHaveLength(text.length);
    }
    expect(listed).toEqual(['file#1', 'file#2', 'file#3', 'file#4', 'file#5']);
  });
});

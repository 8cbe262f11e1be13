import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import { Valkey } from 'iovalkey';
import { type Cache, memoryCache } from '../core/cache.ts';
import { keyOf, VALKEY_ACCESS } from '../core/permission-keys.ts';
import { NOBODY_TTL_MS, PERMISSION_TTL_MS, PermissionCache } from '../functions/api/permission-cache.ts';
import { dynamoCache } from '../functions/stores/dynamodb-cache.ts';
import { dynamoClient } from '../functions/stores/dynamodb-client.ts';
import { valkeyCache } from '../functions/stores/valkey-cache.ts';
import { tokenOf, ValkeyClient } from '../functions/stores/valkey-client.ts';
import { startDynamo } from '../local/dynamodb.ts';
import { startValkey, valkeyProgram } from '../local/valkey.ts';
import { type CacheUnderTest, testCache } from '../testing/cache-suite.ts';
import { startOutageProxy } from './outage-proxy.ts';

/** The engines of role cache: one suite for all, and the cache of permissions on each of them. */

const AWS = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
/** A server on a busy machine is not down because it takes seconds. */
const PATIENT_MS = 20_000;

async function inMemory(): Promise<CacheUnderTest> {
  const cache = memoryCache();
  return { one: cache, other: cache, close: () => cache.close() };
}

async function onDynamo(): Promise<CacheUnderTest> {
  const dataDir = mkdtempSync(join(tmpdir(), 'distributary-cache-'));
  const dynamo = await startDynamo({ choice: 'dynalite', dataDir, onLog: () => {} });
  const proxy = await startOutageProxy(dynamo.endpoint);
  const requestHandler = { requestTimeout: PATIENT_MS, throwOnRequestTimeout: true };
  const client = () => dynamoClient({ endpoint: proxy.url, requestHandler, ...AWS });
  const [one, other] = [client(), client()];
  await one.send(
    new CreateTableCommand({
      TableName: 'cache',
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
    }),
  );
  const caches = [one, other].map(client => dynamoCache({ client, tableName: 'cache' }));
  return { ...served(caches, proxy), close: () => closed(caches, proxy, dynamo, dataDir) };
}

/** As the one user that the template makes, who may do nothing else. */
async function onValkey(): Promise<CacheUnderTest> {
  const dataDir = mkdtempSync(join(tmpdir(), 'distributary-cache-'));
  const server = await startValkey({ dataDir });
  await asAdministrator(server.url, async valkey => {
    await valkey.call('ACL', 'SETUSER', 'cache', '>let+me/in', ...VALKEY_ACCESS.split(' '));
    await valkey.call('ACL', 'SETUSER', 'default', 'off');
  });
  const proxy = await startOutageProxy(server.url);
  const url = proxy.url.replace('redis://', 'redis://cache:let%2Bme%2Fin@');
  const caches = [1, 2].map(() => valkeyCache(new ValkeyClient({ url, answerMs: PATIENT_MS, connectMs: PATIENT_MS })));
  return { ...served(caches, proxy), close: () => closed(caches, proxy, server, dataDir) };
}

type Proxy = Awaited<ReturnType<typeof startOutageProxy>>;

const served = ([one, other]: readonly Cache[], proxy: Proxy) => ({
  one: one!,
  other: other!,
  key: () => keyOf(randomUUID()),
  outage: (during: () => Promise<void>) => proxy.outage(during),
  cut: () => proxy.cut(),
});

async function closed(caches: readonly Cache[], proxy: Proxy, server: { stop(): Promise<void> }, folder: string) {
  for (const cache of caches) await cache.close();
  await proxy.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function asAdministrator<T>(url: string, act: (valkey: Valkey) => Promise<T>): Promise<T> {
  const valkey = new Valkey(url, { retryStrategy: () => null });
  try {
    return await act(valkey);
  } finally {
    valkey.disconnect();
  }
}

const hasValkey = valkeyProgram() !== undefined;
const ENGINES = [
  { engine: 'memory', open: inMemory, isRemote: false, isThere: true },
  { engine: 'DynamoDB', open: onDynamo, isRemote: true, isThere: true },
  { engine: 'Valkey', open: onValkey, isRemote: true, isThere: hasValkey },
];

for (const { engine, open, isRemote, isThere } of ENGINES) {
  (isThere ? describe : describe.skip)(`${engine}:`, () => {
    testCache(open, { isRemote });
    describe('the cache of permissions', () => testPermissions(open, isRemote));
  });
}

function testPermissions(open: () => Promise<CacheUnderTest>, isRemote: boolean): void {
  let subject: CacheUnderTest;
  beforeAll(async () => {
    subject = await open();
  }, 60_000);
  afterAll(() => subject?.close(), 60_000);

  const clerk = {
    tenant: 'acme',
    kind: 'company',
    role: 'company-user',
    validFrom: 0,
    validTo: null,
    suspended: false,
  };
  /** Two instances, and a canonical store that takes its time. */
  function instances(memberships: readonly (typeof clerk)[], takesMs = 0) {
    const seen = { asked: 0, unavailable: 0, now: Date.now() };
    const [one, other] = [subject.one, subject.other].map(
      cache =>
        new PermissionCache({
          cache,
          now: () => seen.now,
          load: async () => {
            seen.asked += 1;
            await delay(takesMs);
            return { memberships: memberships as never, token: 'one', now: seen.now };
          },
          onUnavailable: () => {
            seen.unavailable += 1;
          },
        }),
    );
    return { seen, one: one!, other: other! };
  }

  test('asks the canonical store once for all who ask at the same time', async () => {
    const { seen, one, other } = instances([clerk], 20);
    const user = randomUUID();
    const answers = await Promise.all([one, one, one, other, other].map(from => from.permissionsOf(user)));
    expect(answers.map(({ memberships }) => memberships)).toEqual(Array(5).fill([clerk]));
    expect(seen.asked).toBe(1);
    await one.permissionsOf(randomUUID());
    expect(seen.asked).toBe(2);
    expect(keyOf(user)).toMatch(/^permissions\/\d+\/[0-9a-f-]{36}$/);
  });

  test('believes for a few seconds, less that somebody is nobody, and never what it was told to forget', async () => {
    for (const [memberships, life] of [
      [[clerk], PERMISSION_TTL_MS],
      [[], NOBODY_TTL_MS],
    ] as const) {
      const { seen, one, other } = instances(memberships);
      const user = randomUUID();
      for (const instance of [one, other, one]) await instance.permissionsOf(user);
      expect(seen.asked).toBe(1);
      await other.forget(user);
      await one.permissionsOf(user);
      expect(seen.asked).toBe(2);
      seen.now += life;
      await other.permissionsOf(user);
      expect(seen.asked).toBe(3);
    }
  });

  test('goes by the time in an entry, whatever the engine keeps, and makes again what it does not understand', async () => {
    const { seen, one } = instances([clerk]);
    const old = { memberships: [clerk], token: 'one', madeAt: seen.now - PERMISSION_TTL_MS };
    for (const entry of [JSON.stringify(old), '{"memberships":7}', 'no JSON']) {
      const user = randomUUID();
      const { asked } = seen;
      await subject.one.put(keyOf(user), entry, 60_000);
      expect((await one.permissionsOf(user)).madeAt).toBe(seen.now);
      expect(seen.asked).toBe(asked + 1);
    }
  });

  if (isRemote) {
    test('is not needed: while it is down the canonical store is asked, and it is left alone for a while', async () => {
      const { seen, one } = instances([clerk]);
      await subject.outage!(async () => {
        for (let asked = 1; asked <= 3; asked++) {
          expect((await one.permissionsOf(randomUUID())).memberships).toEqual([clerk]);
          expect(seen).toMatchObject({ asked, unavailable: 1 });
        }
      });
      seen.now += 60_000;
      const user = randomUUID();
      for (let times = 0; times < 2; times++) await one.permissionsOf(user);
      expect(seen).toMatchObject({ asked: 4, unavailable: 1 });
    });
  }
}

(hasValkey ? test : test.skip)(
  'the user of a Valkey can do nothing but what the cache does',
  async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'distributary-cache-'));
    const server = await startValkey({ dataDir });
    try {
      const refusals = await asAdministrator(server.url, async valkey => {
        await valkey.call('ACL', 'SETUSER', 'cache', '>x', ...VALKEY_ACCESS.split(' '));
        const dry = (...command: string[]) => valkey.call('ACL', 'DRYRUN', 'cache', ...command);
        const refused = [
          ['keys', '*'],
          ['flushall'],
          ['config', 'get', '*'],
          ['eval', 'return 1', '0'],
          ['get', 'others/1'],
          ['set', 'rate/1', 'x'],
          ['publish', 'channel', 'x'],
        ];
        expect(await dry('get', keyOf('ann'))).toBe('OK');
        return Promise.all(refused.map(command => dry(...command)));
      });
      for (const refusal of refusals) expect(refusal).toMatch(/no permissions/);
    } finally {
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    }
  },
  60_000,
);

test('without such a server local mode says what to install', async () => {
  const started = startValkey({ dataDir: join(tmpdir(), 'nowhere'), env: { PATH: '' } });
  await expect(started).rejects.toMatchObject({ code: 'tool-missing', hint: expect.stringContaining('valkey-server') });
});

test('a function logs in to a cache with a request that its role signed, good for a quarter of an hour', async () => {
  const kept = { ...process.env };
  Object.assign(process.env, {
    AWS_ACCESS_KEY_ID: 'AKID',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_SESSION_TOKEN: 'session',
  });
  try {
    const token = await tokenOf({ cacheName: 'people', user: 'queries', region: 'eu-central-1' });
    expect(token).toMatch(/^people\/\?/);
    const query = Object.fromEntries(new URL(`http://${token}`).searchParams);
    expect(query).toMatchObject({
      Action: 'connect',
      User: 'queries',
      ResourceType: 'ServerlessCache',
      'X-Amz-Expires': '900',
      'X-Amz-SignedHeaders': 'host',
      'X-Amz-Security-Token': 'session',
      'X-Amz-Credential': expect.stringMatching(/^AKID\/\d{8}\/eu-central-1\/elasticache\/aws4_request$/),
      'X-Amz-Signature': expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  } finally {
    process.env = kept;
  }
});

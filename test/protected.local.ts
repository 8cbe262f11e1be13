import { createCipheriv, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '../core/change.ts';
import type { ProtectionKey } from '../core/protection.ts';
import type { Target, Write } from '../core/store.ts';
import { controlTable } from '../functions/control.ts';
import type { OperateContext } from '../functions/operate/context.ts';
import { driftStore } from '../functions/operate/drift/drift-store.ts';
import { rotateKeysRun } from '../functions/operate/lifecycle/rotate-keys.ts';
import { type Run, runSchema } from '../functions/operate/runs/run.ts';
import type { RunHandle, RunPatch } from '../functions/operate/runs/run-kind.ts';
import { dynamoStore } from '../functions/stores/dynamodb.ts';
import { dynamoClient } from '../functions/stores/dynamodb-client.ts';
import { fieldProtection } from '../functions/stores/field-protection.ts';
import { protectedStore } from '../functions/stores/protected.ts';
import { type ProtectionKeys, protectionKeys } from '../functions/stores/protection-keys.ts';
import { startDynamo } from '../local/dynamodb.ts';
import { deleted, keyBlock, live, suiteContract } from '../testing/store-samples.ts';
import { testStore } from '../testing/store-suite.ts';
import { createControlTable } from './control-table.ts';

const plainContract = suiteContract('guarded', 'dynamodb');
const contract = {
  ...plainContract,
  fields: {
    ...plainContract.fields,
    title: { ...plainContract.fields.title!, protected: true },
    parties: { ...plainContract.fields.parties!, protected: true },
  },
};

let folder: string;
let dynamo: Awaited<ReturnType<typeof startDynamo>>;
let client: ReturnType<typeof dynamoClient>;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'distributary-protected-'));
  dynamo = await startDynamo({ choice: 'dynalite', dataDir: folder, onLog: () => {} });
  client = dynamoClient({
    endpoint: dynamo.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  await createControlTable(client, 'control');
});
afterAll(async () => {
  client.destroy();
  await dynamo.stop();
  rmSync(folder, { recursive: true, force: true });
});

function keyNamed(name: string): ProtectionKey {
  const file = join(folder, `${name}-${randomBytes(4).toString('hex')}`);
  writeFileSync(file, randomBytes(32).toString('base64'), { mode: 0o600 });
  return { name, file };
}
const openStores = () => {
  const control = controlTable({ client, tableName: 'control' });
  const plain = dynamoStore({ client, contract, control, tableName: 'guarded' });
  return {
    control,
    plain,
    under: (...keys: ProtectionKey[]) => protectedStore(plain, fieldProtection(contract, protectionKeys(keys))),
  };
};
let targets = 0;
async function fresh() {
  const stores = openStores();
  const target: Target = { store: 'guarded', name: `guarded.${++targets}` };
  await stores.plain.create(target);
  return { ...stores, target };
}
const texts = (document: JsonObject | null | undefined) => JSON.stringify(document);

test('what is protected is not to be read in the table, and is as it was through the port', async () => {
  const { plain, under, target } = await fresh();
  const store = under(keyNamed('one'));
  const [key, gone] = keyBlock(2).keys;
  const write = live(key!, 1);
  await store.write(target, [write, deleted(gone!, 1)]);
  const kept = await plain.read(target, key!);
  expect(texts(kept?.document)).not.toMatch(/Müller|Malmö/);
  expect(kept?.document).toMatchObject({ status: 'in review', title: expect.stringMatching(/^sealed:one:/) });
  expect(await store.read(target, key!)).toEqual(write);
  // A comparison with the canonical store needs no key: version and digest are of the state.
  expect(await plain.digest(target, {})).toEqual(await store.digest(target, {}));
  expect(await store.digest(target, {})).toEqual({ count: 1, sum: write.digest });
});

test('a value that was put into another document, or field, is refused', async () => {
  const { plain, under, target } = await fresh();
  const store = under(keyNamed('one'));
  const [mine, yours] = keyBlock(2).keys;
  await store.write(target, [live(mine!, 1), live(yours!, 1)]);
  const [a, b] = [(await plain.read(target, mine!))!, (await plain.read(target, yours!))!];
  const forge = (document: JsonObject) => plain.rewrite(target, { ...b, document });
  await forge({ ...b.document, title: a.document!.title! });
  await expect(store.read(target, yours!)).rejects.toMatchObject({ code: 'document-refused' });
  await forge({ ...b.document, title: b.document!.parties! });
  await expect(store.read(target, yours!)).rejects.toMatchObject({ code: 'document-refused' });
  // What only compares finds it all the same, and a newer version takes its place.
  const [found] = (await Array.fromAsync(driftStore(store, target).entries({}))).filter(({ key }) => key === yours);
  expect(found).toMatchObject({ version: b.version, digest: b.digest });
  await store.write(target, [live(yours!, 2)]);
  expect(await store.read(target, yours!)).toEqual(live(yours!, 2));
});

test('a rotation puts all under the new key while readers read and writers write, and is resumed where it was', async () => {
  const { control, plain, under, target } = await fresh();
  const [old, young] = [keyNamed('old'), keyNamed('young')];
  const { keys } = keyBlock(250);
  const writes = keys.map((key, index) => (index % 50 === 0 ? deleted(key, 1) : live(key, 1)));
  await under(old).write(target, writes);
  await control.cutOver(target);
  const digest = await plain.digest(target, {});

  const store = under(young, old);
  const newer = live(keys[7]!, 2);
  let isOver = false;
  const read: Write[] = [];
  const reading = (async () => {
    for (let n = 0; !isOver; n++) read.push((await store.read(target, keys[n % keys.length]!))!);
  })();
  const run = await finished(
    { control, store: () => ({ store, definition: { contract } }), canonical: { count: async () => keys.length } },
    async saves => {
      if (saves === 1) await store.write(target, [newer]);
      // A function of before the deployment still writes under the former key.
      if (saves === 2) await under(old).write(target, [live(keys[3]!, 3)]);
      return saves === 2;
    },
  );
  isOver = true;
  await reading;

  expect(run.report).toMatchObject({ complete: true, passes: expect.any(Number) });
  expect(run.progress.done).toBeGreaterThanOrEqual(keys.length * 2);
  expect(read.length).toBeGreaterThan(10);
  for (const seen of read)
    expect([1, 2, 3].map(n => live(seen.key, n).document)).toContainEqual(seen.document ?? live(seen.key, 1).document);
  for await (const { document } of plain.scan(target, {})) expect(texts(document)).not.toContain('sealed:old:');
  // Without the former key all can be read, and nothing is of another version than before but what was written.
  const alone = under(young);
  expect(await alone.read(target, keys[7]!)).toEqual(newer);
  expect(await alone.read(target, keys[9]!)).toEqual(writes[9]);
  const difference = newer.digest - writes[7]!.digest + live(keys[3]!, 3).digest - writes[3]!.digest;
  expect(await plain.digest(target, {})).toEqual({ count: digest.count, sum: digest.sum + difference });
}, 60_000);

test('what was there before its field was protected is sealed by a rotation', async () => {
  const { plain, under, target } = await fresh();
  const [key] = keyBlock(1).keys;
  await plain.write(target, [live(key!, 1)]);
  const store = under(keyNamed('one'));
  expect(await store.read(target, key!)).toEqual(live(key!, 1));
  expect(await store.rotate(target, {}, 10)).toEqual({ seen: 1, rewritten: 1, next: undefined });
  expect(texts((await plain.read(target, key!))?.document)).not.toContain('Müller');
  expect(await store.rotate(target, {}, 10)).toEqual({ seen: 1, rewritten: 0, next: undefined });
});

test('a key that is not named, or no key at all, is told as what it is', async () => {
  const { under, target } = await fresh();
  const [key] = keyBlock(1).keys;
  await under(keyNamed('one')).write(target, [live(key!, 1)]);
  await expect(under(keyNamed('two')).read(target, key!)).rejects.toMatchObject({ code: 'environment-invalid' });
  const short = join(folder, 'short');
  writeFileSync(short, 'c2hvcnQ=');
  expect(() => protectionKeys([{ name: 'short', file: short }])).toThrow(/holds 5 bytes/);
});

/** Advances the run as the operations function does, but is killed where `kill` says so, and goes on from what was saved. */
async function finished(context: object, kill: (saves: number) => Promise<boolean>): Promise<Run> {
  const now = Date.now();
  let saved: Run = runSchema.parse({
    ...{ id: 'r', store: 'guarded', operation: 'rotate-keys', state: 'running', wanted: 'run', step: 'rotate' },
    ...{ actor: 'a', reason: 'r', request: {}, memo: {}, startedAt: now, updatedAt: now, finishedAt: null },
    ...{ progress: { done: 0, total: 0, unit: 'documents', ratePerSecond: 0 }, error: null, report: null, lease: null },
  });
  let saves = 0;
  for (let next: unknown = 'rotate'; next === 'rotate'; ) {
    const handle: RunHandle = {
      get run() {
        return saved;
      },
      signal: new AbortController().signal,
      sleep: async () => {},
      async save({ memo, progress, report }: RunPatch) {
        const killed = await kill(++saves);
        saved = {
          ...saved,
          memo: { ...saved.memo, ...memo },
          progress: { ...saved.progress, ...progress },
          report: report ?? saved.report,
        };
        if (killed) throw new Error('killed');
      },
    };
    const clock = { now: () => Date.now() };
    next = await rotateKeysRun.steps.rotate!(handle, { ...context, clock } as unknown as OperateContext).catch(
      error => {
        if ((error as Error).message !== 'killed') throw error;
        return 'rotate';
      },
    );
  }
  return saved;
}

/** One key for all, without envelopes: the suite writes thousands of values, and asks nothing of keys. */
function quickKeys(): ProtectionKeys {
  const secret = randomBytes(32);
  return {
    current: 'quick',
    async seal(text) {
      const iv = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', secret, iv);
      return Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final()]);
    },
    async open(_, sealed) {
      const cipher = createCipheriv('aes-256-gcm', secret, sealed.subarray(0, 12));
      return Buffer.concat([cipher.update(sealed.subarray(12)), cipher.final()]).toString('utf8');
    },
  };
}

testStore(
  'DynamoDB store with protected fields',
  async () => {
    const { control, plain } = openStores();
    await control.withdraw('guarded');
    return {
      store: protectedStore(plain, fieldProtection(contract, quickKeys())),
      target: () => ({ store: 'guarded', name: `suite.${++targets}` }),
      close: async () => {},
    };
  },
  { lacks: ['forgetDeletes', 'refusedDocument', 'gained', 'outage'] },
);

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeleteItemCommand } from '@aws-sdk/client-dynamodb';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { SAMPLE } from '../bin/complaints/sample.ts';
import type { Overview } from '../bin/overview/overview.ts';
import { settle } from '../bin/running/settled.ts';
import type { ProjectedContract } from '../core/store-contract.ts';
import type { AggregateId, TenantId, Version } from '../core/version.ts';
import { keyItem } from '../functions/stores/dynamodb-item.ts';
import { counting, manifest } from '../functions/stores/parquet-manifest.ts';
import { bucketObjects } from '../functions/stores/parquet-objects.ts';
import { type Definitions, readDefinitions } from '../lib/definitions.ts';
import { ENDPOINTS_FILE } from '../local/endpoints.ts';
import type { LocalMode } from '../local/local-mode.ts';
import { startLocalMode } from '../local/starting.ts';
import { type OpenStores, openStores } from '../local/verification/open-stores.ts';
import { type StoreVerdict, verifyStores } from '../local/verify.ts';
import { importSome, onCanonical } from './running-mode.ts';
import { typedAlone } from './typed-commands.ts';

const TIMEOUT_MS = 180_000;
const ROWS = 60;

let mode: LocalMode;
let read: Definitions;
let stores: OpenStores;
let keys: readonly AggregateId[];
const dataDir = mkdtempSync(join(tmpdir(), 'distributary-verify-'));

beforeAll(async () => {
  mode = await startLocalMode({ dataDir, search: 'embedded' });
  read = await readDefinitions();
  stores = openStores(mode.endpoints);
  await importSome(mode.endpoints, dataDir, ROWS);
  keys = await onCanonical(mode.endpoints, async client => {
    const { rows } = await client.query<{ id: AggregateId }>('select id from cases order by id');
    return rows.map(({ id }) => id);
  });
  await settle(mode.endpoints, read.catalogue);
}, TIMEOUT_MS);

afterAll(async () => {
  stores?.close();
  await mode?.stop();
  rmSync(dataDir, { recursive: true, force: true });
}, TIMEOUT_MS);

const contractOf = (store: string): ProjectedContract =>
  read.catalogue.projected.find(({ store_name }) => store_name === store)!;
const placeOf = (store: string) => mode.endpoints.stores[store]!;

/** The verdict on one store. */
async function verify(store: string): Promise<StoreVerdict> {
  const definitions = read.definitions.filter(({ contract }) => contract.store_name === store);
  return (await verifyStores(mode.endpoints, definitions))[0]!;
}

/** Puts the canonical store's present state into every store again, by a change that says nothing new. */
async function mend(...mended: readonly AggregateId[]): Promise<void> {
  await onCanonical(mode.endpoints, async client => {
    for (const key of mended) await client.query('update cases set due_on = due_on where id = $1', [key]);
  });
  await settle(mode.endpoints, read.catalogue);
}

/** Changes fields of a search document under the version that it has, as nothing of ours would. */
async function overwrite(index: string, key: AggregateId, changes: object): Promise<void> {
  const answer = await fetch(`${mode.endpoints.opensearch.url}/${index}/_doc/${key}`);
  const { _source, _version } = (await answer.json()) as { _source: object; _version: number };
  const query = `version=${_version}&version_type=external_gte`;
  await searchRequest('PUT', `${index}/_doc/${key}?${query}`, { ..._source, ...changes });
}

async function searchRequest(method: string, path: string, body?: object): Promise<void> {
  const { url } = mode.endpoints.opensearch;
  const init = { method, headers: { 'content-type': 'application/json' } };
  const answer = await fetch(`${url}/${path}`, body ? { ...init, body: JSON.stringify(body) } : init);
  expect(answer.status).toBeLessThan(300);
}

test(
  'untouched stores agree',
  async () => {
    const verdicts = await verifyStores(mode.endpoints, read.definitions);
    const shown = Object.fromEntries(
      verdicts.map(({ store, rows, documents, drift }) => [store, [rows, documents, drift]]),
    );
    expect(shown).toEqual({
      // Of these rows twelve are closed.
      'case-archive': [ROWS, 12, 0],
      'case-facts': [ROWS, ROWS, 0],
      'case-search': [ROWS, ROWS, 0],
      'case-timeline': [ROWS, ROWS, 0],
      'investigator-worklist': [ROWS, 0, 0],
    });
  },
  TIMEOUT_MS,
);

test(
  'a search document that somebody changed, one that is gone, and one too many',
  async () => {
    const store = stores.open(contractOf('case-search'));
    const target = (await store.current())!;
    const held = (await store.read(target, keys[0]!))!;
    const { tenant, committedAt } = held;
    const foreign = 'ffffffff-0000-4000-8000-000000000000' as AggregateId;
    await overwrite(target.name, keys[0]!, { status: 'withdrawn' });
    await searchRequest('DELETE', `${target.name}/_doc/${keys[1]}`);
    await store.write(target, [{ ...held, key: foreign, tenant, committedAt }]);
    const verdict = await verify('case-search');
    expect(verdict).toMatchObject({
      rows: ROWS,
      documents: ROWS,
      different: 1,
      missing: 1,
      extra: 1,
      stale: 0,
      drift: 3,
    });
    expect(verdict.examples).toEqual(
      expect.arrayContaining([
        { key: keys[0], what: expect.stringMatching(/^different: other values of status at version/) },
        { key: keys[1], what: expect.stringMatching(/^missing: version/) },
        { key: foreign, what: expect.stringMatching(/^extra: version/) },
      ]),
    );
    await searchRequest('DELETE', `${target.name}/_doc/${foreign}`);
    // The deletion by hand took the next version for itself.
    await mend(keys[0]!, keys[1]!, keys[1]!);
    expect(await verify('case-search')).toMatchObject({ documents: ROWS, drift: 0 });
  },
  TIMEOUT_MS,
);

test(
  'an item that is gone, and one that stayed behind',
  async () => {
    const store = stores.open(contractOf('case-timeline'));
    const target = (await store.current())!;
    const held = (await store.read(target, keys[2]!))!;
    for (const key of [keys[2]!, keys[3]!]) {
      await stores.dynamo.send(new DeleteItemCommand({ TableName: target.name, Key: keyItem(key) }));
    }
    await store.write(target, [{ ...held, version: (held.version - 1) as Version }]);
    const verdict = await verify('case-timeline');
    expect(verdict).toMatchObject({ documents: ROWS - 1, stale: 1, missing: 1, drift: 2 });
    await mend(keys[2]!, keys[3]!);
    expect(await verify('case-timeline')).toMatchObject({ documents: ROWS, drift: 0 });
  },
  TIMEOUT_MS,
);

test(
  'a file of facts that got lost',
  async () => {
    const store = stores.open(contractOf('case-facts'));
    const target = (await store.current())!;
    const files = manifest(stores.control, bucketObjects(stores.s3, placeOf('case-facts').bucket!));
    const [lost] = counting(await files.entries(target));
    expect(await files.discard(target, lost!)).toBe(true);
    const verdict = await verify('case-facts');
    expect(verdict.missingVersions).toBe(lost!.rows);
    expect(verdict.drift).toBeGreaterThanOrEqual(lost!.rows);
  },
  TIMEOUT_MS,
);

test(
  'a document that a projector should have hidden',
  async () => {
    const store = stores.open(contractOf('investigator-worklist'));
    const target = (await store.current())!;
    const held = (await store.read(target, keys[5]!))!;
    const tenant = '7e000000-0000-4000-8000-000000000001' as TenantId;
    await stores.dynamo.send(new DeleteItemCommand({ TableName: target.name, Key: keyItem(keys[5]!) }));
    await store.write(target, [{ ...held, tenant, document: { title: 'Not for a worklist' } }]);
    expect(await verify('investigator-worklist')).toMatchObject({ documents: 1, different: 1, drift: 1 });
  },
  TIMEOUT_MS,
);

describe('commands at work on a local mode', () => {
  const call = (...words: readonly string[]) => typedAlone(words);

  test(
    'import lists bad rows by line and exits 1; without them it exits 0',
    async () => {
      const [header = '', ...records] = readFileSync(SAMPLE, 'utf8').split('\r\n');
      const file = join(dataDir, 'more.csv');
      const bad = records[ROWS]!.replace(/^[^,]*/, '2023-02-30');
      writeFileSync(file, [header, records[ROWS + 1], bad, records[0]].join('\r\n'));
      const { code, out, err } = await call('import', file, '--data-dir', dataDir);
      expect(code).toBe(1);
      expect(out).toMatch(/^1 row imported in .*, 1 there already, 1 bad and left out\n$/);
      expect(err).toContain(`${file}:3: Date received "2023-02-30" is no date like 2023-08-25\n`);
      expect(err).toContain('hint: correct the row in the file');

      writeFileSync(file, [header, records[ROWS + 1], records[ROWS]].join('\r\n'));
      const again = await call('import', file, '--data-dir', dataDir, '--json');
      expect(again).toMatchObject({ code: 0 });
      expect(JSON.parse(again.out)).toMatchObject({ file, imported: 1, present: 1, bad: 0, badRows: [] });
    },
    TIMEOUT_MS,
  );

  test(
    'status shows every store, and exits 1 once something is beyond its contract',
    async () => {
      await settle(mode.endpoints, read.catalogue);
      const { code, out } = await call('status', '--data-dir', dataDir, '--json');
      const overview = JSON.parse(out) as Overview;
      expect(overview.concerns).toEqual([]);
      expect(code).toBe(0);
      expect(overview.source).toMatchObject({
        answers: true,
        changesPerSecond: expect.any(Number),
        dependantsPending: 0,
      });
      expect(overview.relay.slot).toMatchObject({ active: true, walStatus: 'reserved' });
      expect(overview.stores.map(({ store, documents, failed }) => [store, documents, failed])).toEqual([
        ['case-archive', expect.any(Number), 0],
        ['case-facts', expect.any(Number), 0],
        ['case-search', ROWS + 2, 0],
        ['case-timeline', ROWS + 2, 0],
        ['investigator-worklist', 1, 0],
      ]);

      const { sqs: endpoint, region, credentials } = mode.endpoints;
      const sqs = new SQSClient({ endpoint, region, credentials: { ...credentials } });
      const QueueUrl = placeOf('case-search').failedQueueUrl;
      await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'lost' }));
      const worse = await call('status', '--data-dir', dataDir);
      sqs.destroy();
      expect(worse.code).toBe(1);
      expect(worse.out).toContain('! case-search has 1 failed change\n');
      for (const { store } of overview.stores) expect(worse.out).toContain(`\n${store} `);
    },
    TIMEOUT_MS,
  );

  test('status of a local mode that was killed says so', async () => {
    const left = join(dataDir, 'left');
    mkdirSync(left);
    const endpoints = { ...mode.endpoints, pid: 999_999, control: 'http://127.0.0.1:1' };
    writeFileSync(join(left, ENDPOINTS_FILE), JSON.stringify(endpoints));
    const { code, err } = await call('status', '--data-dir', left);
    expect(code).toBe(2);
    expect(err).toContain('local mode, process 999999, does not answer at http://127.0.0.1:1');
    expect(err).toContain('(not-running)');
  });
});

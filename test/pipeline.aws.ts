import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import type { Document, YAMLMap } from 'yaml';
import { importComplaints } from '../bin/complaints/importing.ts';
import { localDestination } from '../bin/complaints/local-destination.ts';
import { SAMPLE } from '../bin/complaints/sample.ts';
import type { Definition } from '../core/projection.ts';
import type { AggregateId } from '../core/version.ts';
import { readCatalogue } from '../lib/contract-files.ts';
import { readDefinitions } from '../lib/definitions.ts';
import { type OpenStores, openStores } from '../local/verification/open-stores.ts';
import { withChangedContracts } from './aws/changed-contracts.ts';
import { alarmNamed, cloudWatch } from './aws/cloudwatch.ts';
import { deploy } from './aws/deployment.ts';
import { feeding } from './aws/lane-feeds.ts';
import { NAMES, readPlaces } from './aws/places.ts';
import { givenKeys, holdsAll, redrive, rotate, sealedUnder, stored } from './aws/stores-of-deployment.ts';
import { until } from './local-fixture.ts';

/**
 * What users get from `cdk deploy`, on an emulator of AWS: started, deployed and told of by test/aws/run.ts. The tests
 * build on each other, in this order.
 */
const places = readPlaces();
const { endpoints, deployment } = places;
const ROWS = 20;
/** Keys of protected fields: the one that the first deployment has, and the one that the second puts before it. */
const [FORMER, YOUNG] = ['2026-11', '2026-12'];
/** Not tried on the other: a second deployment brings a key there. */
const rotates = places.emulator === 'ministack';
const TIMEOUT_MS = 180_000;
/** A second deployment of all stacks, on a busy machine. */
const DEPLOYMENT_MS = 420_000;
/** What follows waits for queues, and for functions that start. */
const SETTLE_MS = 90_000;

// Jest runs this file in a realm of its own; what the platform clones is of another one, which a strict comparison tells apart.
globalThis.structuredClone = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

let database: pg.Client;
let stores: OpenStores;
let definitions: readonly Definition[];
let keys: readonly AggregateId[];

beforeAll(async () => {
  database = new pg.Client(endpoints.postgres.url);
  await database.connect();
  stores = openStores(endpoints);
  ({ definitions } = await readDefinitions());
});
afterAll(async () => {
  stores?.close();
  await database?.end();
});

const settled = () => holdsAll(endpoints, definitions, SETTLE_MS);
const documentOf = (store: string, key: AggregateId) => stored(stores, definitions, store, key);

test(
  'what is committed reaches search, tables and Parquet files',
  async () => {
    const file = join(places.folder, 'some.csv');
    const records = readFileSync(SAMPLE, 'utf8').split('\r\n');
    writeFileSync(file, records.slice(0, ROWS + 1).join('\r\n'));
    const { imported } = await importComplaints({ file, ...(await localDestination(endpoints)) });
    expect(imported).toBe(ROWS);
    const { rows } = await database.query<{ id: AggregateId }>('select id from cases order by reference');
    keys = rows.map(({ id }) => id);
    const verdicts = await settled();
    const documents = verdicts.map(({ store, engine, documents }) => [store, engine, documents]);
    expect(documents).toEqual([
      ['case-facts', 's3', ROWS],
      ['case-search', 'opensearch', ROWS],
      ['case-timeline', 'dynamodb', ROWS],
      ['investigator-worklist', 'dynamodb', 0],
    ]);
  },
  TIMEOUT_MS,
);

test(
  'what takes rights away overtakes what waits in the standard lane',
  async () => {
    const [ordinary, restricted] = keys as [AggregateId, AggregateId];
    const standard = await feeding(endpoints, 'case-search', 'standard');
    const before = await documentOf('case-search', ordinary);
    await standard.stop();
    try {
      await database.query('update cases set due_on = due_on where id = $1', [ordinary]);
      await database.query('update cases set restricted = true where id = $1', [restricted]);
      await until(
        async () => (await documentOf('case-search', restricted))?.document?.restricted,
        'restricted',
        SETTLE_MS,
      );
      expect((await documentOf('case-search', ordinary))?.version).toBe(before?.version);
      expect(await standard.waiting()).toBeGreaterThan(0);
    } finally {
      await standard.start();
    }
    await settled();
    expect((await documentOf('case-search', ordinary))?.version).toBeGreaterThan(before!.version);
  },
  TIMEOUT_MS,
);

test(
  'an alarm goes off when its metric breaks the contract',
  async () => {
    const name = NAMES.alarm('case-timeline', 'stale');
    const put = (seconds: number) =>
      cloudWatch(endpoints.control, 'PutMetricData', {
        Namespace: 'distributary',
        'MetricData.member.1.MetricName': 'freshness_seconds',
        'MetricData.member.1.Dimensions.member.1.Name': 'service',
        'MetricData.member.1.Dimensions.member.1.Value': 'case-timeline',
        'MetricData.member.1.Value': String(seconds),
      });
    const state = async () => (await alarmNamed(endpoints.control, name)).state;
    await put(1);
    await until(async () => (await state()) === 'OK', `${name} is OK`, SETTLE_MS);
    const { threshold } = await alarmNamed(endpoints.control, name);
    expect(threshold).toBe(30);
    await put(threshold + 1);
    await until(async () => (await state()) === 'ALARM', `${name} rings`, SETTLE_MS);
  },
  TIMEOUT_MS,
);

describe('a producer that is ahead of the projectors', () => {
  const failures = async (store: string) => {
    const { code, out } = await redrive(store, '--json', '--data-dir', places.folder);
    return { code, left: (JSON.parse(out) as { left: { code: string; count: number; hint: string }[] }).left };
  };

  test(
    'leaves its changes in the failed queues, each with its reason',
    async () => {
      await database.query(
        `insert into canonical.outbox (tenant_id, aggregate, aggregate_id, version, change, lane, schema_version, digest, payload)
          select tenant_id, aggregate, aggregate_id, version + 1, 'updated', 'standard', 2, digest, payload
            from canonical.outbox where aggregate_id = $1 order by version desc limit 1`,
        [keys[2]],
      );
      for (const { contract } of definitions) {
        const { store_name } = contract;
        const seen = await until(
          async () => {
            const found = await failures(store_name);
            return found.left.length > 0 ? found : undefined;
          },
          `${store_name} has a failed change`,
          SETTLE_MS,
        );
        expect(seen.left).toMatchObject([{ code: 'schema-newer', count: 1, hint: expect.stringMatching(/redrive$/) }]);
        expect(seen.code).toBe(1);
      }
    },
    TIMEOUT_MS,
  );

  test(
    'is understood once the newer contract is deployed, and its changes are sent back',
    async () => {
      const { rows } = await database.query<{ payload: object; version: string }>(
        'select payload, version from canonical.outbox where aggregate_id = $1 order by version desc limit 1',
        [keys[2]],
      );
      const { payload, version } = rows[0]!;
      const root = withChangedContracts(places.folder, {
        'aggregates/case.yaml': contract => nextVersion(contract, payload),
        'stores/case-facts.yaml': contract =>
          contract.setIn(['fields', 'on_hold'], contract.createNode({ type: 'boolean' })),
        'stores/case-timeline.yaml': contract => {
          contract.setIn(['freshness_contract', 'maximum_before_alert'], '45_seconds');
          if (rotates) contract.setIn(['protection', 'keys'], [YOUNG, FORMER]);
        },
      });
      await deploy(deployment, root);
      await useGivenKeys();
      for (const { contract } of definitions) {
        const args = [contract.store_name, '--all', '--json', '--data-dir', places.folder];
        const { code, out } = await redrive(...args);
        expect(JSON.parse(out)).toMatchObject({ sent: 1, left: [] });
        expect(code).toBe(0);
      }
      const catalogue = readCatalogue(root);
      definitions = definitions.map(({ contract, projectors }) => ({
        contract: catalogue.projected.find(({ store_name }) => store_name === contract.store_name)!,
        aggregates: catalogue.aggregates.filter(({ aggregate }) => contract.aggregates.includes(aggregate)),
        projectors,
      }));
      const landed = async (store: string) => (await documentOf(store, keys[2]!))?.version === Number(version);
      for (const store of ['case-search', 'case-timeline']) {
        await until(() => landed(store), `${store} has what was sent back`, SETTLE_MS);
      }
    },
    DEPLOYMENT_MS,
  );

  // Its core leaves an alarm as it is when its stack is updated: docs/emulators.md.
  (places.emulator === 'localstack' ? test.skip : test)('with the alarm that the newer contract asks for', async () => {
    const { threshold } = await alarmNamed(endpoints.control, NAMES.alarm('case-timeline', 'stale'));
    expect(threshold).toBe(45);
  });

  (rotates ? test : test.skip)(
    'a rotation puts what is sealed under the young key of KMS, and the former one is needed no more',
    async () => {
      expect(await sealedUnder(endpoints, timeline())).toEqual([FORMER, YOUNG]);
      const { code, out } = await rotate('case-timeline', '--json', '--data-dir', places.folder);
      const { report } = JSON.parse(out);
      expect({ code, report }).toMatchObject({ code: 0, report: { complete: true } });
      expect(report.rewritten).toBeGreaterThanOrEqual(ROWS - 2);
      expect(await sealedUnder(endpoints, timeline())).toEqual([YOUNG]);
      expect(await openUnderYoung()).toBeGreaterThanOrEqual(ROWS - 1);
      expect((await rotate('case-timeline', '--data-dir', places.folder)).out).toMatch(/^0 documents rewritten/);
    },
    TIMEOUT_MS,
  );

  test(
    'and the field that the newer contract adds is in every file that is written from now on',
    async () => {
      // The change above took a version that the canonical store had not given yet: two more outrank it.
      for (let round = 0; round < 2; round += 1) await database.query('update cases set due_on = due_on');
      await settled();
      expect((await documentOf('case-facts', keys[2]!))?.document).toMatchObject({ on_hold: false });
    },
    TIMEOUT_MS,
  );
});

const timeline = () => definitions.find(({ contract }) => contract.store_name === 'case-timeline')!.contract;

/** How many documents whoever has the young key alone reads whole. */
async function openUnderYoung(): Promise<number> {
  const [young] = endpoints.protectionKeys!['case-timeline']!;
  expect(young).toMatchObject({ name: YOUNG, kms: expect.stringMatching(/^arn:aws:kms:/) });
  const alone = openStores({ ...endpoints, protectionKeys: { 'case-timeline': [young!] } });
  try {
    const store = alone.open(timeline());
    let whole = 0;
    for await (const { document } of store.scan((await store.current())!, {})) {
      if (document) whole += 1;
      expect(JSON.stringify(document)).not.toContain('sealed:');
    }
    return whole;
  } finally {
    alone.close();
  }
}

/** With what its functions were given by the second deployment. */
async function useGivenKeys(): Promise<void> {
  Object.assign(endpoints, { protectionKeys: await givenKeys(endpoints) });
  stores.close();
  stores = openStores(endpoints);
}

/** A next version of the states, with nothing new in it; of the version before, one state and no more where it came from. */
function nextVersion(contract: Document, example: object): void {
  const versions = contract.get('versions') as YAMLMap;
  const { properties } = (versions.get(1) as YAMLMap).toJSON() as { properties: object };
  versions.set(2, contract.createNode({ upcast: [], properties }));
  versions.set(1, contract.createNode({ properties: withoutSources(properties), example }));
}

const SOURCES = ['sql', 'rows', 'order'];
const withoutSources = (properties: object): object =>
  JSON.parse(JSON.stringify(properties), (key: string, value: unknown) =>
    SOURCES.includes(key) && typeof value === 'string' ? undefined : value,
  );

import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import pg from 'pg';
import { apiClient } from '../bin/drills/api-client.ts';
import { settle } from '../bin/running/settled.ts';
import type { Diagnosis } from '../core/doctor.ts';
import type { Stored } from '../core/store.ts';
import type { ProjectedContract } from '../core/store-contract.ts';
import { dynamoStore } from '../functions/stores/dynamodb.ts';
import { fieldProtection, protectionOf } from '../functions/stores/field-protection.ts';
import { protectionKeys } from '../functions/stores/protection-keys.ts';
import { readDefinitions } from '../lib/definitions.ts';
import { synthesise } from '../lib/pipeline-app.ts';
import type { Endpoints } from '../local/endpoints.ts';
import type { LocalMode } from '../local/local-mode.ts';
import { startLocalMode } from '../local/starting.ts';
import { type OpenStores, openStores } from '../local/verification/open-stores.ts';
import { verifyStores } from '../local/verify.ts';
import { withChangedContracts } from './aws/changed-contracts.ts';
import { typedAlone } from './typed-commands.ts';

/** What an operator does to data as a whole, through the command line, on one running system whose timeline is sealed. */

const START_MS = 240_000;
const TEST_MS = 180_000;
const CASES = 60;
const STORE = 'case-timeline';
/** As after the second step of a rotation: the young key seals, the former one still opens. */
const [FORMER, YOUNG] = ['2026-11', '2026-12'];

const folder = mkdtempSync(join(tmpdir(), 'protection-'));
chmodSync(folder, 0o755);
const dataDir = join(folder, 'data');
const { catalogue, definitions } = await readDefinitions();
const contract = definitions.find(one => one.contract.store_name === STORE)!.contract as ProjectedContract;

let mode: LocalMode;
let endpoints: Endpoints;
let stores: OpenStores;
let database: pg.Client;
const [bureau, company, successor, supervisor] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
let cases: string[];

const sql = (text: string, values: readonly unknown[] = []) => database.query(text, [...values]);

beforeAll(async () => {
  const root = withChangedContracts(folder, {
    [`stores/${STORE}.yaml`]: changed => changed.setIn(['protection', 'keys'], [YOUNG, FORMER]),
  });
  const outDir = join(folder, 'templates');
  await synthesise({ root, outdir: outDir, checkTemplates: false });
  mode = await startLocalMode({ dataDir, search: 'embedded', outDir });
  endpoints = mode.endpoints;
  stores = openStores(endpoints);
  database = new pg.Client(endpoints.postgres.url);
  await database.connect();
  await sql('set search_path = canonical');
  await sql(
    `insert into tenants (id, name, kind) values ($1, 'Bureau', 'bureau'), ($2, 'Old Bank', 'company'), ($3, 'New Bank', 'company')`,
    [bureau, company, successor],
  );
  await sql(`insert into users (id, display_name) values ($1, 'Somebody')`, [supervisor]);
  await sql(`insert into memberships (tenant_id, tenant_kind, user_id, role) values ($1, 'bureau', $2, 'supervisor')`, [
    ...[bureau, supervisor],
  ]);
  const { rows } = await sql(
    `insert into cases (tenant_id, title, product, issue, status)
     select $1, 'Case ' || n, 'Mortgage', 'Fees', 'received' from generate_series(1, ${CASES}) n returning id`,
    [company],
  );
  cases = rows.map(({ id }) => id);
  await sql(`update cases set status = 'referred', status_reason = 'Marigold' where id = any ($1)`, [cases]);
  await sql(`update cases set status = 'closed', outcome = 'no-relief' where id = any ($1)`, [cases.slice(0, 20)]);
  await settle(endpoints, catalogue);
}, START_MS);
afterAll(async () => {
  await database?.end();
  stores?.close();
  await mode?.stop();
  rmSync(folder, { recursive: true, force: true });
}, START_MS);

const distributary = (...words: readonly string[]) => typedAlone(words);
const onData = ['--data-dir', dataDir, '--actor', 'test', '--reason', 'a test'];

/** The table as it is, sealed values and all. */
const plain = () =>
  dynamoStore({ client: stores.dynamo, contract, control: stores.control, tableName: endpoints.stores[STORE]!.table! });

async function keysInUse(): Promise<Record<string, number>> {
  const used: Record<string, number> = {};
  const table = plain();
  for await (const { document } of table.scan((await table.current())!, {})) {
    const key = /^sealed:([a-z0-9-]+):/.exec(String(document?.entries))?.[1] ?? 'none';
    used[key] = (used[key] ?? 0) + 1;
  }
  return used;
}

const timelineOf = async (id: string) => {
  const ask = apiClient(endpoints, dataDir);
  const { status, body } = await ask({ user: supervisor }, { method: 'GET', path: `/cases/${id}/timeline` });
  expect(status).toBe(200);
  expect(body.freshness).not.toMatchObject({ source: 'canonical' });
  return body.timeline.entries as readonly object[];
};

async function expectAgreement(): Promise<void> {
  const verdicts = await verifyStores(endpoints, definitions);
  expect(verdicts.map(({ store, drift, examples }) => ({ store, drift, examples }))).toEqual(
    verdicts.map(({ store }) => ({ store, drift: 0, examples: [] })),
  );
}

test(
  'what a contract calls protected lies sealed in its table; readers, comparisons and the doctor see it open',
  async () => {
    expect(await keysInUse()).toEqual({ [YOUNG]: CASES });
    const table = plain();
    for await (const stored of table.scan((await table.current())!, {}))
      expect(JSON.stringify(stored)).not.toContain('Marigold');
    expect(await timelineOf(cases[30]!)).toContainEqual(expect.objectContaining({ reason: 'Marigold' }));
    await expectAgreement();
    expect((await distributary('drift', STORE, ...onData)).code).toBe(0);
    const { passed } = JSON.parse((await distributary('doctor', '--json', ...onData)).out) as Diagnosis;
    expect(passed).toContainEqual({ subject: STORE, what: `keeps entries sealed under key ${YOUNG}` });
  },
  TEST_MS,
);

/** As functions of the deployment before wrote it, and as it was before the field was protected. */
async function asBefore(sealed: readonly string[], open: readonly string[]): Promise<void> {
  const table = plain();
  const target = (await table.current())!;
  const former = endpoints.protectionKeys![STORE]!.filter(({ name }) => name === FORMER);
  const now = protectionOf(contract, endpoints.protectionKeys)!;
  const then = fieldProtection(contract, protectionKeys(former));
  for (const id of [...sealed, ...open]) {
    const stored = await now.open((await table.read(target, id as Stored['key']))!);
    expect(await table.rewrite(target, sealed.includes(id) ? await then.seal(stored) : stored)).toBe(true);
  }
}

test(
  'keys rotate puts the rest under the young key, says how far it is, and nobody notices',
  async () => {
    await asBefore(cases.slice(0, 40), cases.slice(40, 45));
    expect(await keysInUse()).toEqual({ [FORMER!]: 40, none: 5, [YOUNG!]: CASES - 45 });
    expect(await timelineOf(cases[10]!)).toContainEqual(expect.objectContaining({ reason: 'Marigold' }));
    await expectAgreement();

    const { code, out, err } = await distributary('keys', 'rotate', STORE, ...onData);
    expect({ code, out }).toEqual({
      code: 0,
      out: expect.stringMatching(/^45 documents rewritten in .*nothing is left/),
    });
    expect(err).toMatch(/documents/);
    expect(await keysInUse()).toEqual({ [YOUNG!]: CASES });
    expect(await timelineOf(cases[10]!)).toContainEqual(expect.objectContaining({ reason: 'Marigold' }));
    await expectAgreement();
    expect((await distributary('keys', 'rotate', STORE, ...onData)).out).toMatch(/^0 documents rewritten/);
    const refused = await distributary('keys', 'rotate', 'case-facts', ...onData);
    expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('has no protected field') });
  },
  TEST_MS,
);

/** As `aws s3 sync` does. */
async function copyOf(bucket: string): Promise<string> {
  const copy = join(folder, 'copy');
  const { Contents = [] } = await stores.s3.send(new ListObjectsV2Command({ Bucket: bucket }));
  for (const { Key } of Contents) {
    const { Body } = await stores.s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
    const file = join(copy, Key!);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, await Body!.transformToByteArray());
  }
  return copy;
}

test(
  'archive seal and verify: a copy proves itself, and an altered one does not',
  async () => {
    const sealed = await distributary('archive', 'seal', 'case-archive', ...onData);
    expect({ code: sealed.code, err: sealed.err }).toEqual({ code: 0, err: '' });
    expect(sealed.out).toMatch(/\d+ objects in \d+ segments/);
    const bucket = endpoints.stores['case-archive']!.bucket!;
    const copy = await copyOf(bucket);
    const verified = await distributary('archive', 'verify', copy, '--json');
    const { fine, targets } = JSON.parse(verified.out);
    expect({ code: verified.code, fine }).toEqual({ code: 0, fine: true });
    expect(targets[0]).toMatchObject({ faultCount: 0 });

    const { Contents = [] } = await stores.s3.send(new ListObjectsV2Command({ Bucket: bucket }));
    const { Key } = Contents.find(({ Key: key }) => cases.slice(0, 20).some(id => key!.includes(id)))!;
    writeFileSync(join(copy, Key!), '{}');
    const forged = await distributary('archive', 'verify', copy);
    expect(forged.code).toBe(1);
    expect(forged.out).toContain(Key);
  },
  TEST_MS,
);

test(
  'tenant move: every store has every case under the new tenant, and none under the old; an erasure looks under both',
  async () => {
    const evidence = { Bucket: endpoints.evidenceBucket!, Key: `${company}/${cases[0]}/content` };
    await stores.s3.send(new PutObjectCommand({ ...evidence, Body: 'Marigold' }));
    const { code, out } = await distributary('tenant', 'move', company, '--to', successor, '--yes', ...onData);
    expect({ code, out }).toEqual({
      code: 0,
      out: expect.stringMatching(/^60 cases and 0 parties moved in .*every store/),
    });
    await settle(endpoints, catalogue);
    for (const { contract: of } of definitions) {
      const store = stores.open(of);
      const tenants = new Set<string>();
      for await (const { tenant, document } of store.scan((await store.current())!, {}))
        if (document) tenants.add(tenant);
      expect([of.store_name, [...tenants]]).toEqual([of.store_name, tenants.size === 0 ? [] : [successor]]);
    }
    expect(await keysInUse()).toEqual({ [YOUNG!]: CASES });
    await expectAgreement();

    const erased = await distributary('erase', cases[0]!, '--yes', ...onData);
    expect({ code: erased.code, err: erased.err }).toEqual({ code: 0, err: expect.any(String) });
    await expect(stores.s3.send(new GetObjectCommand(evidence))).rejects.toMatchObject({ name: 'NoSuchKey' });
  },
  TEST_MS,
);

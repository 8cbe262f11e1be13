import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type InvocationType, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { DeleteObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import pg from 'pg';
import type { Command } from '../bin/command.ts';
import { drillErasureCommand } from '../bin/commands/drill-erasure.ts';
import { eraseCommand } from '../bin/commands/erase.ts';
import { retentionCommand } from '../bin/commands/retention.ts';
import type { ErasureDrill } from '../bin/drills/erasure.ts';
import {
  commitMarkedCase,
  failMarkedCase,
  type MarkedCase,
  markedEvent,
  uploadMarkedEvidence,
} from '../bin/drills/marked-case.ts';
import { withOperations } from '../bin/operate/asking.ts';
import { settle } from '../bin/running/settled.ts';
import { encodePack } from '../core/pack.ts';
import { type AggregateId, storedVersion } from '../core/version.ts';
import { readDefinitions } from '../lib/definitions.ts';
import type { Endpoints } from '../local/endpoints.ts';
import type { LocalMode } from '../local/local-mode.ts';
import { startLocalMode } from '../local/starting.ts';
import { placesOfMarker } from '../local/verification/marker.ts';
import { openStores } from '../local/verification/open-stores.ts';
import { verifyStores } from '../local/verify.ts';
import { capturedTerminal } from './captured-terminal.ts';
import { until } from './local-fixture.ts';

/** One running system, on which cases vanish from everywhere, or stay everywhere. */

const START_MS = 240_000;
const TEST_MS = 180_000;

const dataDir = mkdtempSync(join(tmpdir(), 'erasure-'));
chmodSync(dataDir, 0o755);
const { catalogue, definitions } = await readDefinitions();

let mode: LocalMode;
let endpoints: Endpoints;
let database: pg.Client;

beforeAll(async () => {
  mode = await startLocalMode({ dataDir, search: 'embedded' });
  endpoints = mode.endpoints;
  database = new pg.Client(endpoints.postgres.url);
  await database.connect();
  await database.query('set search_path = canonical');
}, START_MS);
afterAll(async () => {
  await database?.end();
  await mode?.stop();
  rmSync(dataDir, { recursive: true, force: true });
}, START_MS);

const sql = (text: string, values: readonly unknown[] = []) => database.query(text, [...values]);
const placesOf = ({ marker }: MarkedCase) => placesOfMarker(endpoints, definitions, marker);

async function run<Options>(command: Command<Options>, args: readonly string[], options: object = {}) {
  const { terminal, out, err } = capturedTerminal();
  const common = { dataDir, actor: 'test', reason: 'a test' };
  const session = { terminal, json: true, signal: new AbortController().signal };
  const code = await command.run(args, { ...common, ...options } as Options, session);
  return { code, said: JSON.parse(out()), err: err() };
}

const hold = ({ tenant, id }: MarkedCase) =>
  sql(`insert into legal_holds (tenant_id, case_id, reason) values ($1, $2, 'Litigation')`, [tenant, id]);
const release = ({ id }: MarkedCase) => sql('update legal_holds set released_at = now() where case_id = $1', [id]);

test(
  'the drill: what was in every table, store, bucket and failed queue is nowhere, and no other is touched',
  async () => {
    const other = await commitMarkedCase(endpoints);
    const { code, said } = await run<{ readonly dataDir: string }>(drillErasureCommand, []);
    const { planted, notPlanted, left, erasure } = said as ErasureDrill;
    expect({ notPlanted, left, traces: erasure.traces, code }).toEqual({
      notPlanted: [],
      left: [],
      traces: [],
      code: 0,
    });
    expect(planted.length).toBeGreaterThanOrEqual(12);
    const counts = Object.fromEntries(erasure.places.map(one => [`${one.place}: ${one.what}`, one.count]));
    expect(counts).toMatchObject({
      'canonical: cases': 2,
      'case-search: events of its failed queue': 2,
      'case-facts: facts blanked': 5,
      'payloads: object versions removed': 3,
      'evidence: object versions removed': 1,
    });
    expect(await placesOf(other)).toEqual(expect.arrayContaining(['canonical cases', 'store case-facts']));
    const logs = (await placesOf(other)).filter(place => place.startsWith('log '));
    expect(logs).toEqual([]);
    // What shared a failed message with the case was planted too, and is taken away by the drill itself.
    expect(await placesOf({ ...other, marker: 'Bystander' })).toEqual([]);
  },
  TEST_MS,
);

test(
  'a legal hold stops it everywhere; once it is released, it goes',
  async () => {
    const held = await commitMarkedCase(endpoints);
    await hold(held);
    await settle(endpoints, catalogue);
    await failMarkedCase(endpoints, held, 'case-timeline');
    await uploadMarkedEvidence(endpoints, held);
    await followHolds();
    const before = await placesOf(held);
    const refused = run(eraseCommand, [held.id], { yes: true });
    await expect(refused).rejects.toMatchObject({ code: 'run-refused' });
    // Nor is it in anybody's power who goes past the canonical store.
    expect(await removedByHand(held)).toEqual({ evidence: 'AccessDenied', archive: 'AccessDenied' });
    expect(await placesOf(held)).toEqual(before);

    await release(held);
    const { code, said } = await run(eraseCommand, [held.id], { yes: true });
    expect(code).toBe(0);
    expect(said.report.verdicts).toEqual({ [held.id]: 'erasable' });
    expect(await placesOf(held)).toEqual([]);
    // Once more finds nothing to do, and says the same.
    const again = await run(eraseCommand, [held.id], { yes: true });
    expect(again.said.report).toMatchObject({ verdicts: { [held.id]: 'gone' }, traces: [] });
  },
  TEST_MS,
);

/** As the schedule asks each minute. */
const followHolds = () =>
  withOperations({ dataDir, actor: 'test', reason: 'a test' }, async operations => {
    await operations.ask('holds.follow', {});
    return 0;
  });

/** What S3 says to somebody with every right who removes the evidence and the archived versions of a case. */
async function removedByHand({ id, tenant }: MarkedCase): Promise<Readonly<Record<string, string>>> {
  const { s3, close } = openStores(endpoints);
  const remove = async (Bucket: string, prefix: (key: string) => boolean): Promise<string> => {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket }));
    const Key = Contents.map(({ Key: key }) => key!).filter(prefix)[0]!;
    const command = new DeleteObjectCommand({ Bucket, Key, BypassGovernanceRetention: true });
    return s3.send(command).then(
      () => 'removed',
      error => (error as Error).name,
    );
  };
  try {
    return {
      evidence: await remove(endpoints.evidenceBucket!, key => key.startsWith(`${tenant}/${id}/`)),
      archive: await remove(endpoints.stores['case-archive']!.bucket!, key => key.includes(id) && key.includes('held')),
    };
  } finally {
    close();
  }
}

test(
  'retention: what is over goes, what is held or not over stays',
  async () => {
    const [expired, held, kept] = [
      await commitMarkedCase(endpoints),
      await commitMarkedCase(endpoints),
      await commitMarkedCase(endpoints),
    ];
    await sql('update cases set retain_until = current_date - 1 where id = any ($1)', [[expired.id, held.id]]);
    await sql('update cases set retain_until = current_date + 1 where id = $1', [kept.id]);
    await hold(held);
    const dry = await run(retentionCommand, [], { dryRun: true });
    expect(dry).toMatchObject({ code: 1, said: { held: [held.id], erasing: [expired.id], purged: [], remaining: 0 } });
    expect((await sql('select from cases where id = any ($1)', [[expired.id, held.id, kept.id]])).rowCount).toBe(3);

    const { code, said } = await run(retentionCommand, [], { yes: true });
    expect({ code, traces: said.report.traces }).toEqual({ code: 0, traces: [] });
    expect(await placesOf(expired)).toEqual([]);
    for (const stays of [held, kept]) {
      expect(await placesOf(stays)).toEqual(expect.arrayContaining(['canonical cases', 'store case-search']));
    }
    expect((await run(retentionCommand, [], { dryRun: true })).said).toMatchObject({ erasing: [], held: [held.id] });
  },
  TEST_MS,
);

test(
  'what a command purged is due until it has been erased from all that keeps former states, which a schedule asks for',
  async () => {
    const purged = await commitMarkedCase(endpoints);
    await settle(endpoints, catalogue);
    await failMarkedCase(endpoints, purged, 'case-timeline');
    await uploadMarkedEvidence(endpoints, purged);
    await sql('delete from cases where id = $1', [purged.id]);
    const due = async () => (await sql('select from purges_due where case_id = $1', [purged.id])).rowCount;
    expect(await due()).toBe(1);
    await invoke('distributary-operate', 'Event', { ...ASKED, operation: 'erase.due' });
    await until(async () => (await due()) === 0, 'the erasure of what was purged', 120_000);
    // A person is nobody's once the command has gone; what was only the case's is nowhere.
    expect((await placesOf(purged)).filter(place => !/parties|outbox/.test(place))).toEqual([]);
    const { rows } = await sql('select payload::text from outbox where payload is not null and aggregate_id = $1', [
      purged.id,
    ]);
    expect(rows).toEqual([]);
  },
  TEST_MS,
);

test(
  'what comes late brings nothing back: the document stays buried, the fact is blanked by compaction, the rest by the night',
  async () => {
    const late = await commitMarkedCase(endpoints);
    await settle(endpoints, catalogue);
    await run(eraseCommand, [late.id], { yes: true });
    const { sqs: endpoint, region, credentials, stores } = endpoints;
    const sqs = new SQSClient({ endpoint, region, credentials: { ...credentials } });
    const opened = openStores(endpoints);
    try {
      const event = markedEvent(late).replace(
        /"time":"[^"]+"/,
        `"time":"${new Date(Date.now() - 60_000).toISOString()}"`,
      );
      const state = await stateOf(event);
      for (const { queueUrl: QueueUrl } of Object.values(stores)) {
        await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: encodePack([state]) }));
      }
      const facts = () => placesOf(late);
      await until(
        async () => (await facts()).includes('store case-facts') || (await facts()).some(at => at.startsWith('bucket')),
        'a late fact',
        60_000,
      );
      await settle(endpoints, catalogue);
      for (const { contract } of definitions.filter(
        one => one.contract.engine !== 's3' && one.contract.engine !== 's3-object-lock',
      )) {
        const { current } = await opened.control.readTargets(contract.store_name);
        const stored = await opened.open(contract).read(current!, late.id as AggregateId);
        expect(stored).toMatchObject({ document: null, digest: 0 });
        expect(stored!.version).toBeGreaterThan(storedVersion(0, 1));
      }
      await compact();
      expect((await placesOf(late)).filter(place => !place.includes('archive'))).toEqual([]);
      await run(retentionCommand, [], { yes: true });
      expect(await placesOf(late)).toEqual([]);
    } finally {
      sqs.destroy();
      opened.close();
    }
  },
  TEST_MS,
);

/** A whole state, as the database makes it, with the marker of another case in it. */
async function stateOf(event: string): Promise<string> {
  const { rows } = await sql(
    `select payload from outbox where aggregate = 'case' and payload is not null and change = 'created' limit 1`,
  );
  const parsed = JSON.parse(event);
  const marker = parsed.data.title;
  return JSON.stringify({
    ...parsed,
    data: { ...rows[0].payload, title: marker, product: marker, issue: marker, narrative: marker },
  });
}

const compact = () => invoke('distributary-compact-case-facts', 'RequestResponse', {});

/** As schedules ask. */
const ASKED = { api: 1, actor: 'schedule', reason: 'a test' };

async function invoke(FunctionName: string, InvocationType: InvocationType, event: object): Promise<void> {
  const { control: endpoint, region, credentials } = endpoints;
  const lambda = new LambdaClient({ endpoint, region, credentials: { ...credentials } });
  const Payload = Buffer.from(JSON.stringify(event));
  try {
    const { FunctionError } = await lambda.send(new InvokeCommand({ FunctionName, InvocationType, Payload }));
    expect(FunctionError).toBeUndefined();
  } finally {
    lambda.destroy();
  }
}

test(
  'afterwards every store is what a rebuild from the canonical store would give, and nobody is asked for what is not a case',
  async () => {
    await settle(endpoints, catalogue);
    const verdicts = await verifyStores(endpoints, definitions);
    expect(verdicts).toHaveLength(definitions.length);
    const clean = { missing: 0, extra: 0, stale: 0, different: 0 };
    for (const verdict of verdicts) expect(verdict).toMatchObject(clean);
    expect(verdicts.find(({ store }) => store === 'case-facts')).toMatchObject({ drift: 0, missingVersions: 0 });
    await expect(run(eraseCommand, [randomUUID()], { yes: true })).rejects.toMatchObject({ code: 'run-refused' });
    await expect(run(eraseCommand, ['4711'], { yes: true })).rejects.toMatchObject({ code: 'usage' });
  },
  TEST_MS,
);

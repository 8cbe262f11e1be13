import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DeleteItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import pg from 'pg';
import { commitMarkedCase, failMarkedCase } from '../bin/drills/marked-case.ts';
import type { ErasureReport } from '../bin/operate/shown-erasure.ts';
import { openOverview } from '../bin/overview/overview.ts';
import { runningCatalogue } from '../bin/running/running-catalogue.ts';
import { settle } from '../bin/running/settled.ts';
import type { JsonObject } from '../core/change.ts';
import type { Diagnosis } from '../core/doctor.ts';
import type { AggregateId } from '../core/version.ts';
import type { Run } from '../functions/operate/runs/run.ts';
import { keyItem } from '../functions/stores/dynamodb-item.ts';
import { projectedNamed } from '../lib/team-catalogue.ts';
import type { Endpoints } from '../local/endpoints.ts';
import type { LocalMode } from '../local/local-mode.ts';
import { startLocalMode } from '../local/starting.ts';
import { openStores } from '../local/verification/open-stores.ts';
import { typed } from './typed-commands.ts';

const START_MS = 180_000;
const TEST_MS = 240_000;

const EXAMPLE = resolve(import.meta.dirname, '..', 'examples', 'team-projector');
const STORE = 'case-headlines';

const dataDir = mkdtempSync(join(tmpdir(), 'team-projector-'));
// Servers that refuse to run as root run as somebody else.
chmodSync(dataDir, 0o755);
let mode: LocalMode | undefined;
/** A closed case. */
let shown: AggregateId;
beforeAll(async () => {
  mode = await startLocalMode({ dataDir, search: 'embedded', teams: [EXAMPLE] });
}, START_MS);
afterAll(async () => {
  await mode?.stop();
  rmSync(dataDir, { recursive: true, force: true });
}, START_MS);

test(
  "a team's repository joins a running pipeline: its queues, function and store appear, and changes arrive in them",
  async () => {
    const { endpoints, status } = mode!;
    expect(endpoints.stores[STORE]).toMatchObject({
      engine: 'dynamodb',
      projector: `distributary-project-${STORE}`,
      table: `distributary-${STORE}`,
      failedQueueUrl: expect.stringMatching(/distributary-case-headlines-failed$/),
    });
    const { functions } = await status();
    expect(functions.map(({ name }) => name)).toContain(`distributary-provision-${STORE}`);

    const [closed, restricted, open] = await writeCases(endpoints.postgres.url);
    shown = closed!;
    const catalogue = runningCatalogue(endpoints);
    await settle(endpoints, catalogue);
    const looking = openOverview(endpoints, catalogue);
    const stores = openStores(endpoints);
    try {
      const view = (await looking.look()).stores.find(({ store }) => store === STORE);
      expect(view).toMatchObject({ failed: 0, documents: 1 });
      const store = stores.open(projectedNamed(catalogue, STORE));
      const target = (await store.current())!;
      const documents = new Map<string, JsonObject | null>();
      for await (const { key, document } of store.scan(target, {})) documents.set(key, document);
      expect(documents.get(shown)).toMatchObject({ headline: 'ACME: Fees', company: 'ACME', answered: true });
      expect(documents.get(restricted!)).toBeNull();
      expect(documents.get(open!)).toBeNull();
    } finally {
      stores.close();
      await looking.close();
    }
  },
  TEST_MS,
);

test(
  "the team's store is examined, compared, mended, rebuilt and rolled back by its own operations function",
  async () => {
    const { endpoints } = mode!;
    expect(endpoints).toMatchObject({ operate: 'distributary-operate' });
    const operators = Object.entries(endpoints.stores).map(([store, { operate }]) => [store, operate]);
    expect(operators.filter(([, operate]) => operate)).toEqual([[STORE, `distributary-operate-${STORE}`]]);
    const type = (line: string) => typed(dataDir, line.split(' '));

    const diagnosis = JSON.parse((await type('doctor --json')).out) as Diagnosis;
    const subjects = new Set(diagnosis.passed.map(({ subject }) => subject));
    expect([...subjects]).toEqual(expect.arrayContaining(['case-search', STORE, `queue distributary-${STORE}`]));
    // One look at the canonical store, whoever operates its copies.
    expect(diagnosis.passed.filter(({ subject }) => subject === 'capture')).toHaveLength(1);

    expect(await type(`redrive ${STORE}`)).toMatchObject({ code: 0, out: `nothing has failed in ${STORE}\n` });
    expect(await type(`drift ${STORE}`)).toMatchObject({ code: 0, out: expect.stringContaining('no drift') });
    await lose(shown, endpoints);
    const found = await type(`drift ${STORE}`);
    expect(found).toMatchObject({ code: 1, out: expect.stringMatching(new RegExp(`${shown} +missing`)) });
    expect(await type(`drift ${STORE} --repair`)).toMatchObject({ code: 0 });
    const rebuilt = await type(`rebuild ${STORE} --yes`);
    expect(rebuilt).toMatchObject({ code: 0, out: expect.stringContaining('equal to the canonical store') });
    const back = await type(`rollback ${STORE} --yes`);
    expect(back).toMatchObject({ code: 0, out: expect.stringContaining(`see distributary-${STORE};`) });
    const runs = JSON.parse((await type(`runs ${STORE} --json`)).out) as readonly Run[];
    expect(runs.map(({ operation, state }) => `${operation} ${state}`)).toEqual([
      'rebuild done',
      'drift done',
      'drift done',
      'drift done',
    ]);
  },
  TEST_MS,
);

test(
  "an erasure reaches the team's store and its failed queue by the team's own function, and calls nothing complete that it cannot see",
  async () => {
    const { endpoints } = mode!;
    const marked = await commitMarkedCase(endpoints);
    await settle(endpoints, runningCatalogue(endpoints));
    await failMarkedCase(endpoints, marked, STORE);
    const erased = await typed(dataDir, ['erase', marked.id, '--yes', '--json']);
    const { report, ...run } = JSON.parse(erased.out) as { report: ErasureReport };
    expect({ report, run }).toMatchObject({ report: { traces: [], incomplete: [] }, run: { state: 'done' } });
    const ofTeam = report.places.filter(({ place }) => place === STORE);
    expect(ofTeam).toEqual([
      { place: STORE, what: 'events of its failed queue', count: 2 },
      { place: STORE, what: 'documents buried', count: expect.any(Number) },
    ]);
    expect(erased.code).toBe(0);
    const stores = openStores(endpoints);
    try {
      const store = stores.open(projectedNamed(runningCatalogue(endpoints), STORE));
      expect((await store.read((await store.current())!, marked.id as AggregateId))?.document).toBeNull();
    } finally {
      stores.close();
    }

    const stranger = await listenIn(endpoints);
    const again = await typed(dataDir, ['erase', marked.id, '--yes']);
    expect(again).toMatchObject({ code: 1, out: expect.stringContaining(`NOT COMPLETE ${stranger}`) });
    expect(again.out).not.toContain('no trace is left');
  },
  TEST_MS,
);

/** Somebody subscribes a queue of theirs to the changes; its ARN. */
async function listenIn({ sqs: endpoint, region, credentials, topicArn: TopicArn }: Endpoints): Promise<string> {
  const settings = { endpoint, region, credentials: { ...credentials } };
  const [sqs, sns] = [new SQSClient(settings), new SNSClient(settings)];
  try {
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'copies-of-everything' }));
    const about = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] });
    const Endpoint = (await sqs.send(about)).Attributes!.QueueArn!;
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint }));
    return Endpoint;
  } finally {
    for (const client of [sqs, sns]) client.destroy();
  }
}

async function lose(key: AggregateId, { dynamodb, region, credentials }: Endpoints): Promise<void> {
  const client = new DynamoDBClient({ endpoint: dynamodb.endpoint, region, credentials: { ...credentials } });
  await client.send(new DeleteItemCommand({ TableName: `distributary-${STORE}`, Key: keyItem(key) }));
  client.destroy();
}

/** A closed case, one like it that is restricted, and one that is not answered yet, each against a company. */
async function writeCases(url: string): Promise<readonly AggregateId[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const one = async (sql: string, values: readonly unknown[] = []): Promise<string> =>
      (await client.query(`${sql} RETURNING id`, [...values])).rows[0].id;
    const tenant = await one("INSERT INTO canonical.tenants (name, kind) VALUES ('Test', 'company')");
    const party = await one("INSERT INTO canonical.parties (tenant_id, name, kind) VALUES ($1, 'ACME', 'company')", [
      tenant,
    ]);
    const ids: AggregateId[] = [];
    for (const { isClosed, restricted } of [
      { isClosed: true, restricted: false },
      { isClosed: true, restricted: true },
      { isClosed: false, restricted: false },
    ]) {
      const id = await one(
        `INSERT INTO canonical.cases (tenant_id, title, product, issue, status, restricted)
         VALUES ($1, 'Fees', 'Mortgage', 'Fees', 'received', $2)`,
        [tenant, restricted],
      );
      const link =
        "INSERT INTO canonical.case_parties (tenant_id, case_id, party_id, role) VALUES ($1, $2, $3, 'respondent')";
      await client.query(link, [tenant, id, party]);
      for (const step of isClosed ? ["status = 'referred'", "status = 'closed', outcome = 'explanation'"] : []) {
        await client.query(`UPDATE canonical.cases SET ${step} WHERE id = $1`, [id]);
      }
      ids.push(id as AggregateId);
    }
    return ids;
  } finally {
    await client.end();
  }
}

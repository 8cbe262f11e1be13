import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DeleteItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import type pg from 'pg';
import { localOperations } from '../bin/operations.ts';
import { type Overview, openOverview } from '../bin/overview/overview.ts';
import { settle } from '../bin/running/settled.ts';
import { DistributaryError } from '../core/errors.ts';
import { alarmsOf } from '../core/governance/runbook.ts';
import { decodePack, encodeChange, encodePack, type Unpacked } from '../core/pack.ts';
import type { AggregateId } from '../core/version.ts';
import { sendToFailedQueue } from '../functions/projector/failed-queue.ts';
import { readOutboxRow } from '../functions/relay/outbox-row.ts';
import { keyItem } from '../functions/stores/dynamodb-item.ts';
import { readCatalogue } from '../lib/contract-files.ts';
import type { LocalMode } from '../local/local-mode.ts';
import { startLocalMode } from '../local/starting.ts';
import { type DocumentedCommand, differences, documentedCommands } from './documented-commands.ts';
import { importSome, onCanonical } from './running-mode.ts';
import { typed } from './typed-commands.ts';

const ROOT = resolve(import.meta.dirname, '..');
const PAGE = readFileSync(join(ROOT, 'docs', 'operate.md'), 'utf8');
/** Cases that the page's examples speak of. */
const ROWS = 60;
/** Everything runs on a machine that may be busy. */
const TEST_MS = 180_000;
/** What only looks is looked at again until it shows what it should: alarms and watermarks take their seconds. */
const LOOKING = ['status', 'doctor', 'redrive'];
const LOOK_FOR_MS = 60_000;

const catalogue = readCatalogue(ROOT);
const dataDir = mkdtempSync(join(tmpdir(), 'operate-page-'));
chmodSync(dataDir, 0o755);
let mode: LocalMode;

beforeAll(async () => {
  mode = await startLocalMode({ dataDir, search: 'embedded' });
  await importSome(mode.endpoints, dataDir, ROWS);
}, TEST_MS);
afterAll(async () => {
  await mode?.stop();
  rmSync(dataDir, { recursive: true, force: true });
}, TEST_MS);

const rowsOf = <Row extends pg.QueryResultRow>(text: string): Promise<Row[]> =>
  onCanonical(mode.endpoints, async client => (await client.query<Row>(text)).rows);

async function looking(until: (overview: Overview) => boolean): Promise<void> {
  await settle(mode.endpoints, catalogue);
  const open = openOverview(mode.endpoints, catalogue);
  try {
    while (!until(await open.look())) await delay(500);
  } finally {
    await open.close();
  }
}

/** What the page says has happened before a command is typed; yields how to take it back. */
const SCENES: Readonly<Record<string, () => Promise<(() => Promise<unknown>) | undefined>>> = {
  async settled() {
    await looking(({ concerns }) => concerns.length === 0);
    return undefined;
  },

  /** As the projector leaves a change that it threw at; it has been mended since. */
  async failed() {
    const [row] = await rowsOf<Record<string, string>>(
      `select id::text, aggregate, change, aggregate_id::text, tenant_id::text, version::text, digest::text, lane,
              schema_version::text, traceparent, payload::text from canonical.outbox
       where aggregate = 'case' order by id limit 1`,
    );
    const { header, state } = readOutboxRow(row!, Date.now());
    const { sqs: endpoint, region, credentials, stores } = mode.endpoints;
    const sqs = new SQSClient({ endpoint, region, credentials: { ...credentials } });
    const error = new DistributaryError('projector-threw', 'projector threw TypeError at title');
    const body = encodePack([encodeChange(header, { state: state! })]);
    const [unpacked] = decodePack(body);
    expect(unpacked).toMatchObject({ kind: 'change' });
    const change = (unpacked as Extract<Unpacked, { kind: 'change' }>).change;
    await sendToFailedQueue(sqs, stores['case-search']!.failedQueueUrl, 'case-search', [{ body, error, change }]);
    sqs.destroy();
    return undefined;
  },

  async 'trigger-off'() {
    await rowsOf('alter table canonical.cases disable trigger emit');
    return () => rowsOf('alter table canonical.cases enable trigger emit');
  },

  async lost() {
    const [one] = await rowsOf<{ id: AggregateId }>('select id from canonical.cases order by id limit 1');
    const { dynamodb, region, credentials, stores } = mode.endpoints;
    const client = new DynamoDBClient({ endpoint: dynamodb.endpoint, region, credentials: { ...credentials } });
    const TableName = stores['case-timeline']!.table!;
    await client.send(new DeleteItemCommand({ TableName, Key: keyItem(one!.id) }));
    client.destroy();
    return undefined;
  },

  /** It waits until every writer knows of its target, for some seconds in which it is found at it. */
  async rebuilding() {
    const store = 'case-timeline';
    const operations = localOperations(mode.endpoints, { actor: 'test', reason: 'operate-page.local.ts' });
    const { step } = await operations.ask('rebuild.start', { store });
    await operations.nudge(store);
    while ((await operations.ask('run.read', { store }))?.step === step) await delay(100);
    operations.close();
    return undefined;
  },
};

test.each(documentedCommands(PAGE))(
  '$line',
  async documented => {
    const undo = documented.scene === undefined ? undefined : await SCENES[documented.scene]!();
    try {
      expect(await told(documented)).toEqual([]);
    } finally {
      await undo?.();
    }
  },
  TEST_MS,
);

/** In what the command said something else than the page. */
async function told({ line, lines, code }: DocumentedCommand): Promise<readonly string[]> {
  const words = line.split(' ').slice(1);
  for (const deadline = Date.now() + LOOK_FOR_MS; ; await delay(1000)) {
    const said = await typed(dataDir, words);
    const found = [
      ...differences(lines, said.out),
      ...(said.code === code ? [] : [`exit ${said.code} instead of ${code}: ${said.err}`]),
    ];
    const isLooking = LOOKING.includes(words[0]!) && !words.includes('--all');
    if (found.length === 0 || !isLooking || Date.now() > deadline) return found;
  }
}

test('the page sets each scene that there is', () => {
  expect(new Set(documentedCommands(PAGE).flatMap(({ scene }) => scene ?? []))).toEqual(new Set(Object.keys(SCENES)));
});

test('each alarm that a contract gives is in the table, with the commands of its runbook in their order', () => {
  const guides = catalogue.stores.flatMap(store =>
    alarmsOf(store).map(({ alarm, steps }) => {
      const general = alarm.replace(store.store_name, 'STORE');
      return [general, steps.map(({ type }) => verbOf(type)).join(' → ')] as const;
    }),
  );
  const rows = [...PAGE.matchAll(/^\| `([\w-]+)` \| [^|]+ \| (.+) \|$/gm)].map(([, alarm, type]) => [
    alarm!,
    type!.replaceAll(/\[([^\]]+)\]\(#[a-z-]+\)|`([^`]+)`/g, '$1$2'),
  ]);
  expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(guides));
  for (const store of catalogue.stores.filter(one => alarmsOf(one).length > 0)) {
    expect(existsSync(join(ROOT, 'docs/generated/runbooks', `${store.store_name}.md`))).toBe(true);
  }
  const anchors = [...PAGE.matchAll(/^##+ (.+)$/gm)].map(
    ([, title]) => `#${title!.toLowerCase().replaceAll(' ', '-')}`,
  );
  for (const [, anchor] of PAGE.matchAll(/\]\((#[a-z-]+)\)/g)) expect(anchors).toContain(anchor);
});

/** `distributary drift case-search --repair` → `drift --repair` */
function verbOf(type: string): string {
  if (!type.startsWith('distributary ')) return type;
  const [verb, ...rest] = type.split(' ').slice(1);
  return [verb, ...rest.filter(word => word === '--repair' || word === '--all' || word === '--watch')].join(' ');
}

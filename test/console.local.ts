import { mkdtempSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SQSClient } from '@aws-sdk/client-sqs';
import pg from 'pg';
import type { Browser } from 'playwright-core';
import { localOperations, type Operations } from '../bin/operations.ts';
import { consoleView } from '../bin/overview/console-view.ts';
import type { Overview } from '../bin/overview/overview.ts';
import { settle } from '../bin/running/settled.ts';
import * as wire from '../console/wire.ts';
import { DistributaryError } from '../core/errors.ts';
import { encodeChange, encodePack } from '../core/pack.ts';
import { PERSON_ROLES, type PersonRole } from '../core/policy.ts';
import type { AggregateId, TenantId, Version } from '../core/version.ts';
import type { Run } from '../functions/operate/runs/run.ts';
import { sendToFailedQueue } from '../functions/projector/failed-queue.ts';
import { readDefinitions } from '../lib/definitions.ts';
import { type LocalMode, startLocalMode } from '../local/local-mode.ts';
import { openStores } from '../local/verification/open-stores.ts';
import { ConsolePage, hasChromium, openBrowser } from './console-browser.ts';
import { importSome, onCanonical } from './running-mode.ts';

const TIMEOUT_MS = 240_000;
const ROWS = 40;
const STORE = 'case-search';

const { catalogue } = await readDefinitions();
const dataDir = mkdtempSync(join(tmpdir(), 'distributary-console-'));
let mode: LocalMode;
let operations: Operations;
let browser: Browser | undefined;
let operator: ConsolePage;
let url: string;

beforeAll(async () => {
  mode = await startLocalMode({ dataDir, search: 'embedded', console: consoleView(dataDir) });
  url = mode.endpoints.console!;
  operations = localOperations(mode.endpoints, { actor: 'test', reason: 'console.local.ts' });
  await importSome(mode.endpoints, dataDir, ROWS);
  await settle(mode.endpoints, catalogue);
  if (!hasChromium) return;
  browser = await openBrowser();
  operator = await ConsolePage.open(browser, url, 'Operator');
}, TIMEOUT_MS);

afterAll(async () => {
  await browser?.close();
  operations?.close();
  await mode?.stop();
  rmSync(dataDir, { recursive: true, force: true });
}, TIMEOUT_MS);

const inBrowser = (name: string, run: () => Promise<void>): void => {
  if (hasChromium) test(name, run, TIMEOUT_MS);
  else test.skip(`${name} (there is no /usr/bin/chromium: apt-get install chromium)`, () => {});
};

const rowOf = <Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row> =>
  onCanonical(mode.endpoints, async client => (await client.query<Row>(text, values)).rows[0]!);

const someKey = async (skip: number): Promise<string> =>
  (await rowOf<{ id: string }>('select id from canonical.cases order by id offset $1 limit 1', [skip])).id;
const currentOf = async (store = STORE): Promise<string | null> =>
  (await operations.ask('rebuild.plan', { store })).current;
const documentUrl = async (key: string): Promise<string> =>
  `${mode.endpoints.opensearch.url}/${await currentOf()}/_doc/${key}`;
/** As if it had never been written: the version of what was deleted is forgotten too. */
const lose = async (key: string): Promise<void> => {
  const headers = { 'content-type': 'application/json' };
  const index = `${mode.endpoints.opensearch.url}/${await currentOf()}`;
  const body = JSON.stringify({ 'index.gc_deletes': '0s' });
  expect((await fetch(`${index}/_settings`, { method: 'PUT', headers, body })).status).toBe(200);
  expect((await fetch(`${await documentUrl(key)}?refresh=true`, { method: 'DELETE' })).status).toBe(200);
};

/** What the projector does with a change that it cannot take, while there is a defect in it. */
async function fail(key: string, code: 'projector-threw' | 'document-refused'): Promise<void> {
  const row = await rowOf<{
    tenant_id: string;
    version: string;
    digest: string;
    payload: object;
    schema: number;
  }>(
    `select tenant_id, version, digest, payload, schema_version as schema from canonical.outbox
      where aggregate = 'case' and aggregate_id = $1 order by version desc limit 1`,
    [key],
  );
  const change = {
    aggregate: 'case',
    change: 'updated',
    key: key as AggregateId,
    tenant: row.tenant_id as TenantId,
    version: Number(row.version) as Version,
    digest: Number(row.digest),
    lane: 'standard' as const,
    schemaVersion: row.schema,
    committedAt: Date.now(),
  };
  const { sqs: endpoint, region, credentials, stores } = mode.endpoints;
  const sqs = new SQSClient({ endpoint, region, credentials: { ...credentials } });
  const body = encodePack([encodeChange(change, { state: JSON.stringify(row.payload) })]);
  const error = new DistributaryError(code, 'the field opened_on is none');
  await sendToFailedQueue(sqs, stores[STORE]!.failedQueueUrl, STORE, [{ body, error, change: change as never }]);
  sqs.destroy();
}

const post = (path: string, body: object, headers: Record<string, string>) =>
  fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

async function cookieOf(role: string): Promise<string> {
  const { headers } = await post('/api/session', { role }, { origin: url });
  return headers.get('set-cookie')!.split(';')[0]!;
}

test('what the page reads is what the server sends', () => {
  const overview: (sent: Overview) => wire.Overview = sent => sent;
  const roles: readonly PersonRole[] = wire.PERSON_ROLES;
  expect(roles).toEqual(PERSON_ROLES);
  const run: (sent: Omit<Run, 'memo' | 'lease' | 'request'>) => wire.Run = sent => sent;
  expect([overview, run]).toHaveLength(2);
});

test('nothing is shown to nobody, nor under another name of this machine', async () => {
  expect((await fetch(`${url}/api/live`)).status).toBe(401);
  const foreign = new Promise<number | undefined>((resolve, reject) => {
    const headers = { host: 'rebound.example' };
    get(`${url}/`, { headers }, answer => resolve(answer.resume().statusCode)).once('error', reject);
  });
  expect(await foreign).toBe(421);
});

test('who asks is the session, whatever the page says', async () => {
  const cookie = await cookieOf('operator');
  const asked = { operation: 'run.pause', store: STORE, reason: 'who am I', actor: 'somebody else', api: 1 };
  expect((await post('/api/operations', asked, { origin: url, cookie })).status).toBe(409);
  const [entry] = await operations.ask('audit.list', { limit: 1 });
  expect(entry).toMatchObject({ actor: 'local operator', reason: 'who am I', outcome: 'run-missing' });
});

inBrowser('a viewer sees the path of the data, and no way to change it', async () => {
  const viewer = await ConsolePage.open(browser!, url, 'Viewer');
  await viewer.sees(viewer.store(STORE), /normal \d+ s, at most \d+ s/);
  await viewer.sees(viewer.store(STORE), 'OpenSearch · 40 documents');
  await viewer.page.getByRole('rowheader', { name: 'case', exact: true }).waitFor();
  expect(await viewer.page.getByRole('button').allTextContents()).toEqual(['Sign out']);
  expect(viewer.complaints).toEqual([]);
  await viewer.close();
});

inBrowser('failed changes are read without their content, filtered by reason, and sent back', async () => {
  const [lost, other] = [await someKey(0), await someKey(1)];
  const { payload } = await rowOf<{ payload: { title: string } }>(
    `select payload from canonical.outbox where aggregate = 'case' and aggregate_id = $1 limit 1`,
    [lost],
  );
  await lose(lost);
  await fail(lost, 'projector-threw');
  await fail(other, 'document-refused');
  const store = operator.store(STORE);
  await operator.sees(store, '2 failed');
  await operator.shoot('failing');
  await store.getByRole('button', { name: 'Read them' }).click();
  const dialog = operator.dialog(`Failed changes of ${STORE}`);
  await operator.sees(dialog, lost);
  await operator.sees(dialog, other);
  expect(await dialog.textContent()).not.toContain(payload.title);
  await dialog.getByLabel('Why').selectOption('projector-threw');
  await dialog.getByText(other).waitFor({ state: 'detached' });
  await operator.shoot('failed');
  expect(await operator.violations()).toEqual([]);
  await dialog.getByLabel('Reason').fill('the projector is mended');
  await dialog.getByRole('button', { name: 'Redrive projector-threw' }).click();
  await operator.sees(operator.page.getByRole('status'), '1 change of case-search sent back');
  await operator.sees(store, '1 failed');
  await settle(mode.endpoints, catalogue);
  expect((await fetch(await documentUrl(lost))).status).toBe(200);

  await store.getByRole('button', { name: 'Read them' }).click();
  await dialog.getByLabel('Reason').fill('and the rest');
  await dialog.getByRole('button', { name: 'Redrive all 1' }).click();
  await operator.sees(store, /^none$/);
});

inBrowser('a comparison finds what is missing, and repairs it when it is asked to', async () => {
  const lost = await someKey(3);
  await lose(lost);
  const store = operator.store(STORE);
  const compare = (fill?: Parameters<ConsolePage['act']>[3]) =>
    operator.act(store.getByRole('button', { name: 'Compare …' }), `Compare ${STORE}`, 'Compare', fill);
  await compare();
  await operator.sees(store, '1 differ');
  expect((await fetch(await documentUrl(lost))).status).toBe(404);
  await compare(dialog => dialog.getByLabel('Repair').check());
  await operator.sees(store, '1 repaired');
  expect((await fetch(await documentUrl(lost))).status).toBe(200);
});

const OTHER = 'case-timeline';
let untouched: string | null;
const stripOf = (store: string) => operator.store(store).getByRole('region', { name: `rebuild of ${store}` });

/** Keeps a backfill from reading on, so that it is under way for as long as a test needs. */
async function holdCases(): Promise<() => Promise<void>> {
  const client = new pg.Client(mode.endpoints.postgres.url);
  await client.connect();
  await client.query('begin');
  await client.query('lock table canonical.cases in access exclusive mode');
  return () => client.end();
}

inBrowser('a rebuild pauses, goes on and is cancelled', async () => {
  untouched = await currentOf(OTHER);
  const [store, strip] = [operator.store(OTHER), stripOf(OTHER)];
  let letGo = async () => {};
  try {
    await operator.act(
      store.getByRole('button', { name: 'Rebuild …' }),
      `Rebuild ${OTHER}`,
      'Rebuild',
      async dialog => {
        await operator.sees(dialog, /A new target is made/);
        letGo = await holdCases();
      },
    );
    await operator.act(strip.getByRole('button', { name: 'Pause …' }), `Pause the rebuild of ${OTHER}`, 'Pause');
    await letGo();
    await operator.sees(strip, /^paused$/);
    await operator.shoot('paused');
    letGo = await holdCases();
    await operator.act(strip.getByRole('button', { name: 'Resume …' }), `Resume the rebuild of ${OTHER}`, 'Resume');
    await operator.sees(strip, /^running$/);
    await operator.act(strip.getByRole('button', { name: 'Cancel …' }), `Cancel the rebuild of ${OTHER}`, 'Cancel it');
    await operator.sees(store, 'cancelled');
  } finally {
    await letGo();
  }
});

inBrowser('a rebuild moves the readers once it is proven, and they are moved back', async () => {
  const before = await currentOf();
  const store = operator.store(STORE);
  await operator.act(store.getByRole('button', { name: 'Rebuild …' }), `Rebuild ${STORE}`, 'Rebuild');
  await operator.sees(store, 'proven equal');
  await operator.sees(store, /40 documents, downtime 0 s/);
  const after = await currentOf();
  expect(after).not.toBe(before);
  await operator.act(
    store.getByRole('button', { name: 'Roll back …' }),
    `Roll back ${STORE}`,
    'Move the readers',
    dialog => operator.sees(dialog, `Readers move from ${after} to ${before}, at once.`),
  );
  expect(await currentOf()).toBe(before);
});

inBrowser('by keyboard alone: a dialog holds the focus, Escape leaves it, and the focus is where it was', async () => {
  const button = operator.store(STORE).getByRole('button', { name: 'Rebuild …' });
  await button.focus();
  const { keyboard } = operator.page;
  await keyboard.press('Enter');
  const dialog = operator.dialog(`Rebuild ${STORE}`);
  await operator.sees(dialog, /A new target is made/);
  for (let step = 0; step < 12; step += 1) {
    await keyboard.press('Tab');
    const isInside = await operator.page.evaluate<boolean>(
      "document.activeElement === document.body || document.activeElement.closest('dialog') !== null",
    );
    expect(isInside).toBe(true);
  }
  await operator.shoot('dialog');
  expect(await operator.violations()).toEqual([]);
  await keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  expect(await button.evaluate(element => element === element.ownerDocument.activeElement)).toBe(true);
});

/** Restricted by the canonical store, and shown by the search store: what a lost change would leave. */
async function leak(key: string): Promise<void> {
  await rowOf('update canonical.cases set restricted = true where id = $1', [key]);
  await settle(mode.endpoints, catalogue);
  const stores = openStores(mode.endpoints);
  const store = stores.open(catalogue.projected.find(({ store_name }) => store_name === STORE)!);
  const current = (await store.current())!;
  const held = (await store.read(current, key as AggregateId))!;
  const document = { ...held.document, title: 'Zanzibar', restricted: false };
  await store.write(current, [{ ...held, version: (held.version + 1) as Version, document }]);
  // It is searchable from then on.
  await store.digest(current, {});
  stores.close();
}

inBrowser(
  'a search says how fresh it is, what the role does not see, and what the canonical store took out',
  async () => {
    const { page } = operator;
    await page.getByRole('link', { name: 'Search' }).click();
    const ask = async (as: string, words = '') => {
      await page.getByRole('searchbox', { name: 'Words' }).fill(words);
      await page.getByRole('combobox', { name: 'As' }).selectOption(as);
      await page.getByRole('button', { name: 'Search' }).click();
      const answer = page.getByRole('status').filter({ hasText: `Found, as ${as}` });
      await answer.waitFor();
      return answer;
    };
    await operator.sees(await ask('investigator'), /old, up to/);
    await operator.sees(page.getByRole('table'), 'current');
    const analysed = await ask('analyst');
    await operator.sees(analysed, /narrative, tags, zip/);
    await operator.sees(analysed, 'none');
    await operator.sees(page.getByRole('table'), 'masked');
    await operator.shoot('search');

    const key = await someKey(5);
    await leak(key);
    await operator.sees(await ask('analyst', 'Zanzibar'), '1 of this page');
    await operator.sees(page.getByRole('main'), 'No case that this role may see');
    await operator.shoot('search-dropped');
    expect(await operator.violations()).toEqual([]);
    await ask('supervisor', 'Zanzibar');
    await operator.sees(page.getByRole('table'), key);
    await page.getByRole('link', { name: 'Path of the data' }).click();
    await operator.sees(operator.store(STORE), /at most/);
  },
);

for (const [name, options] of Object.entries({
  light: { colorScheme: 'light' as const },
  dark: { colorScheme: 'dark' as const },
  phone: { colorScheme: 'light' as const, viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 },
})) {
  inBrowser(`axe finds nothing wrong, and nothing overflows: ${name}`, async () => {
    const page = await ConsolePage.open(browser!, url, 'Operator', options);
    await page.sees(page.store(STORE), /at most/);
    await page.page.getByRole('rowheader').first().waitFor();
    expect(await page.violations()).toEqual([]);
    const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
    expect(await page.page.evaluate<number>(overflow)).toBe(0);
    await page.shoot(name);
    await page.page.getByRole('link', { name: 'Search' }).click();
    await page.page.getByRole('rowheader').first().waitFor();
    expect(await page.violations()).toEqual([]);
    expect(await page.page.evaluate<number>(overflow)).toBe(0);
    await page.shoot(`search-${name}`);
    expect(page.complaints).toEqual([]);
    await page.close();
  });
}

inBrowser('what was cancelled leaves the store as it was', async () => {
  await stripOf(OTHER).waitFor({ state: 'detached', timeout: TIMEOUT_MS });
  await operator.sees(operator.store(OTHER), 'cancelled');
  const run = await operations.ask('run.read', { store: OTHER });
  expect(run).toMatchObject({ state: 'cancelled', actor: 'local operator', reason: 'the console under test' });
  expect(await currentOf(OTHER)).toBe(untouched);
});

inBrowser("the operator's page has not complained all the time", async () => {
  expect(operator.complaints).toEqual([]);
});

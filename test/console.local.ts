import { mkdtempSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import pg from 'pg';
import type { Browser } from 'playwright-core';
import { localOperations, type Operations } from '../bin/operations.ts';
import { consoleView } from '../bin/overview/console-view.ts';
import type { Overview } from '../bin/overview/overview.ts';
import { localToken } from '../bin/running/local-token.ts';
import { settle } from '../bin/running/settled.ts';
import * as wire from '../console/wire.ts';
import { DistributaryError } from '../core/errors.ts';
import { encodeChange, encodePack } from '../core/pack.ts';
import { PERSON_ROLES, type PersonRole } from '../core/policy.ts';
import type { AggregateId, TenantId, Version } from '../core/version.ts';
import type { Run } from '../functions/operate/runs/run.ts';
import { sendToFailedQueue } from '../functions/projector/failed-queue.ts';
import { readDefinitions } from '../lib/definitions.ts';
import type { LocalMode } from '../local/local-mode.ts';
import { startLocalMode } from '../local/starting.ts';
import { openStores } from '../local/verification/open-stores.ts';
import { ConsolePage, hasChromium, openBrowser } from './console-browser.ts';
import { Visitor } from './console-visitor.ts';
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

const SESSION = '__Host-distributary';
const SIGNING_IN = '__Host-distributary-signing-in';
/** The console as it is deployed: the very function, behind its HTTP API, with people of the issuer. */
const deployed = (): Visitor => new Visitor(mode.endpoints.deployedConsole!);

test('as deployed, the page is there for everybody, and nothing else is', async () => {
  const visitor = deployed();
  const page = await visitor.ask('GET', '/');
  expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'");
  for (const path of ['/api/live', '/api/responsibilities']) expect((await visitor.ask('GET', path)).status).toBe(401);
  expect((await visitor.ask('POST', '/api/operations', { operation: 'run.list', store: STORE })).status).toBe(401);
  expect((await visitor.ask('POST', '/api/session', { role: 'operator' })).status).toBe(401);
  expect(await visitor.session()).toMatchObject({ person: null, signInBy: 'issuer' });
});

test('as deployed, who comes back from the issuer is let in, with cookies that no script and no other site has', async () => {
  const visitor = deployed();
  expect(await visitor.signIn('operator')).toBe('/');
  const { person } = await visitor.session();
  expect(person).toEqual({
    name: 'local operator',
    role: 'operator',
    subject: expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
  const [tied, opened, forgotten] = visitor.offered as [string, string, string];
  const flags = 'Path=/; Secure; HttpOnly; SameSite';
  expect(tied).toMatch(new RegExp(`^${SIGNING_IN}=[\\w.-]+; ${flags}=Lax; Max-Age=600$`));
  expect(opened).toMatch(new RegExp(`^${SESSION}=[\\w-]{43}; ${flags}=Strict; Max-Age=\\d+$`));
  expect(forgotten).toMatch(new RegExp(`^${SIGNING_IN}=; ${flags}=Lax; Max-Age=0$`));
  const { dynamo, close } = openStores(mode.endpoints);
  const { Items = [] } = await dynamo.send(new ScanCommand({ TableName: 'distributary-api-state' }));
  close();
  const kept = Items.filter(({ id }) => id?.S?.startsWith('session#'));
  expect(kept.length).toBeGreaterThan(0);
  for (const said of ['local operator', visitor.cookie(SESSION)!]) expect(JSON.stringify(Items)).not.toContain(said);

  const { goTo } = (await (await visitor.ask('DELETE', '/api/session')).json()) as { goTo: string };
  expect(goTo).toMatch(`${mode.endpoints.issuer}/logout?`);
  const token = opened.slice(opened.indexOf('=') + 1, opened.indexOf(';'));
  visitor.setCookie(SESSION, token);
  expect((await visitor.session()).person).toBeNull();
});

test('as deployed, a way back that is not the one begun here leads to no session', async () => {
  const refused = async (
    refusal: string,
    deed: (visitor: Visitor, back: URL) => Promise<string>,
    person = 'operator',
  ) => {
    const visitor = deployed();
    const back = await visitor.signedInAs(person);
    expect(await deed(visitor, back)).toBe(`/?refused=${refusal}`);
    expect(visitor.cookie(SESSION)).toBeUndefined();
    expect((await visitor.session()).person).toBeNull();
  };
  const [state, nonce, verifier] = [0, 1, 2];
  const swap = (visitor: Visitor, part: number): void => {
    const parts = visitor.cookie(SIGNING_IN)!.split('.');
    parts[part] = parts[part === state ? nonce : state]!;
    visitor.setCookie(SIGNING_IN, parts.join('.'));
  };
  await refused('state', (visitor, back) => {
    swap(visitor, state);
    return visitor.comeBack(back);
  });
  await refused('token', (visitor, back) => {
    swap(visitor, nonce);
    return visitor.comeBack(back);
  });
  await refused('issuer', (visitor, back) => {
    swap(visitor, verifier);
    return visitor.comeBack(back);
  });
  // Somebody else's way back, sent to this browser.
  await refused('state', (_, back) => deployed().comeBack(back));
  await refused('issuer', async (visitor, back) => {
    const kept = visitor.cookie(SIGNING_IN)!;
    await visitor.comeBack(back);
    await visitor.ask('DELETE', '/api/session');
    visitor.setCookie(SIGNING_IN, kept);
    return visitor.comeBack(back);
  });
  await refused('role', (visitor, back) => visitor.comeBack(back), 'stranger');
});

test('as deployed, requests of other pages and of viewers change nothing, and an operator acts by name', async () => {
  const viewer = deployed();
  await viewer.signIn('viewer');
  const asked = { operation: 'run.pause', store: STORE, reason: 'as deployed' };
  const status = async (visitor: Visitor, headers: Record<string, string> = {}) =>
    (await visitor.ask('POST', '/api/operations', asked, headers)).status;
  expect(await status(viewer)).toBe(403);
  const visitor = deployed();
  await visitor.signIn('operator');
  for (const headers of [
    { origin: 'https://elsewhere.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'same-site' },
  ]) {
    expect(await status(visitor, headers as Record<string, string>)).toBe(403);
  }
  expect(await status(visitor, { 'content-type': 'text/plain' })).toBe(400);
  expect(await status(visitor)).toBe(409);
  const { person } = await visitor.session();
  const [entry] = await operations.ask('audit.list', { limit: 1 });
  expect(entry).toMatchObject({ actor: `local operator (${person!.subject})`, reason: 'as deployed' });
});

test('as deployed, a page hears what is measured, all of it at once, and asks again; and finds what its person may see', async () => {
  const visitor = deployed();
  const { user } = await localToken(mode.endpoints, dataDir, { role: 'analyst' });
  await visitor.signIn('viewer', user);
  const heard = await visitor.ask('GET', '/api/live');
  expect(heard.headers.get('content-type')).toBe('text/event-stream');
  const [, data = 'null'] = /^retry: \d+\nevent: look\ndata: (.*)\n\n$/.exec(await heard.text()) ?? [];
  const { overview, runs, curve } = JSON.parse(data) as wire.Look & { curve: wire.Point[] };
  expect(overview.stores.map(({ store }) => store)).toEqual(catalogue.projected.map(({ store_name }) => store_name));
  const seen = overview.stores.find(({ store }) => store === STORE)!;
  expect(seen).toMatchObject({ freshnessSeconds: expect.any(Number), maximumSeconds: expect.any(Number) });
  expect(Object.keys(runs)).toContain(STORE);
  expect(curve.length).toBeGreaterThanOrEqual(0);
  const found = await visitor.ask('POST', '/api/search', { question: { size: 1 } });
  expect([found.status, await found.json()]).toMatchObject([200, { total: ROWS, masked: expect.any(Array) }]);
  // Each token for the API is too short-lived here to be used twice, and each refresh works once.
  expect((await visitor.ask('POST', '/api/search', { question: { size: 1 } })).status).toBe(200);
  expect((await visitor.ask('POST', '/api/search', { as: 'supervisor', question: {} })).status).toBe(400);
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

inBrowser('as deployed, somebody signs in at the issuer, sees the stores, and signs out', async () => {
  const context = await browser!.newContext({ viewport: { width: 1280, height: 900 } });
  const opened = ConsolePage.of(await context.newPage());
  const { page } = opened;
  await page.goto(mode.endpoints.deployedConsole!);
  await opened.sees(page.getByRole('main'), 'at the issuer of your organisation');
  expect(await opened.violations()).toEqual([]);
  await opened.shoot('deployed-sign-in');
  await page.getByRole('link', { name: 'Sign in' }).click();
  await page.getByRole('link', { name: 'stranger' }).click();
  await opened.sees(page.getByRole('alert'), /in none of its groups/);
  await opened.shoot('deployed-refused');
  await page.getByRole('link', { name: 'Sign in' }).click();
  await page.getByRole('link', { name: 'operator' }).click();
  await opened.sees(opened.store(STORE), /normal \d+ s, at most \d+ s/);
  await opened.sees(page.getByRole('banner'), 'local operator');
  // Of which nothing has been compared before.
  const facts = opened.store('case-facts');
  await opened.act(facts.getByRole('button', { name: 'Compare …' }), 'Compare case-facts', 'Compare');
  await opened.sees(facts, /\d+ compared/);
  expect(await opened.violations()).toEqual([]);
  await opened.shoot('deployed');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await opened.sees(page.getByRole('main'), 'at the issuer of your organisation');
  expect(opened.complaints).toEqual([]);
  await context.close();
});

inBrowser("the operator's page has not complained all the time", async () => {
  expect(operator.complaints).toEqual([]);
});

import { createHash, randomUUID } from 'node:crypto';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { frontDoor } from '../functions/api/front-door.ts';
import { budgetIn } from '../functions/api/rate-budget.ts';
import { PER_WINDOW, RateLimit, UNASKED, WINDOW_SECONDS } from '../functions/api/rate-limit.ts';
import { instruments } from '../functions/instruments.ts';
import { type ApiServers, type Ask, openApiServers, type Reply, settle } from './api-servers.ts';

/** Commands and queries over HTTP events, on a real PostgreSQL, dynalite, S3 and the embedded search engine. */

let api: ApiServers;
let who: Awaited<ReturnType<typeof settle>>;

beforeAll(async () => {
  api = await openApiServers();
  who = await settle(api);
}, 60_000);
afterAll(() => api?.close(), 60_000);

const key = () => ({ 'idempotency-key': randomUUID() });
const at = (version: number | '*') => ({ 'if-match': version === '*' ? '*' : `"${version}"` });
const post = (user: string, url: string, body: unknown, headers: Ask['headers'] = at('*')): Promise<Reply> =>
  api.call('POST', url, { user, body, headers: { ...key(), ...headers } });

const CASE = {
  title: 'A fee',
  product: 'Credit card',
  issue: 'Fees',
  narrative: 'Their own words',
  zip: '10001',
  tags: ['Older American'],
};
const openCase = async (tenant = who.acme, more = {}): Promise<{ id: string; version: number }> =>
  (await post(who.investigator, '/cases', { ...CASE, tenant, ...more }, {})).body;
const seen = (user: string, id: string) => api.call('GET', `/cases/${id}`, { user });

test('a case goes from its opening to its purge, each step with a new version', async () => {
  const opened = await post(who.investigator, '/cases', { ...CASE, tenant: who.acme }, {});
  expect(opened).toMatchObject({ status: 201, headers: { etag: `"${opened.body.version}"` } });
  const { id } = opened.body;
  let { version } = opened.body;
  const step = async (user: string, method: string, path: string, body?: unknown) => {
    const headers = { ...key(), ...at(version) };
    const reply = await api.call(method, `/cases/${id}${path}`, { user, headers, ...(body !== undefined && { body }) });
    expect({ path, status: reply.status, detail: reply.body.detail }).toEqual({
      path,
      status: expect.any(Number),
      detail: undefined,
    });
    expect(reply.body.version).toBeGreaterThan(version);
    version = reply.body.version;
    return reply.body;
  };
  await step(who.investigator, 'POST', '/parties', { role: 'complainant', new: { kind: 'person', name: 'Ann Doe' } });
  const content = createHash('sha256').update('x').digest('hex');
  const evidence = { sha256: content, media_type: 'text/plain', size_bytes: 1, title: 'A letter' };
  const { upload } = await step(who.clerk, 'POST', '/evidence', evidence);
  await step(who.supervisor, 'PUT', '/investigator', { investigator: who.investigator });
  await step(who.supervisor, 'PUT', '/investigator', { investigator: who.colleague });
  const { task } = await step(who.investigator, 'POST', '/tasks', { title: 'Call' });
  await step(who.investigator, 'PUT', `/tasks/${task}/done`);
  await step(who.investigator, 'POST', '/transitions', { to: 'under-review', reason: 'It looks right' });
  await step(who.investigator, 'POST', '/decisions', { kind: 'relief', summary: 'The fee goes back' });
  await step(who.colleague, 'PUT', '/restriction');
  await step(who.colleague, 'DELETE', '/restriction');
  const { hold } = await step(who.supervisor, 'POST', '/holds', { reason: 'Litigation' });
  await step(who.investigator, 'POST', '/transitions', { to: 'closed', outcome: 'monetary-relief' });
  expect(await post(who.supervisor, `/cases/${id}/purge`, {})).toMatchObject({
    status: 409,
    body: { detail: expect.stringContaining('legal hold') },
  });
  await step(who.supervisor, 'DELETE', `/holds/${hold}`);
  const state = await seen(who.investigator, id);
  expect(state.body).toMatchObject({
    version,
    case: {
      status: 'closed',
      outcome: 'monetary-relief',
      investigator_id: who.colleague,
      parties: [{ name: 'Ann Doe' }],
    },
  });
  await step(who.supervisor, 'POST', '/purge', {});
  expect(await seen(who.supervisor, id)).toMatchObject({ status: 404 });
  const [last] = await api.db.sql(
    'select deleted, version, lane from outbox where aggregate_id = $1 order by version desc limit 1',
    [id],
  );
  expect(last).toEqual({ deleted: true, version, lane: 'priority' });

  const put = (body: string) => fetch(upload.url, { method: upload.method, headers: upload.headers, body });
  expect((await put('x')).status).toBe(200);
});

test('the trace of a request goes with its change', async () => {
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
  const reply = await api.call('POST', '/cases', {
    user: who.investigator,
    body: { ...CASE, tenant: who.acme },
    headers: { ...key(), traceparent },
  });
  expect(reply.headers).toMatchObject({ traceparent, 'x-request-id': expect.any(String) });
  expect(await api.db.sql('select traceparent from outbox where aggregate_id = $1', [reply.body.id])).toEqual([
    { traceparent },
  ]);
});

test('an outdated version is refused, a missing one asked for', async () => {
  const { id, version } = await openCase();
  const task = (headers: Ask['headers']) =>
    api.call('POST', `/cases/${id}/tasks`, {
      user: who.investigator,
      body: { title: 'Call' },
      headers: { ...key(), ...headers },
    });
  expect(await task({})).toMatchObject({ status: 428 });
  expect(await task(at(version))).toMatchObject({ status: 201 });
  expect(await task(at(version))).toMatchObject({
    status: 412,
    body: { version: version + 1, type: 'urn:distributary:problem:version-outdated' },
  });
  expect(await task({ 'if-match': 'yesterday' })).toMatchObject({ status: 400 });
});

describe('a request that comes again', () => {
  test('has the answer of the first, and is done once', async () => {
    const headers = key();
    const ask = () =>
      api.call('POST', '/cases', { user: who.investigator, body: { ...CASE, tenant: who.acme }, headers });
    const [first, second] = [await ask(), await ask()];
    expect(second).toMatchObject({ status: 201, body: first.body });
    expect(await api.db.sql('select count(*) from outbox where aggregate_id = $1', [first.body.id])).toEqual([
      { count: 1 },
    ]);
  });

  test('with another body is refused', async () => {
    const headers = key();
    const ask = (title: string) =>
      api.call('POST', '/cases', { user: who.investigator, body: { ...CASE, title, tenant: who.acme }, headers });
    expect(await ask('One')).toMatchObject({ status: 201 });
    expect(await ask('Another')).toMatchObject({
      status: 422,
      body: { type: 'urn:distributary:problem:idempotency-key-reused' },
    });
  });

  test('with the key of somebody else is another request', async () => {
    const headers = key();
    const ask = (user: string) => api.call('POST', '/cases', { user, body: { ...CASE, tenant: who.acme }, headers });
    const [one, other] = [await ask(who.investigator), await ask(who.supervisor)];
    expect(other.body.id).not.toBe(one.body.id);
  });

  test('at the same time is done once', async () => {
    const headers = key();
    const ask = () =>
      api.call('POST', '/cases', { user: who.investigator, body: { ...CASE, tenant: who.acme }, headers });
    const replies = await Promise.all([ask(), ask(), ask()]);
    const done = replies.filter(({ status }) => status === 201);
    expect(new Set(done.map(({ body }) => body.id)).size).toBe(1);
    for (const { status } of replies) expect([201, 409]).toContain(status);
  });

  test('after a refusal is tried again', async () => {
    const { id } = await openCase();
    const headers = { ...key(), ...at('*') };
    const ask = () =>
      api.call('POST', `/cases/${id}/transitions`, {
        user: who.investigator,
        body: { to: 'closed', outcome: 'explanation' },
        headers,
      });
    expect(await ask()).toMatchObject({ status: 409 });
    await post(who.investigator, `/cases/${id}/transitions`, { to: 'under-review' });
    expect(await ask()).toMatchObject({ status: 200 });
  });

  test('after the record of the first was lost makes nothing twice', async () => {
    const headers = key();
    const ask = () =>
      api.call('POST', '/cases', { user: who.investigator, body: { ...CASE, tenant: who.acme }, headers });
    await ask();
    const { forgetAll } = await import('./api-state-items.ts');
    await forgetAll(api.client, 'api-state');
    expect(await ask()).toMatchObject({ status: 409, body: { type: 'urn:distributary:problem:already-there' } });
  });
});

describe('the limit of one person', () => {
  const later = 3_000_000_000_000;
  const shared = (tableName: string, onAlone = () => {}) =>
    new RateLimit({
      budget: budgetIn({
        client: api.client,
        tableName,
        limit: PER_WINDOW,
        windowSeconds: WINDOW_SECONDS,
        answerMs: 10_000,
      }),
      onAlone,
      now: () => later,
    });

  test('is one for all instances, which count in a table, and says when to come again', async () => {
    const instances = Array.from({ length: 8 }, () => shared('api-state'));
    const user = randomUUID();
    const waits: number[] = [];
    for (let round = 0; round < 45; round++) {
      const verdicts = await Promise.all(instances.map(instance => instance.take(user)));
      waits.push(...verdicts.map(({ waitSeconds }) => waitSeconds));
    }
    expect(waits.filter(wait => wait === 0)).toHaveLength(PER_WINDOW + instances.length * UNASKED);
    const { Item } = await api.client.send(
      new GetItemCommand({
        TableName: 'api-state',
        Key: { id: { S: `rate#${user}#${later / 1000 / WINDOW_SECONDS}` } },
      }),
    );
    expect(Number(Item?.taken?.N)).toBeGreaterThanOrEqual(PER_WINDOW);
    expect(Number(Item?.expiration?.N)).toBeGreaterThan(later / 1000);
    const routes = [{ ...api.routes.find(({ name }) => name === 'open-case')!, run: () => Promise.reject() }];
    const door = { routes, identity: { userOf: async () => user }, instruments: instruments('api-test') };
    const event = {
      version: '2.0',
      headers: {},
      rawPath: '/cases',
      requestContext: { http: { method: 'POST', path: '/cases' } },
    };
    const refused = await frontDoor({ ...door, rateLimit: instances[0]! })(event as never, {} as never);
    expect(refused).toMatchObject({
      statusCode: 429,
      headers: { 'retry-after': `${WINDOW_SECONDS}`, ratelimit: `"person";r=0;t=${WINDOW_SECONDS}` },
    });
    expect(JSON.parse(refused.body!)).toMatchObject({ type: 'urn:distributary:problem:too-many-requests' });
  });

  test('is that of each instance while the table is away, and that is counted', async () => {
    let alone = 0;
    const limit = shared('nowhere', () => {
      alone += 1;
    });
    const user = randomUUID();
    for (let asked = 0; asked < 20; asked++) expect((await limit.take(user)).waitSeconds).toBe(0);
    expect(alone).toBe(20 - UNASKED);
  });
});

describe('who may not', () => {
  test('see a case learns nothing of it, whatever it wants to do', async () => {
    const { id } = await openCase(who.other);
    for (const [method, path, body] of [
      ['GET', '', undefined],
      ['GET', '/timeline', undefined],
      ['POST', '/evidence', { sha256: 'a'.repeat(64), media_type: 'text/plain', size_bytes: 1, title: 't' }],
      ['POST', '/tasks', { title: 't' }],
      ['PUT', '/restriction', undefined],
      ['DELETE', '', undefined],
    ] as const) {
      const there = await api.call(method, `/cases/${id}${path}`, {
        user: who.clerk,
        body,
        headers: { ...key(), ...at('*') },
      });
      const nowhere = await api.call(method, `/cases/${randomUUID()}${path}`, {
        user: who.clerk,
        body,
        headers: { ...key(), ...at('*') },
      });
      const { instance: _, ...said } = there.body;
      const { instance: __, ...saidOfNothing } = nowhere.body;
      expect({ path, status: there.status, said }).toEqual({ path, status: 404, said: saidOfNothing });
    }
  });

  test('do it is told so of a case that it sees', async () => {
    const { id } = await openCase();
    expect(await post(who.clerk, `/cases/${id}/tasks`, { title: 'Call' })).toMatchObject({ status: 403 });
    expect(await post(who.analyst, `/cases/${id}/tasks`, { title: 'Call' })).toMatchObject({ status: 403 });
    expect(await post(who.analyst, '/cases', { ...CASE, tenant: who.acme }, {})).toMatchObject({ status: 403 });
    expect(
      await api.call('PUT', `/cases/${id}/restriction`, { user: who.investigator, headers: at('*') }),
    ).toMatchObject({ status: 403 });
    const body = { user: who.clerk, tenant: who.bureau, role: 'supervisor' };
    expect(await post(who.investigator, '/memberships', body, {})).toMatchObject({ status: 403 });
  });
});

test('a membership is granted and revoked, and counts from the next request on', async () => {
  const user = randomUUID();
  await api.db.sql(`insert into users (id, display_name) values ($1, 'Newcomer')`, [user]);
  const { id } = await openCase();
  expect(await seen(user, id)).toMatchObject({ status: 403 });
  const granted = await post(who.supervisor, '/memberships', { user, tenant: who.bureau, role: 'analyst' }, {});
  expect(granted).toMatchObject({ status: 201 });
  expect(await seen(user, id)).toMatchObject({ status: 200 });
  expect(await api.call('DELETE', `/memberships/${granted.body.id}`, { user: who.supervisor })).toMatchObject({
    status: 200,
  });
  expect(await seen(user, id)).toMatchObject({ status: 403 });
});

describe('the case itself', () => {
  test('shows each role what it may see', async () => {
    const { id } = await openCase();
    await post(who.investigator, `/cases/${id}/parties`, {
      role: 'complainant',
      new: { kind: 'person', name: 'Ann Doe' },
    });
    for (const [user, shows] of [
      [who.investigator, true],
      [who.supervisor, true],
      [who.analyst, false],
      [who.clerk, false],
    ] as const) {
      const reply = await seen(user, id);
      expect(reply).toMatchObject({
        status: 200,
        body: { case: { title: 'A fee' }, freshness: { consistency: 'canonical' } },
      });
      for (const text of ['Their own words', 'Older American', '10001', 'Ann Doe'])
        expect(reply.text.includes(text)).toBe(shows);
      expect(reply.body.masked.includes('narrative')).toBe(!shows);
    }
  });

  test('when restricted is for those who work on it, and who read it is on record', async () => {
    const { id } = await openCase();
    const assign = { user: who.supervisor, headers: at('*'), body: { investigator: who.colleague, role: 'support' } };
    await api.call('PUT', `/cases/${id}/investigator`, assign);
    await api.call('PUT', `/cases/${id}/restriction`, { user: who.supervisor, headers: at('*') });
    for (const [user, status] of [
      [who.colleague, 200],
      [who.supervisor, 200],
      [who.investigator, 404],
      [who.analyst, 404],
      [who.clerk, 404],
    ] as const) {
      expect({ user, status: (await seen(user, id)).status }).toEqual({ user, status });
    }
    const readers = await api.db.sql('select actor from reading_log where case_id = $1 order by id', [id]);
    expect(readers).toEqual([{ actor: who.colleague }, { actor: who.supervisor }]);
  });
});

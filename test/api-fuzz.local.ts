import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { generateKeyPair, SignJWT } from 'jose';
import { type ApiServers, openApiServers, type Reply, settle } from './api-servers.ts';

/** Whatever is asked, nobody sees or changes what is another tenant's, and nothing internal is told. */

const SEED = Number(process.env.SEED ?? 20_260_712);
const MARKER = 'zebrafinch';
const TIMEOUT_MS = 120_000;

let api: ApiServers;
let who: Awaited<ReturnType<typeof settle>>;
/** Cases of the other company, and restricted ones of the own; full of the marker. */
const hidden: string[] = [];
let own = '';
let version = 0;

const command = async (user: string, method: string, url: string, body?: unknown) => {
  const headers = { 'idempotency-key': randomUUID(), 'if-match': '*' };
  const reply = await api.call(method, url, { user, headers, ...(body !== undefined && { body }) });
  if (reply.status >= 300) throw new Error(`${method} ${url}: ${reply.text}`);
  return reply.body;
};

beforeAll(async () => {
  api = await openApiServers();
  who = await settle(api);
  const about = (tenant: string, text: string) => ({
    ...{ tenant, title: `A ${text}`, product: text, issue: text, narrative: `My ${text}`, zip: '10001', tags: [text] },
    ...{ us_state: text, submitted_via: text, received_on: '2026-01-01' },
  });
  own = (await command(who.investigator, 'POST', '/cases', about(who.acme, 'fee'))).id;
  for (const tenant of [who.other, who.other, who.acme]) {
    const { id } = await command(who.investigator, 'POST', '/cases', about(tenant, MARKER));
    const person = { role: 'complainant', new: { kind: 'person', name: `Ann ${MARKER}` } };
    await command(who.investigator, 'POST', `/cases/${id}/parties`, person);
    if (tenant === who.acme) await command(who.supervisor, 'PUT', `/cases/${id}/restriction`);
    hidden.push(id);
  }
  await api.project();
  version = (await api.call('GET', `/cases/${own}`, { user: who.clerk })).body.version;
}, TIMEOUT_MS);
afterAll(() => api?.close(), TIMEOUT_MS);

/** What must not be in any reply: of the cases, of the database, of the machine. */
const INTERNAL =
  /zebrafinch|select |insert |pg_|canonical\.|constraint|at .*\.ts:|node_modules|stack|distributary\.(tenant|key)|ECONN|127\.0\.0\.1/i;

function expectClean(reply: Reply, asked: unknown): void {
  const told = reply.text.replaceAll(JSON.stringify(asked) ?? '', '');
  const found =
    told.match(INTERNAL)?.[0] ?? hidden.find(id => told.includes(id) && !JSON.stringify(asked ?? '').includes(id));
  expect({ asked, status: reply.status, found }).toEqual({ asked, status: reply.status, found: undefined });
  expect(reply.status).not.toBe(500);
  if (reply.status < 400) return;
  expect(reply.headers['content-type']).toBe('application/problem+json');
  expect(reply.body).toMatchObject({ type: expect.stringMatching(/^urn:distributary:problem:/), status: reply.status });
}

const FIELDS = [
  'product',
  'issue',
  'us_state',
  'zip',
  'tags',
  'narrative',
  'party_names',
  'title',
  'restricted',
  'assigned_ids',
  'received_on',
  'distributary.tenant',
  'distributary.key',
  '_id',
  '_index',
  '*',
  '__proto__',
  '',
];
const field = fc.constantFrom(...FIELDS);
const nasty = fc.oneof(
  fc.constantFrom(
    MARKER,
    '*',
    '" OR 1=1 --',
    '{"match_all":{}}',
    "'; drop table cases; --",
    '(((((',
    'a~9',
    '+-"',
    '\u0000',
    '\\',
    'now-1d',
    '$' + '{jndi}',
    '../../_all',
  ),
  fc.string({ maxLength: 40 }),
);
const value = fc.oneof(nasty, fc.integer(), fc.boolean(), fc.double(), fc.constant(null));
const { filter } = fc.letrec(tie => ({
  filter: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.record({ field, is: value }),
    fc.record({ field, in: fc.array(value, { maxLength: 4 }) }),
    fc.record({ field, from: value, to: value }),
    fc.record({ field, exists: fc.boolean() }),
    fc.record({ all: fc.array(tie('filter'), { maxLength: 3 }) }),
    fc.record({ any: fc.array(tie('filter'), { maxLength: 3 }) }),
    fc.record({ not: tie('filter') }),
    fc.constantFrom(
      { match_all: {} },
      { query_string: { query: '*' } },
      { script: { script: 'true' } },
      { bool: { must_not: [] } },
    ),
  ),
}));
const question = fc.record(
  {
    text: nasty,
    filter: fc.option(filter, { nil: undefined }) as fc.Arbitrary<unknown>,
    facets: fc.array(field, { maxLength: 3 }),
    sort: fc.array(fc.record({ field, order: fc.constantFrom('asc', 'desc', 'DESC; x') }), { maxLength: 2 }),
    highlight: fc.boolean(),
    size: fc.constantFrom(1, 5, 100, 0, -1, 10_000),
    cursor: fc.constantFrom('', 'x', 'W10.AAAA'),
    waitFor: fc.constantFrom('1@00000000-0000-4000-8000-000000000000', 'x'),
    aggs: fc.constant({ all: { global: {} } }),
    query: fc.constant({ match_all: {} }),
  },
  { requiredKeys: [] },
);

/** Well-formed, so that it gets as far as the engine. */
const shown = fc.constantFrom('product', 'issue', 'us_state', 'submitted_via', 'status', 'company');
const words = fc.oneof(nasty, fc.constantFrom('fee', `fee | ${MARKER}`, `-${MARKER}`, `"A ${MARKER}"`));
const { sound } = fc.letrec(tie => ({
  sound: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.record({ field: shown, is: words }),
    fc.record({ field: shown, in: fc.array(words, { minLength: 1, maxLength: 4 }) }),
    fc.record({ field: shown, exists: fc.boolean() }),
    fc.record({ field: fc.constant('received_on'), from: fc.constantFrom('2020-01-01', '2026-01-01T00:00:00Z') }),
    fc.record({ field: fc.constant('restricted'), is: fc.boolean() }),
    fc.record({ any: fc.array(tie('sound'), { maxLength: 3 }) }),
    fc.record({ not: tie('sound') }),
  ),
}));
const plausible = fc.record(
  {
    text: words,
    filter: sound as fc.Arbitrary<unknown>,
    facets: fc.uniqueArray(shown, { maxLength: 3 }),
    sort: fc.array(fc.record({ field: shown, order: fc.constantFrom('asc', 'desc') }), { maxLength: 2 }),
    highlight: fc.boolean(),
    size: fc.constantFrom(1, 5, 100),
  },
  { requiredKeys: [] },
);

test(
  `no question to search shows a clerk what is another's (seed ${SEED})`,
  async () => {
    const statuses = new Set<number>();
    await fc.assert(
      fc.asyncProperty(fc.oneof(plausible, plausible, question), async body => {
        const reply = await api.call('POST', '/search', { user: who.clerk, body });
        statuses.add(reply.status);
        expectClean(reply, body);
        if (reply.status !== 200) return;
        expect(reply.body.total).toBeLessThanOrEqual(1);
        for (const { id, tenant } of reply.body.hits) expect({ id, tenant }).toEqual({ id: own, tenant: who.acme });
        for (const buckets of Object.values(reply.body.facets)) {
          for (const { count } of buckets as { count: number }[]) expect(count).toBeLessThanOrEqual(1);
        }
      }),
      { seed: SEED, numRuns: 400 },
    );
    // Else nothing was tried: some were answered, some refused.
    expect([...statuses].sort()).toEqual(expect.arrayContaining([200, 422]));
  },
  TIMEOUT_MS,
);

test(
  `no route reads or writes what is another tenant's (seed ${SEED})`,
  async () => {
    const before = await snapshot();
    const someone = fc.constantFrom('clerk', 'stranger') as fc.Arbitrary<'clerk' | 'stranger'>;
    const anything = fc.oneof(
      fc.constant({}),
      fc.constant({ title: 't', sha256: 'a'.repeat(64), media_type: 'text/plain', size_bytes: 1 }),
      fc.constantFrom({ to: 'closed', outcome: 'explanation' }, { reason: 'r' }, { kind: 'finding', summary: 's' }),
      fc.object({ maxDepth: 2 }),
    );
    const headers = fc.record(
      {
        'if-match': fc.constantFrom('*', '"1"', 'x', '"99999999999999999999"'),
        'acting-for': fc.constantFrom('acme', 'other', 'bureau', 'x'),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(fc.nat(), someone, fc.nat(2), anything, headers, async (pick, name, target, body, given) => {
        const route = api.routes.filter(
          ({ path }) => path.includes('{case}') || path.startsWith('/m') || path === '/cases',
        )[pick % 17]!;
        const id = name === 'stranger' ? own : hidden[target]!;
        const url = route.path.replace('{case}', id).replace(/\{\w+\}/, randomUUID());
        const acting = given['acting-for'];
        const actingFor = acting && { 'acting-for': who[acting as 'acme'] ?? acting };
        const all = { 'idempotency-key': randomUUID(), ...given, ...actingFor } as Record<string, string>;
        if (acting === undefined) delete all['acting-for'];
        const reply = await api.call(route.method, url, { user: who[name], body, headers: all });
        expectClean(reply, body);
        expect(reply.status).toBeGreaterThanOrEqual(400);
      }),
      { seed: SEED, numRuns: 300 },
    );
    expect(await snapshot()).toEqual(before);
  },
  TIMEOUT_MS,
);

const snapshot = () =>
  api.db.sql(
    'select id, version, tenant_id from cases union all select id, version, tenant_id from memberships order by 1',
  );

test('a token that is not good opens nothing', async () => {
  const foreign = await generateKeyPair('ES256');
  const claims = (token: SignJWT) =>
    token.setSubject(who.clerk).setIssuer('https://issuer.example').setAudience('cases').setExpirationTime('1h');
  const good = await api.tokenFor(who.clerk);
  const [header, payload, signature] = good.split('.');
  const unsigned = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');
  const tokens: Record<string, string> = {
    expired: await api.tokenFor(who.clerk, { expires: '-1h' }),
    'of another issuer': await api.tokenFor(who.clerk, { issuer: 'https://elsewhere.example' }),
    'for somebody else': await api.tokenFor(who.clerk, { audience: 'payroll' }),
    'signed with another key': await api.tokenFor(who.clerk, { key: foreign.privateKey }),
    'of an unknown key': await claims(new SignJWT({}))
      .setProtectedHeader({ alg: 'ES256', kid: 'two' })
      .sign(foreign.privateKey),
    unsigned: `${unsigned}.${payload}.`,
    'with another payload': `${header}.${Buffer.from(JSON.stringify({ sub: who.supervisor })).toString('base64url')}.${signature}`,
    'signed with a secret': await claims(new SignJWT({}))
      .setProtectedHeader({ alg: 'HS256' })
      .sign(new TextEncoder().encode('x'.repeat(32))),
    'of nobody': await api.tokenFor('admin'),
    rubbish: 'rubbish',
    'too long': 'x'.repeat(10_000),
  };
  for (const [what, token] of Object.entries(tokens)) {
    const reply = await api.call('GET', `/cases/${own}`, { token });
    expect({ what, status: reply.status }).toEqual({ what, status: 401 });
    expectClean(reply, undefined);
    expect(reply.headers['www-authenticate']).toBe('Bearer');
  }
  expect(await api.call('GET', `/cases/${own}`)).toMatchObject({ status: 401 });
  expect(await api.call('GET', `/cases/${own}`, { token: good })).toMatchObject({ status: 200, body: { version } });
});

test('what is too large, too deep or no JSON is refused before anything reads it', async () => {
  const nest = (depth: number) => `${'{"not":'.repeat(depth)}{}${'}'.repeat(depth)}`;
  const wide = { any: Array.from({ length: 41 }, () => ({ field: 'product', is: 'x' })) };
  for (const [what, rawBody, status] of [
    ['deep', `{"filter":${nest(10_000)}}`, 413],
    ['a little deep', `{"filter":${nest(6)}}`, 422],
    ['deep within the size', `{"filter":${nest(1_000)}}`, 422],
    ['wide', JSON.stringify({ filter: wide }), 422],
    ['large', JSON.stringify({ text: 'x'.repeat(70_000) }), 413],
    ['long', JSON.stringify({ text: 'x'.repeat(501) }), 422],
    ['no JSON', '{"text":', 400],
    ['no object', '7', 422],
    ['twice a key', '{"size":1,"size":100000}', 422],
  ] as const) {
    const reply = await api.call('POST', '/search', { user: who.clerk, rawBody });
    expect({ what, status: reply.status }).toEqual({ what, status });
    expectClean(reply, undefined);
  }
  const form = await api.call('POST', '/search', {
    user: who.clerk,
    rawBody: 'text=x',
    headers: { 'content-type': 'text/plain' },
  });
  expect(form.status).toBe(400);
  expect(await api.call('GET', '/admin', { user: who.clerk })).toMatchObject({ status: 404 });
  expect(await api.call('GET', '/cases/%00', { user: who.clerk })).toMatchObject({ status: 422 });
});

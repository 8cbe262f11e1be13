import { randomUUID } from 'node:crypto';
import type { AggregateId } from '../core/version.ts';
import { storeGroup } from '../functions/control-items.ts';
import { TARGETS_TTL_SECONDS } from '../functions/control-targets.ts';
import { CANARY, lastReads } from '../functions/reads.ts';
import { ask } from '../functions/stores/opensearch-client.ts';
import { type ApiServers, openApiServers, settle } from './api-servers.ts';
import { onBothEngines } from './search-engines.ts';

/** Queries on stores that learn of changes only when the test says so. */

const CASE = { title: 'A fee', product: 'Credit card', issue: 'Fees', narrative: 'They took my savings', zip: '10001' };
/** OpenSearch starts in 3 to 18 s. */
const TIMEOUT_MS = 180_000;

onBothEngines(testQueries);

function testQueries(choice: 'real' | 'embedded'): void {
  let api: ApiServers;
  let who: Awaited<ReturnType<typeof settle>>;
  const ids: Record<string, string> = {};

  const command = async (user: string, method: string, url: string, body?: unknown) => {
    const headers = { 'idempotency-key': randomUUID(), 'if-match': '*' };
    const reply = await api.call(method, url, { user, headers, ...(body !== undefined && { body }) });
    if (reply.status >= 300) throw new Error(`${method} ${url}: ${reply.text}`);
    return reply.body;
  };
  const open = async (name: string, more: object) => {
    ids[name] = (await command(who.investigator, 'POST', '/cases', { ...CASE, tenant: who.acme, ...more })).id;
  };
  const search = (user: string, body: object = {}) => api.call('POST', '/search', { user, body });
  const found = async (user: string, body: object = {}): Promise<string[]> => {
    const reply = await search(user, body);
    if (reply.status !== 200) throw new Error(reply.text);
    return reply.body.hits.map((hit: { id: string }) => Object.keys(ids).find(name => ids[name] === hit.id)).sort();
  };

  beforeAll(async () => {
    api = await openApiServers(choice);
    who = await settle(api);
    await open('fee', { title: 'A fee for savings', received_on: '2026-01-01' });
    await open('loan', {
      title: 'A loan',
      product: 'Loan',
      narrative: 'Nothing',
      received_on: '2026-01-02',
      priority: 'high',
    });
    await open('foreign', { title: 'A fee of another', tenant: who.other, received_on: '2026-01-03' });
    await open('secret', { title: 'A secret fee', due_on: '2026-02-01' });
    for (const [name, priority] of [
      ['fee', 'primary'],
      ['loan', 'primary'],
      ['secret', 'support'],
    ]) {
      await command(who.supervisor, 'PUT', `/cases/${ids[name!]}/investigator`, {
        investigator: who.colleague,
        role: priority,
      });
    }
    await command(who.supervisor, 'PUT', `/cases/${ids.secret}/restriction`);
    await api.project();
  }, TIMEOUT_MS);
  afterAll(() => api?.close(), TIMEOUT_MS);

  describe('search', () => {
    test('finds for each what it may see', async () => {
      expect(await found(who.supervisor)).toEqual(['fee', 'foreign', 'loan', 'secret']);
      expect(await found(who.colleague)).toEqual(['fee', 'foreign', 'loan', 'secret']);
      expect(await found(who.investigator)).toEqual(['fee', 'foreign', 'loan']);
      expect(await found(who.analyst)).toEqual(['fee', 'foreign', 'loan']);
      expect(await found(who.clerk)).toEqual(['fee', 'loan']);
      expect(await found(who.stranger)).toEqual(['foreign']);
      expect(await search(randomUUID())).toMatchObject({ status: 403 });
    });

    test('goes where a canary sends its use case, and back; what reads is noted', async () => {
      const candidate = { store: 'case-search', name: 'case-search.1.2' };
      const all = ['fee', 'foreign', 'loan', 'secret'];
      const current = (await api.search.current())!;
      const held = async (name: string) => (await api.search.read(current, ids[name] as AggregateId))!;
      await api.search.create(candidate);
      await api.control.startBuilding(candidate);
      await api.search.write(candidate, [await held('fee'), { ...(await held('loan')), document: null }]);
      await api.search.digest(candidate, {}); // What readers may find from now on.
      const asked = (revision: number, useCases: string[]) =>
        api.control.swap(storeGroup('case-search'), CANARY, revision, {
          candidate: candidate.name,
          percent: 0,
          useCases,
        });
      const later = () => {
        api.readers.aheadMs += TARGETS_TTL_SECONDS * 1000;
      };
      const revision = (await asked(0, ['supervisor_case_filtering']))!;
      later();
      expect(await found(who.supervisor)).toEqual(['fee']);
      expect(await found(who.colleague)).toEqual(all);
      await asked(revision, []);
      later();
      expect(await found(who.supervisor)).toEqual(all);
      await api.control.forgetTarget(candidate);
      const read = [...(await lastReads(api.control, 'case-search')).keys()].sort();
      expect(read).toEqual(['investigator_case_search', 'supervisor_case_filtering']);
    });

    test('takes words only from what the caller sees', async () => {
      expect(await found(who.investigator, { text: 'savings' })).toEqual(['fee', 'foreign']);
      expect(await found(who.analyst, { text: 'savings' })).toEqual(['fee']);
      const { body, text } = await search(who.analyst, { text: 'fee', highlight: true });
      expect(text).not.toContain('They took');
      expect(body.masked).toContain('narrative');
      const shown = await search(who.investigator, { text: 'savings', highlight: true });
      expect(shown.body.hits[0].highlight.narrative).toEqual(['They took my <em>savings</em>']);
    });

    test('filters, counts and sorts by what the caller sees', async () => {
      expect(await found(who.analyst, { filter: { field: 'product', is: 'Loan' } })).toEqual(['loan']);
      const dates = {
        all: [{ field: 'received_on', from: '2026-01-02' }, { not: { field: 'priority', in: ['high'] } }],
      };
      expect(await found(who.analyst, { filter: dates })).toEqual(['foreign']);
      const { body } = await search(who.clerk, { facets: ['product', 'priority'] });
      expect(body.facets.product).toEqual([
        { value: 'Credit card', count: 1 },
        { value: 'Loan', count: 1 },
      ]);
      for (const question of [
        { filter: { field: 'zip', is: '10001' } },
        { filter: { not: { field: 'narrative', exists: true } } },
        { facets: ['zip'] },
        { sort: [{ field: 'zip' }] },
        { filter: { field: 'distributary.tenant', is: who.other } },
        { filter: { field: 'constructor', is: 'x' } },
      ]) {
        expect({ question, status: (await search(who.analyst, question)).status }).toEqual({ question, status: 422 });
      }
      expect(await found(who.investigator, { filter: { field: 'zip', is: '10001' } })).toEqual([
        'fee',
        'foreign',
        'loan',
      ]);
    });

    test('goes on where a page ended, for the one who asked and the same question only', async () => {
      for (const sort of [
        [],
        [{ field: 'received_on' }],
        [{ field: 'due_on', order: 'desc' }],
        [{ field: 'investigator_id' }],
        [{ field: 'open_task_count' }],
      ]) {
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const { body, status } = await search(who.supervisor, { size: 1, sort, ...(cursor && { cursor }) });
          expect({ sort, status }).toEqual({ sort, status: 200 });
          seen.push(...body.hits.map((hit: { id: string }) => hit.id));
          cursor = body.cursor;
        } while (cursor);
        expect(seen.toSorted()).toEqual(Object.values(ids).toSorted());
      }
      const { cursor } = (await search(who.supervisor, { size: 1 })).body;
      for (const [user, question] of [
        [who.supervisor, { size: 2, cursor }],
        [who.supervisor, { size: 1, text: 'fee', cursor }],
        [who.investigator, { size: 1, cursor }],
        [who.clerk, { size: 1, cursor }],
        [who.supervisor, { size: 1, cursor: `${cursor}x` }],
        [who.supervisor, { size: 1, cursor: 'WyJhIl0.AAAA' }],
      ] as const)
        expect(await search(user, question)).toMatchObject({ status: 422 });
    });

    test('drops at once what was taken away since the store saw it, and counts that', async () => {
      const { id } = await command(who.investigator, 'POST', '/cases', {
        ...CASE,
        title: 'Soon hidden',
        tenant: who.acme,
      });
      ids.soon = id;
      await api.project();
      expect(await found(who.clerk)).toContain('soon');
      await command(who.supervisor, 'PUT', `/cases/${id}/restriction`);
      const before = api.mismatches.count;
      expect(await found(who.clerk)).not.toContain('soon');
      expect(await found(who.investigator)).not.toContain('soon');
      expect(api.mismatches.count).toBe(before + 2);
      expect(await found(who.supervisor)).toContain('soon');
      await api.project();
      expect(await found(who.clerk)).not.toContain('soon');
      expect(api.mismatches.count).toBe(before + 2);
    });

    test('says how far the store has come, and waits for a version that comes', async () => {
      const { version } = await command(who.supervisor, 'POST', `/cases/${ids.loan}/tasks`, { title: 'Call' });
      const waitFor = `${version}@${ids.loan}`;
      expect(await search(who.supervisor, { waitFor, ifStale: 'refuse' })).toMatchObject({
        status: 409,
        body: { type: 'urn:distributary:problem:stale' },
      });
      const late = await search(who.supervisor, { waitFor });
      expect(late.body).toMatchObject({ freshness: { stale: true, store: 'case-search' } });
      expect(late.body.hits.find(({ id }: { id: string }) => id === ids.loan)).toMatchObject({ stale: true });
      const waiting = search(who.supervisor, { waitFor, ifStale: 'refuse' });
      await api.project();
      expect(await waiting).toMatchObject({
        status: 200,
        body: { freshness: { stale: false, watermark: expect.any(String) } },
      });
      expect(await search(who.clerk, { waitFor: `1@${ids.foreign}` })).toMatchObject({ status: 404 });
    }, 30_000);
  });

  test('a search that the engine refuses is our fault, not a thing that passes', async () => {
    const candidate = { store: 'case-search', name: 'other-mapping' };
    await ask(api.openSearch, { method: 'PUT', path: `/${candidate.name}`, body: {} });
    await api.control.startBuilding(candidate);
    const { revision } = (await api.control.read(storeGroup('case-search'), CANARY))!;
    const useCases = ['supervisor_case_filtering'];
    const body = { candidate: candidate.name, percent: 0, useCases };
    await api.control.swap(storeGroup('case-search'), CANARY, revision, body);
    api.readers.aheadMs += TARGETS_TTL_SECONDS * 1000;
    expect(await search(who.supervisor)).toMatchObject({
      status: 500,
      body: { type: 'urn:distributary:problem:internal-error' },
    });
    await api.control.forgetTarget(candidate);
    api.readers.aheadMs += TARGETS_TTL_SECONDS * 1000;
    expect(await search(who.supervisor)).toMatchObject({ status: 200 });
  });

  describe('a timeline', () => {
    const timeline = (user: string, query = '') => api.call('GET', `/cases/${ids.fee}/timeline${query}`, { user });

    test('shows each role the steps, and who took them to those who handle cases', async () => {
      const handled = await timeline(who.investigator);
      expect(handled.body).toMatchObject({
        timeline: { entries: [{ to: 'received', by: who.investigator }] },
        freshness: { store: 'case-timeline' },
      });
      const other = await timeline(who.clerk);
      expect(other.body.timeline.entries).toEqual([expect.objectContaining({ to: 'received' })]);
      expect(other.body.timeline.entries[0]).not.toHaveProperty('by');
      expect(other.body.masked).toContain('entries.by');
    });

    test('that has not come so far is read from the canonical store, refused, or shown as it is', async () => {
      const { version } = await command(who.investigator, 'POST', `/cases/${ids.fee}/transitions`, {
        to: 'under-review',
      });
      const [canonical, refused, shown] = await Promise.all([
        timeline(who.investigator, `?waitFor=${version}`),
        timeline(who.investigator, `?waitFor=${version}&ifStale=refuse`),
        timeline(who.investigator, `?waitFor=${version}&ifStale=answer`),
      ]);
      expect(canonical.body).toMatchObject({
        version,
        timeline: { status: 'under-review' },
        freshness: { store: 'canonical' },
      });
      expect(refused.status).toBe(409);
      expect(shown.body).toMatchObject({ timeline: { status: 'received' }, freshness: { stale: true } });
      await api.project();
      const fresh = await timeline(who.investigator, `?waitFor=${version}`);
      expect(fresh.body).toMatchObject({ version, freshness: { store: 'case-timeline', stale: false } });
      expect(fresh.body.timeline).toEqual(canonical.body.timeline);
    }, 30_000);
  });

  test("a worklist is the investigator's own, page by page; another's is for supervisors", async () => {
    const worklist = (user: string, query = '') => api.call('GET', `/worklist${query}`, { user });
    const first = await worklist(who.colleague, '?size=1');
    expect(first.body.cases).toMatchObject([{ id: ids.loan, case: { priority: 'high' } }]);
    const second = await worklist(who.colleague, `?size=1&cursor=${encodeURIComponent(first.body.cursor)}`);
    expect(second.body.cases).toMatchObject([{ id: ids.fee }]);
    expect(await worklist(who.investigator)).toMatchObject({ status: 200, body: { cases: [] } });
    expect(await worklist(who.investigator, `?investigator=${who.colleague}`)).toMatchObject({ status: 403 });
    expect((await worklist(who.supervisor, `?investigator=${who.colleague}`)).body.cases).toHaveLength(2);
    expect(await worklist(who.clerk)).toMatchObject({ status: 403 });
  });

  test('a report counts what the caller may see, as of a time', async () => {
    const report = (user: string, query = '') => api.call('GET', `/reports/cases?by=product${query}`, { user });
    const counts = async (user: string, query = '') =>
      Object.fromEntries(
        (await report(user, query)).body.groups.map((group: { value: string; count: number }) => [
          group.value,
          group.count,
        ]),
      );
    expect(await counts(who.analyst)).toEqual({ 'Credit card': 2, Loan: 1 });
    expect(await counts(who.clerk)).toEqual({ 'Credit card': 1, Loan: 1 });
    expect((await counts(who.supervisor))['Credit card']).toBeGreaterThan(2);
    expect(await counts(who.analyst, '&as_of=2020-01-01T00:00:00Z')).toEqual({});
    expect((await report(who.analyst)).body).toMatchObject({
      as_of: expect.any(String),
      freshness: { store: 'case-facts', watermark: expect.any(String) },
    });
  });

  test('the document that describes the API is OpenAPI 3.1, is open, and names every route', async () => {
    const { status, body } = await api.call('GET', '/openapi.json');
    expect(status).toBe(200);
    expect(body.openapi).toBe('3.1.0');
    const described = Object.entries(body.paths).flatMap(([path, methods]) =>
      Object.keys(methods as object).map(method => `${method.toUpperCase()} ${path}`),
    );
    expect(described.sort()).toEqual(api.routes.map(({ method, path }) => `${method} ${path}`).sort());
    for (const [path, methods] of Object.entries(body.paths)) {
      for (const operation of Object.values(
        methods as Record<string, { parameters: { name: string; in: string }[] }>,
      )) {
        const inPath = operation.parameters.filter(parameter => parameter.in === 'path').map(({ name }) => name);
        expect(inPath).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
      }
    }
  });

  describe('the cache of permissions', () => {
    test('believes for a few seconds; a membership that has changed shows by its token, at once', async () => {
      const user = await who.person(who.acme, 'company-user');
      expect(await found(user)).toContain('fee');
      const [{ id }] = (await api.db.sql<{ id: string }>('select id from memberships where user_id = $1', [user])) as [
        { id: string },
      ];
      await command(who.supervisor, 'DELETE', `/memberships/${id}`);
      expect((await api.permissions.permissionsOf(user)).memberships[0]).toMatchObject({ validTo: null });
      expect(await search(user)).toMatchObject({ status: 403 });
      await command(who.supervisor, 'POST', '/memberships', { user, tenant: who.other, role: 'company-user' });
      expect(await found(user)).toEqual(['foreign']);
    });
  });
}

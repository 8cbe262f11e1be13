import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Json } from '../core/change.ts';
import type { Store, Target, Write } from '../core/store.ts';
import type { ProjectedContract } from '../core/store-contract.ts';
import type { AggregateId } from '../core/version.ts';
import { openSearchStore } from '../functions/stores/opensearch.ts';
import { ask, type OpenSearch, openSearchClient } from '../functions/stores/opensearch-client.ts';
import { type Search, startSearch } from '../local/search/index.ts';
import {
  deleted,
  gainedContract,
  gainedDocument,
  hidden,
  keyBlock,
  live,
  suiteContract,
  suiteDocument,
} from '../testing/store-samples.ts';
import { testStore } from '../testing/store-suite.ts';
import { codes, collect, kinds } from '../testing/store-suite-bench.ts';
import { type OutageProxy, startOutageProxy } from './outage-proxy.ts';
import { onBothEngines } from './search-engines.ts';

/** OpenSearch prunes deletes older than `gc_deletes` at a refresh, judging by a clock that ticks every second or so. */
const FORGET_DELETES_MS = 2500;
/** In the middle of a handful of writes, each of some milliseconds. */
const POWER_CUT_AFTER_MS = 40;
const START_TIMEOUT_MS = 180_000;

onBothEngines(testEngine);

function testEngine(choice: 'real' | 'embedded'): void {
  let dataDir: string;
  let search: Search;
  let proxy: OutageProxy;
  let client: ReturnType<typeof openSearchClient>;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'distributary-store-'));
    await chmod(dataDir, 0o755); // The real engine runs as another user when the tests run as root.
    search = await startSearch({ dataDir, choice, onLog: () => {} });
    proxy = await startOutageProxy(search.url);
    client = openSearchClient(proxy.url);
  }, START_TIMEOUT_MS);
  afterAll(async () => {
    await client?.close();
    await proxy?.close();
    await search?.stop();
    await rm(dataDir, { recursive: true, force: true });
  }, START_TIMEOUT_MS);

  let targets = 0;
  const target = (store: string): Target => ({ store, name: `${store}-1-${++targets}` });

  testStore('store', async () => ({
    store: openSearchStore({ client, contract: suiteContract('suite-search', 'opensearch') }),
    target: () => target('suite-search'),
    gained: openSearchStore({ client, contract: gainedContract(suiteContract('suite-search', 'opensearch')) }),
    refusedDocument: { ...suiteDocument(1), priority: 'urgent' },
    outage: proxy.outage,
    async forgetDeletes({ name }) {
      await ask(client, { method: 'PUT', path: `/${name}/_settings`, body: { 'index.gc_deletes': '0s' } });
      await sleep(FORGET_DELETES_MS);
      await ask(client, { method: 'POST', path: `/${name}/_refresh` });
    },
    close: async () => {},
  }));

  async function open(name: string, through: OpenSearch = client): Promise<{ store: Store; blue: Target }> {
    const store = openSearchStore({ client: through, contract: suiteContract(name, 'opensearch') });
    const blue = target(name);
    await store.create(blue);
    return { store, blue };
  }

  /** What a reader finds who knows nothing but the store's name. */
  async function readersFind(name: string): Promise<string[]> {
    const body = { size: 100, query: { match_all: {} } };
    const answer = await ask<{ hits: { hits: { _id: string }[] } }>(client, {
      method: 'POST',
      path: `/${name}/_search`,
      body,
    });
    return answer.body.hits.hits.map(({ _id }) => _id).sort();
  }

  test('readers who know only the name of the store never see a tombstone', async () => {
    const { store, blue } = await open('readers-search');
    const [a, b, c] = keyBlock(3).keys;
    await store.cutOver(blue);
    await store.write(blue, [live(a!, 1), live(b!, 1), deleted(b!, 2), hidden(c!, 1)]);
    await store.digest(blue, {}); // Refreshes.
    expect(await readersFind('readers-search')).toEqual([a]);
  });

  test('during a cutover readers see one target, never none and never both', async () => {
    const { store, blue } = await open('swap-search');
    const green = target('swap-search');
    await store.create(green);
    const [a, b] = keyBlock(2).keys;
    await store.write(blue, [live(a!, 1)]);
    await store.write(green, [live(b!, 1)]);
    for (const each of [blue, green]) await store.digest(each, {});
    await store.cutOver(blue);
    const seen: string[][] = [];
    let settled = false;
    const cutOvers = (async () => {
      for (let turn = 0; turn < 6; turn++) for (const to of [green, blue]) await store.cutOver(to);
    })().finally(() => (settled = true));
    while (!settled) seen.push(await readersFind('swap-search'));
    await cutOvers;
    for (const found of seen) expect([[a], [b]]).toContainEqual(found);
  });

  test('text is found by its words, an object is carried but not searched', async () => {
    const { store, blue } = await open('words-search');
    const [key] = keyBlock(1).keys;
    await store.write(blue, [live(key!, 4)]);
    await store.digest(blue, {});
    const find = async (field: string, words: string) => {
      const body = { query: { match: { [field]: words } } };
      const path = `/${blue.name}/_search`;
      const answer = await ask<{ hits: { hits: unknown[] } }>(client, { method: 'POST', path, body });
      return answer.body.hits.hits.length;
    };
    expect(await find('title', 'MÜLLER')).toBe(1);
    expect(await find('title', 'nobody')).toBe(0);
    expect(await find('parties.name', 'Åsa')).toBe(0);
  });

  describe('a refusal names the field and never quotes the value', () => {
    const secret = 'Erika Mustermann';
    const misfits: readonly [string, string, Json][] = [
      ['priority', 'a word', secret],
      ['priority', 'a number as text', '4711'],
      ['priority', 'a fraction', 47.11],
      ['amount', 'a number and more', `12.50 ${secret}`],
      ['urgent', 'a word', secret],
      ['received_on', 'a word', secret],
      ['changed_at', 'the 45th of the 13th month', '2026-13-45T00:00:00Z'],
      ['title', 'an object', { name: secret }],
      ['status', 'more than a term holds', secret.repeat(3000)],
      ['unheard_of', 'no field of the contract', secret],
    ];
    test.each(misfits)('%s: %s', async (field, _, value) => {
      const { store, blue } = await open('misfit-search');
      const [outcome] = await store.write(blue, [
        live(keyBlock(1).keys[0]!, 1, { ...suiteDocument(1), [field]: value }),
      ]);
      expect(outcome).toMatchObject({ kind: 'refused', error: { code: 'document-refused' } });
      const said = JSON.stringify([outcome, outcome?.kind === 'refused' && outcome.error.describe()]);
      expect(said).toContain(field);
      expect(said).not.toMatch(/Erika|2026-13|4711|47\.11/);
    });
  });

  describe('an index that is older than its contract', () => {
    /** The store as the next deployment opens it; `changed` are fields of another type. */
    const next = (name: string, changed: ProjectedContract['fields'] = {}, through: OpenSearch = client): Store => {
      const contract = gainedContract(suiteContract(name, 'opensearch'));
      return openSearchStore({
        client: through,
        contract: { ...contract, fields: { ...contract.fields, ...changed } },
      });
    };
    const newer = (key: AggregateId) => live(key, 2, gainedDocument(2));

    test('knows a gained field once it is created again, and says that its documents lack it', async () => {
      const { store: former, blue } = await open('grown-search');
      await former.write(blue, [live(keyBlock(1).keys[0]!, 1)]);
      const store = next('grown-search');
      await store.digest(blue, {}); // Refreshes.
      const sorted = () => ask(client, { method: 'POST', path: `/${blue.name}/_search`, body: { sort: ['later'] } });
      await expect(sorted()).rejects.toMatchObject({ code: 'question-refused' });
      await store.create(blue);
      await sorted();
      const what = 'field later came after the index was made: documents of before lack it';
      const said = { severity: 'risk', what, todo: 'rebuild the store' };
      expect(await store.inspect(blue)).toEqual([said]);
      await store.create(blue);
      expect(await store.inspect(blue)).toEqual([said]);
      const green = target('grown-search');
      await store.create(green);
      expect(await store.inspect(green)).toEqual([]);
    });

    test('keeps the type that a field has, and still takes what the contract has gained', async () => {
      const { blue } = await open('retyped-search');
      const keyword = { type: 'keyword', list: false, pii: 'none', protected: false } as const;
      const store = next('retyped-search', { priority: keyword });
      await store.create(blue);
      const [fits, misfit] = keyBlock(2).keys as [AggregateId, AggregateId];
      const urgent = live(misfit, 2, { ...gainedDocument(2), priority: 'urgent' });
      expect(codes(await store.write(blue, [newer(fits), urgent]))).toEqual(['applied', 'document-refused']);
      const broken = (await store.inspect(blue)).filter(({ severity }) => severity === 'broken');
      expect(broken.map(({ what }) => what)).toEqual(['field priority is long in the index, keyword in the contract']);
    });

    test('has a document come back while it cannot take the field up, and no other', async () => {
      const { blue } = await open('deaf-search');
      const request = ((parameters, options) =>
        parameters.path.endsWith('/_mapping')
          ? Promise.reject(new Error('no answer'))
          : client.transport.request(parameters, options)) as OpenSearch['transport']['request'];
      const deaf = next('deaf-search', {}, { transport: { request } as OpenSearch['transport'] });
      const [plain, grown] = keyBlock(2).keys as [AggregateId, AggregateId];
      const writes = [live(plain, 1), newer(grown)];
      expect(codes(await deaf.write(blue, writes))).toEqual(['applied', 'store-unavailable']);
      expect(codes(await next('deaf-search').write(blue, writes))).toEqual(['stale', 'applied']);
    });

    (choice === 'real' ? test : test.skip)('refuses the document when it may have no more fields', async () => {
      const { blue } = await open('full-search');
      const full = { 'index.mapping.total_fields.limit': 1 };
      await ask(client, { method: 'PUT', path: `/${blue.name}/_settings`, body: full });
      const [plain, grown] = keyBlock(2).keys as [AggregateId, AggregateId];
      const outcomes = await next('full-search').write(blue, [live(plain, 1), newer(grown)]);
      expect(codes(outcomes)).toEqual(['applied', 'document-refused']);
    });
  });

  (choice === 'real' ? test : test.skip)('a blocked or closed index is down, not a reason to refuse', async () => {
    const { store, blue } = await open('blocked-search');
    const [key] = keyBlock(1).keys;
    const block = (blocked: boolean) =>
      ask(client, { method: 'PUT', path: `/${blue.name}/_settings`, body: { 'index.blocks.write': blocked } });
    await block(true);
    expect(codes(await store.write(blue, [live(key!, 1)]))).toEqual(['store-unavailable']);
    await block(false);
    expect(kinds(await store.write(blue, [live(key!, 1)]))).toEqual(['applied']);
    await ask(client, { method: 'POST', path: `/${blue.name}/_close` });
    const [outcome] = await store.write(blue, [live(key!, 2)]);
    expect(outcome).toMatchObject({ kind: 'unavailable' });
  });

  test('connections that died while nobody wrote cost nothing', async () => {
    const { store, blue } = await open('idle-search');
    const writes = keyBlock(1500).keys.map(key => live(key, 1));
    await store.write(blue, writes);
    proxy.cut();
    expect(new Set(kinds(await store.write(blue, writes)))).toEqual(new Set(['stale']));
  });

  test(
    'what was acknowledged survives a power cut, and the rest lands when the engine is back',
    async () => {
      const { store, blue } = await open('powercut-search');
      const writes = keyBlock(4000).keys.map((key, index) => (index % 5 === 0 ? deleted(key, 1) : live(key, 1)));
      const acknowledged: Write[] = [];
      let cut: Promise<void> | undefined;
      for (let from = 0; from < writes.length; from += 100) {
        const call = writes.slice(from, from + 100);
        if (from === 2000) cut = sleep(POWER_CUT_AFTER_MS).then(() => search.kill9!());
        const outcomes = await store.write(blue, call);
        acknowledged.push(...call.filter((_, index) => outcomes[index]!.kind === 'applied'));
        expect(codes(outcomes).filter(code => code !== 'applied' && code !== 'store-unavailable')).toEqual([]);
      }
      await cut;
      expect(acknowledged.length).toBeLessThan(writes.length);
      search = await startSearch({ dataDir, choice, port: Number(new URL(search.url).port), onLog: () => {} });
      const path = `/_cluster/health/${blue.name}`;
      await ask(client, { method: 'GET', path, query: { wait_for_status: 'yellow', timeout: '10s' } });
      const held = new Map((await collect(store.scan(blue, {}))).map(stored => [stored.key, stored]));
      for (const write of acknowledged) expect(held.get(write.key)).toEqual(write);
      expect(new Set(codes(await store.write(blue, writes)))).toEqual(new Set(['applied', 'stale']));
      expect(await collect(store.scan(blue, {}))).toEqual(writes);
    },
    START_TIMEOUT_MS,
  );

  test('behind a proxy that takes small requests only, writes go in halves and only the culprit is refused', async () => {
    const limit = await startLimit(search.url, 4000);
    const small = openSearchClient(limit.url);
    try {
      const { store, blue } = await open('small-search', small);
      const writes = keyBlock(20).keys.map(key => live(key, 1));
      writes[7] = live(writes[7]!.key, 1, { title: 'x'.repeat(5000) });
      const expected: string[] = writes.map(() => 'applied');
      expected[7] = 'document-too-large';
      expect(codes(await store.write(blue, writes))).toEqual(expected);
    } finally {
      await small.close();
      limit.close();
    }
  });
}

/** A proxy that answers 413 to a request of more than so many bytes. */
async function startLimit(serverUrl: string, maxBytes: number): Promise<{ url: string; close(): void }> {
  const listener = createServer((incoming, outgoing) => {
    if (Number(incoming.headers['content-length'] ?? 0) > maxBytes) {
      incoming.resume().on('end', () => outgoing.writeHead(413).end());
      return;
    }
    const { method, headers } = incoming;
    const upstream = request(new URL(incoming.url ?? '/', serverUrl), { method, headers }, answer => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(upstream);
  });
  const port = await new Promise<number>(resolve => {
    listener.listen(0, '127.0.0.1', () => resolve((listener.address() as { port: number }).port));
  });
  return { url: `http://127.0.0.1:${port}`, close: () => listener.close() };
}

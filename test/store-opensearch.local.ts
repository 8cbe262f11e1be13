import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openSearchStore } from '../functions/stores/opensearch.ts';
import { ask, openSearchClient } from '../functions/stores/opensearch-client.ts';
import { startSearch } from '../local/search/index.ts';
import { findRealParts } from '../local/search/real.ts';
import { startOutageProxy } from './outage-proxy.ts';
import { suiteContract, suiteDocument } from './store-samples.ts';
import { type StoreUnderTest, testStore } from './store-suite.ts';

/** OpenSearch prunes deletes older than `gc_deletes` at a refresh, judging by a clock that ticks every second or so. */
const FORGET_DELETES_MS = 2500;

async function open(choice: 'real' | 'embedded'): Promise<StoreUnderTest> {
  const dataDir = await mkdtemp(join(tmpdir(), 'distributary-store-'));
  await chmod(dataDir, 0o755); // The real engine runs as another user when the tests run as root.
  const search = await startSearch({ dataDir, choice, onLog: () => {} });
  const proxy = await startOutageProxy(search.url);
  const client = openSearchClient(proxy.url);
  let targets = 0;
  return {
    store: openSearchStore({ client, contract: suiteContract('suite-search', 'opensearch') }),
    target: () => ({ store: 'suite-search', name: `suite-search-1-${++targets}` }),
    refusedDocument: { ...suiteDocument(1), priority: 'urgent' },
    outage: proxy.outage,
    async forgetDeletes({ name }) {
      await ask(client, { method: 'PUT', path: `/${name}/_settings`, body: { 'index.gc_deletes': '0s' } });
      await sleep(FORGET_DELETES_MS);
      await ask(client, { method: 'POST', path: `/${name}/_refresh` });
    },
    async close() {
      await client.close();
      await proxy.close();
      await search.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

const parts = await findRealParts(process.env);
const missing = 'missing' in parts ? parts.missing : undefined;

(missing ? describe.skip : describe)(`real OpenSearch${missing ? `: ${missing}` : ''}`, () => {
  testStore('store', () => open('real'));
});

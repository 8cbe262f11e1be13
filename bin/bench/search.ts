import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Store, Target, Write } from '../../core/store.ts';
import type { ProjectedContract } from '../../core/store-contract.ts';
import { openSearchStore } from '../../functions/stores/opensearch.ts';
import { openSearchClient } from '../../functions/stores/opensearch-client.ts';
import { writesTo } from '../../functions/stores/opensearch-index.ts';
import { readDefinitions } from '../../lib/definitions.ts';
import { startSearch } from '../../local/search/index.ts';
import { bulkBodies, postBodies } from './bare-bulk.ts';
import { sampleWrites } from './documents.ts';
import type { Figure } from './figures.ts';
import type { Findings, Setting } from './measurement.ts';
import { type Contest, inPairs } from './pairs.ts';

const STORE = 'case-search';
const DOCUMENTS = 20_000;
/** A batch of ten full packs, which is what a projector gets at most. */
const BATCH = 500;
/** The store divides a batch by two, and has both halves under way at once. */
const AT_ONCE = 2;
const LEAST_OF_BARE = 0.8;

/** The writer of the search store, against requests with the same documents that were ready before. */
export async function measureSearch({ seconds, engines, signal, progress, note }: Setting): Promise<Findings> {
  const dataDir = mkdtempSync(join(tmpdir(), 'distributary-bench-'));
  chmodSync(dataDir, 0o755);
  const search = await startSearch({ dataDir, choice: engines.search, onLog: note });
  const client = openSearchClient(search.url);
  try {
    const contract = (await readDefinitions()).catalogue.projected.find(({ store_name }) => store_name === STORE)!;
    const store = openSearchStore({ client, contract });
    const contest = await contestOf(store, contract, search.url);
    const bar = progress('search writer', seconds);
    const { ours, bare, ratio, pairs } = await inPairs(contest, {
      seconds,
      signal,
      onPair: ({ elapsedSeconds, ratio }) => bar.update(elapsedSeconds, `last ratio ${ratio.toFixed(2)}`),
    }).finally(() => bar.stop());
    const figure: Figure = {
      name: `search writer, ${BATCH} documents a batch`,
      value: ours,
      unit: 'documents/s',
      bare: { name: `bare _bulk, ${AT_ONCE} at once`, value: bare, ratio },
      aim: { ratio: LEAST_OF_BARE },
      note: `${pairs} pairs, ${search.kind === 'embedded' ? 'embedded stand-in' : 'real OpenSearch'}`,
    };
    return { figures: [figure], omissions: [], versions: { search: search.reason } };
  } finally {
    await client.close();
    await search.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function contestOf(store: Store, contract: ProjectedContract, url: string): Promise<Contest> {
  const writes = await sampleWrites(contract, DOCUMENTS);
  const bodies = bulkBodies(writes, BATCH / AT_ONCE);
  let indexes = 0;
  /** Into an index of its own each time, as a rebuild would. */
  const rateOf = async (work: (target: Target) => Promise<void>): Promise<number> => {
    const target = { store: STORE, name: `bench.${++indexes}` };
    await store.create(target);
    const start = performance.now();
    await work(target);
    const rate = (DOCUMENTS * 1000) / (performance.now() - start);
    await store.drop(target);
    return rate;
  };
  return {
    ours: () => rateOf(target => writeAll(store, target, writes)),
    bare: () => rateOf(({ name }) => postBodies(url, writesTo(name), bodies, AT_ONCE)),
  };
}

async function writeAll(store: Store, target: Target, writes: readonly Write[]): Promise<void> {
  for (let from = 0; from < writes.length; from += BATCH) {
    const outcomes = await store.write(target, writes.slice(from, from + BATCH));
    const failed = outcomes.find(({ kind }) => kind !== 'applied');
    if (failed) throw new Error(`a document was not written: ${JSON.stringify(failed)}`);
  }
}

import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { PAGE_ROWS } from '../../core/backfill.ts';
import { projection } from '../../core/projection.ts';
import type { Store, Target, Write } from '../../core/store.ts';
import { fill, fillSchema } from '../../functions/operate/backfill/filling.ts';
import { canonicalConnection } from '../../functions/operate/canonical/canonical-connection.ts';
import { postgresCanonical } from '../../functions/operate/canonical/postgres-canonical.ts';
import type { OperateContext, OperatedStore } from '../../functions/operate/context.ts';
import type { RunHandle } from '../../functions/operate/runs/run-kind.ts';
import { openQuestions } from '../../functions/operate/shadow/shadow-questions.ts';
import { systemClock } from '../../functions/operate/system-clock.ts';
import { openSearchStore } from '../../functions/stores/opensearch.ts';
import { openSearchClient } from '../../functions/stores/opensearch-client.ts';
import { writesTo } from '../../functions/stores/opensearch-index.ts';
import { seedCases } from '../drills/seeding.ts';
import { bulkBodies, postBodies } from './bare-bulk.ts';
import type { Figure } from './figures.ts';
import type { Findings, Setting } from './measurement.ts';
import { inPairs } from './pairs.ts';
import { openPipe, type Pipe } from './pipe.ts';

const STORE = 'case-search';
const CASES = 30_000;
const LEAST_OF_BARE = 0.7;
/** As the store has them under way for a page of a backfill. */
const DOCUMENTS_A_REQUEST = PAGE_ROWS / 2;
const AT_ONCE = 2;

/** From canonical rows to a new index, against what its two ends take alone: the same documents ready, and bare COPY. */
export async function measureBackfill({ seconds, engines, signal, progress, note }: Setting): Promise<Findings> {
  const pipe = await openPipe(engines, note, signal, [STORE]);
  const bench = openBench(pipe);
  try {
    const { url } = pipe.mode.endpoints.postgres;
    const seeding = progress('seeding cases', CASES);
    await seedCases(url, CASES, cases => seeding.update(cases), signal).finally(() => seeding.stop());
    await pipe.settled();
    const writes = await bench.writes();
    const bodies = bulkBodies(writes, DOCUMENTS_A_REQUEST);
    const bar = progress('backfill', seconds);
    const bulk = await inPairs(
      {
        ours: () => bench.rate(target => bench.backfill(target)),
        bare: () => bench.rate(({ name }) => postBodies(bench.searchUrl, writesTo(name), bodies, AT_ONCE)),
      },
      {
        seconds,
        signal,
        onPair: ({ elapsedSeconds, ratio }) => bar.update(elapsedSeconds, `ratio ${ratio.toFixed(2)}`),
      },
    ).finally(() => bar.stop());
    const copied = await copyRate(url, writes.length);
    const kind = pipe.mode.endpoints.opensearch.kind === 'embedded' ? 'embedded stand-in' : 'real OpenSearch';
    const figures: Figure[] = [
      {
        name: `backfill of ${writes.length} cases`,
        value: bulk.ours,
        unit: 'documents/s',
        bare: { name: `bare _bulk, ${AT_ONCE} at once`, value: bulk.bare, ratio: bulk.ratio },
        aim: { ratio: LEAST_OF_BARE },
        note: `${bulk.pairs} pairs, ${kind}; the states are made by PostgreSQL on the same two cores`,
      },
      {
        name: 'the same backfill',
        value: bulk.ours,
        unit: 'documents/s',
        bare: { name: 'COPY of the same states TO STDOUT', value: copied, ratio: bulk.ours / copied },
      },
    ];
    return { figures, omissions: [], versions: {} };
  } finally {
    await bench.close();
    await pipe.close();
  }
}

function openBench({ mode, definitions }: Pipe) {
  const { opensearch, postgres } = mode.endpoints;
  const definition = definitions.definitions.find(({ contract }) => contract.store_name === STORE)!;
  const client = openSearchClient(opensearch.url);
  const store: Store = openSearchStore({ client, contract: definition.contract });
  const connection = canonicalConnection({
    DATABASE_URL: postgres.roles.distributary_reader!,
    DATABASE_PORT: '',
    DATABASE_NAME: '',
  });
  const canonical = postgresCanonical(connection);
  const operated: OperatedStore = {
    name: STORE,
    definition,
    store,
    project: projection(definition),
    questions: openQuestions(definition.contract, store, {}),
    targetStem: STORE,
  };
  const context = { canonical, clock: systemClock() } as Pick<OperateContext, 'canonical' | 'clock'> as OperateContext;
  let documents = 0;
  let indexes = 0;
  return {
    searchUrl: opensearch.url,
    async backfill(target: Target): Promise<void> {
      const begun = fillSchema.parse({});
      const save = async () => {};
      const { rows, refused } = await fill(UNINTERRUPTED, context, {
        store: operated,
        targets: [target],
        rate: undefined,
        begun,
        save,
      });
      if (refused > 0 || rows < documents) throw new Error(`${rows} rows, ${refused} refused`);
    },
    /** All that a backfill writes. */
    async writes(): Promise<readonly Write[]> {
      const { rows } = await canonical.read('case', { after: undefined, limit: CASES * 2 });
      documents = rows.length;
      return rows.map(operated.project);
    },
    /** Into an index of its own each time. */
    async rate(work: (target: Target) => Promise<void>): Promise<number> {
      const target = { store: STORE, name: `bench.${++indexes}` };
      await store.create(target);
      const start = performance.now();
      await work(target);
      const rate = (documents * 1000) / (performance.now() - start);
      await store.drop(target);
      return rate;
    },
    async close(): Promise<void> {
      await connection.close();
      await client.close();
    },
  };
}

const UNINTERRUPTED = {
  signal: new AbortController().signal,
  save: async () => {},
  sleep: async () => {},
} as unknown as RunHandle;

async function copyRate(url: string, rows: number): Promise<number> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const start = performance.now();
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
    await pipeline(
      client.query(copyTo(`copy (select * from capture.case_rows(null, ${rows * 2})) to stdout`)),
      nowhere,
    );
    return (rows * 1000) / (performance.now() - start);
  } finally {
    await client.end();
  }
}

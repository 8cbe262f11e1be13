import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import type { AggregateId } from '../../core/version.ts';
import { readDefinitions } from '../../lib/definitions.ts';
import type { LocalMode } from '../../local/local-mode.ts';
import { verifyStores } from '../../local/verify.ts';
import { thisMachine } from '../bench/machine.ts';
import type { Session } from '../command.ts';
import { importComplaints } from '../complaints/importing.ts';
import { localDestination } from '../complaints/local-destination.ts';
import { SAMPLE } from '../complaints/sample.ts';
import { followRun } from '../operate/following.ts';
import { rebuildLines } from '../operate/shown-report.ts';
import { localOperations } from '../operations.ts';
import { settle } from '../running/settled.ts';
import { startShown } from '../running/shown-start.ts';
import { startProgress } from '../terminal/progress.ts';
import { openTerminal } from '../terminal/terminal.ts';
import { drillRebuild, type RebuildDrillReport } from './rebuild-drill.ts';
import { rebuildPage } from './rebuild-page.ts';
import { seedCases } from './seeding.ts';

/**
 * `npm run drill:rebuild`: a rebuild of 100,000 documents at 200 changes/s, with a polling reader and kills, then back and
 * forward again. Exits 1 unless nobody missed anything and all ends equal.
 */

const STORE = 'case-search';
const DELETED = 500;
const COMMAND = ['npm run drill:rebuild --', ...process.argv.slice(2)].join(' ');
const SETTLE_SECONDS = 900;

const { values } = parseArgs({
  options: {
    documents: { type: 'string', default: '100000' },
    rate: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    kills: { type: 'string', default: '8' },
    search: { type: 'string', default: 'auto' },
    write: { type: 'string' },
  },
});

const terminal = openTerminal();
const machine = thisMachine();
const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interruption.abort());
const session: Session = { terminal, json: false, signal: interruption.signal };
const dataDir = mkdtempSync(join(tmpdir(), 'distributary-drill-'));
chmodSync(dataDir, 0o755);
try {
  const search = values.search as 'auto' | 'real' | 'embedded';
  const { mode } = await startShown({ dataDir, search, dynamodb: 'dynalite', stores: [STORE] }, terminal);
  try {
    process.exitCode = (await drill(mode)) ? 0 : 1;
  } finally {
    await mode.stop();
  }
} finally {
  rmSync(dataDir, { recursive: true, force: true });
}

async function drill(mode: LocalMode): Promise<boolean> {
  const documents = Number(values.documents);
  const { url } = mode.endpoints.postgres;
  await importComplaints({ file: SAMPLE, ...(await localDestination(mode.endpoints)) });
  const seeding = startProgress(terminal, { title: 'cases', total: documents });
  await seedCases(url, documents + DELETED, cases => seeding.update(cases), session.signal).finally(() =>
    seeding.stop(),
  );
  await backfill(mode);
  const absent = await remove(url, DELETED);
  const { catalogue, definitions } = await readDefinitions();
  const projected = catalogue.projected.filter(({ store_name }) => store_name === STORE);
  const settled = () =>
    settle(mode.endpoints, { ...catalogue, projected }, { timeoutSeconds: SETTLE_SECONDS, signal: session.signal });
  await settled();
  const definition = definitions.find(({ contract }) => contract.store_name === STORE)!;
  const report = await drillRebuild(
    {
      mode,
      contract: definition.contract,
      changesPerSecond: Number(values.rate),
      seed: Number(values.seed),
      killEverySeconds: 10,
      mostKills: Number(values.kills),
      absent,
    },
    session,
  );
  if (report.run.state !== 'done') {
    const { step, error } = report.run;
    terminal.print(`the rebuild has not ended: ${error?.message ?? `it was interrupted at ${step}`}`);
    return false;
  }
  const moves = await backAndForward(mode);
  await settled();
  const [verdict] = await verifyStores(mode.endpoints, [definition]);
  const lines = linesOf(report, documents, mode.endpoints.opensearch.kind, moves);
  const equal = verdict !== undefined && verdict.drift === 0;
  lines.push(`afterwards, document by document: ${equal ? 'equal' : JSON.stringify(verdict)}`);
  for (const line of lines) terminal.print(line);
  if (values.write) writeFileSync(values.write, rebuildPage(COMMAND, machine, lines));
  return equal && report.reader.missed === 0 && report.reader.forbidden === 0;
}

/** What was made past capture comes into the store that is rebuilt. */
async function backfill(mode: LocalMode): Promise<void> {
  const operations = localOperations(mode.endpoints, { actor: 'drill', reason: 'cases to rebuild' });
  try {
    const run = await operations.ask('backfill.start', { store: STORE });
    const { state, error } = await followRun(operations, run, session);
    if (state !== 'done') throw new Error(`the backfill is ${state}: ${error?.message}`);
  } finally {
    operations.close();
  }
}

/** Milliseconds of each. */
async function backAndForward(mode: LocalMode): Promise<readonly number[]> {
  const operations = localOperations(mode.endpoints, { actor: 'drill', reason: 'back and forward again' });
  const took: number[] = [];
  try {
    for (let moves = 0; moves < 2; moves++) {
      const startedAt = performance.now();
      await operations.ask('rebuild.rollback', { store: STORE });
      took.push(Math.round(performance.now() - startedAt));
    }
    return took;
  } finally {
    operations.close();
  }
}

async function remove(databaseUrl: string, count: number): Promise<readonly AggregateId[]> {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    const text = `delete from canonical.cases where id in (
      select id from canonical.cases where reference like 'copy %' order by id limit $1) returning id`;
    return (await client.query<{ id: AggregateId }>(text, [count])).rows.map(({ id }) => id);
  } finally {
    await client.end();
  }
}

function linesOf(
  { run, load, reader, kills, seed }: RebuildDrillReport,
  documents: number,
  engine: string,
  moves: readonly number[],
) {
  const { updated, restricted, deleted, seconds } = load;
  const changes = updated + restricted + deleted;
  const killed = Object.entries(kills).map(([name, times]) => `${name} ${times}×`);
  return [
    '',
    `rebuild drill, seed ${seed}: ${documents.toLocaleString('en-US')} documents, ${engine} search`,
    ...rebuildLines(run, { paint: (_tone, text) => text }),
    `  load: ${changes.toLocaleString('en-US')} changes in ${seconds.toFixed(0)} s (${(changes / seconds).toFixed(0)}/s): ${updated} updates, ${restricted} restricts, ${deleted} deletes`,
    `  reader: ${reader.polls} polls, ${reader.reads.toLocaleString('en-US')} documents looked for, ${reader.missed} missed, ${reader.forbidden} forbidden seen, ${reader.unanswered} unanswered, longest silence ${reader.longestSilenceSeconds.toFixed(2)} s`,
    `  killed: ${killed.join(', ') || 'nothing'}`,
    `  back and forward again: ${moves.join(' ms, ')} ms`,
  ];
}

import { readDefinitions } from '../../lib/definitions.ts';
import type { Endpoints } from '../../local/endpoints.ts';
import { type StoreVerdict, verifyStores } from '../../local/verify.ts';
import type { Session } from '../command.ts';
import { localDestination } from '../complaints/local-destination.ts';
import { SAMPLE } from '../complaints/sample.ts';
import { type Destination, importShown, summaryOf } from '../complaints/shown-import.ts';
import { type Looking, type Overview, openOverview } from '../overview/overview.ts';
import { overviewLine } from '../overview/shown.ts';
import type { EngineOptions } from '../running/local-options.ts';
import { untilSettled } from '../running/settled.ts';
import { startShown } from '../running/shown-start.ts';
import { liveLine } from '../terminal/live-line.ts';
import { startProgress } from '../terminal/progress.ts';
import { count, counted, toMilliseconds } from '../terminal/wording.ts';
import { runWorkload, type WorkloadReport } from '../workload/workload.ts';

export interface DemoOptions extends EngineOptions {
  readonly dataDir: string;
  readonly updates: number;
  readonly seed: number;
}

export interface StoreReport extends StoreVerdict {
  /** From commit to queryable, of every change of the run, in seconds. */
  readonly freshness: { readonly p50: number; readonly p95: number; readonly p99: number } | undefined;
  readonly failed: number;
}

export interface DemoReport {
  readonly seed: number;
  readonly search: string;
  readonly dynamodb: string;
  readonly imported: number;
  readonly updates: WorkloadReport;
  /** Changes captured, those that follow from renames among them. */
  readonly changes: number;
  /** Every store came to rest in time. */
  readonly settled: boolean;
  readonly stores: readonly StoreReport[];
  /** Every store holds what a rebuild would give, and nothing failed. */
  readonly agrees: boolean;
  readonly seconds: {
    readonly start: number;
    readonly import: number;
    readonly updates: number;
    readonly settling: number;
    readonly verification: number;
    readonly total: number;
  };
}

/** Throws what starting, importing and verifying throw, and the signal's reason; local mode is stopped in any case. */
export async function runDemo(options: DemoOptions, session: Session): Promise<DemoReport> {
  const { search, dynamodb, dataDir, seed } = options;
  const { terminal } = session;
  terminal.note(`seed ${seed}`);
  const { mode, seconds: start } = await startShown({ dataDir, search, dynamodb }, terminal);
  try {
    return await prove(options, mode.endpoints, start, session);
  } finally {
    await mode.stop();
  }
}

async function prove(options: DemoOptions, endpoints: Endpoints, start: number, session: Session): Promise<DemoReport> {
  const { catalogue, definitions } = await readDefinitions();
  const destination = await localDestination(endpoints);
  const looking = openOverview(endpoints, catalogue);
  const stage = <T>(work: () => Promise<T>) => timed(work, session.signal);
  try {
    const imported = await stage(() => importShown(SAMPLE, destination, session));
    session.terminal.note(summaryOf(imported.result));
    const updates = await stage(() => update(options, destination, session));
    const settling = await stage(() => settle(looking, session));
    const verification = await stage(() => verifyStores(endpoints, definitions));
    const overview = await looking.look();
    const stores = verification.result.map(verdict => reportOf(verdict, overview));
    const took = [start, imported.seconds, updates.seconds, settling.seconds, verification.seconds];
    return {
      seed: options.seed,
      search: endpoints.opensearch.kind,
      dynamodb: endpoints.dynamodb.kind,
      imported: imported.result.imported,
      updates: updates.result,
      changes: overview.source.changes ?? 0,
      settled: settling.result,
      stores,
      agrees: settling.result && stores.every(({ drift, failed }) => drift === 0 && failed === 0),
      seconds: {
        start,
        import: imported.seconds,
        updates: updates.seconds,
        settling: settling.seconds,
        verification: verification.seconds,
        total: toMilliseconds(took.reduce((total, part) => total + part, 0)),
      },
    };
  } finally {
    await looking.close();
  }
}

interface Stage<T> {
  readonly result: T;
  readonly seconds: number;
}

/** What was interrupted in the middle has no result to go on with. */
async function timed<T>(work: () => Promise<T>, signal: AbortSignal): Promise<Stage<T>> {
  signal.throwIfAborted();
  const startedAt = performance.now();
  const result = await work();
  signal.throwIfAborted();
  return { result, seconds: toMilliseconds((performance.now() - startedAt) / 1000) };
}

async function update(
  { updates, seed }: DemoOptions,
  destination: Destination,
  { terminal, signal }: Session,
): Promise<WorkloadReport> {
  const progress = startProgress(terminal, { title: 'updating', total: updates });
  const startedAt = Date.now();
  try {
    return await runWorkload({
      ...destination,
      updates,
      seed,
      signal,
      onProgress(done) {
        const rate = (done * 1000) / Math.max(1, Date.now() - startedAt);
        progress.update(done, `${counted(done, 'update')}, ${count(rate)}/s`);
      },
    });
  } finally {
    progress.stop();
  }
}

async function settle(looking: Looking, { terminal, signal }: Session): Promise<boolean> {
  const line = liveLine(terminal);
  try {
    const missing = await untilSettled(looking, {
      signal,
      onLook: overview => terminal.interactive && line.show(overviewLine(overview, terminal)),
    });
    return missing.length === 0;
  } finally {
    line.stop();
  }
}

function reportOf(verdict: StoreVerdict, { stores }: Overview): StoreReport {
  const { lag, failed = 0 } = stores.find(({ store }) => store === verdict.store) ?? {};
  return { ...verdict, freshness: lag, failed };
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE } from '../../lib/entry-points.ts';
import type { Session } from '../command.ts';
import type { EngineOptions } from '../running/local-options.ts';
import { startProgress } from '../terminal/progress.ts';
import { measureBackfill } from './backfill.ts';
import { measureBurst } from './burst.ts';
import { type Figure, isMet, type Omission } from './figures.ts';
import { measureLatency } from './latency.ts';
import { type Machine, thisMachine } from './machine.ts';
import type { Findings, MeasurementName, Setting } from './measurement.ts';
import { memoryFigures } from './memory.ts';
import { openPipe, type Pipe } from './pipe.ts';
import { measureRelay, measureTopic } from './relay.ts';
import { measureSearch } from './search.ts';

export interface BenchOptions {
  readonly only: readonly MeasurementName[];
  readonly seconds: number;
  readonly engines: EngineOptions;
}

export interface BenchReport {
  readonly at: string;
  readonly seconds: number;
  readonly machine: Machine;
  /** When all was done; other work on the machine shows. */
  readonly loadAfter: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly figures: readonly Figure[];
  readonly omissions: readonly Omission[];
  readonly missed: number;
}

/** Measures one after the other; whatever a measurement has started is gone when it ends, however it ends. */
export async function runBench({ only, seconds, engines }: BenchOptions, session: Session): Promise<BenchReport> {
  const { terminal, signal } = session;
  const setting: Setting = {
    seconds,
    engines,
    signal,
    progress: (title, total) => startProgress(terminal, { title, total }),
    note: line => terminal.note(line),
  };
  const machine = thisMachine();
  const findings: Findings[] = [];
  if (only.includes('relay')) findings.push(await measureRelay(setting));
  if (only.includes('topic')) findings.push(await measureTopic(setting));
  if (only.includes('search')) findings.push(await measureSearch(setting));
  if (only.includes('backfill')) findings.push(await measureBackfill(setting));
  if (only.includes('latency')) findings.push(await measureOneStore(setting));
  if (only.includes('latency') || only.includes('burst')) findings.push(...(await measurePipe(only, setting)));
  const figures = findings.flatMap(finding => finding.figures);
  return {
    at: new Date().toISOString(),
    seconds,
    machine,
    loadAfter: thisMachine().load,
    versions: Object.assign({ Node: process.version }, ...findings.map(({ versions }) => versions)),
    figures,
    omissions: findings.flatMap(({ omissions }) => omissions),
    missed: figures.filter(figure => isMet(figure) === false).length,
  };
}

/** As other tools are measured, which write one store; the pipe with all of them shares this machine with itself. */
async function measureOneStore(setting: Setting): Promise<Findings> {
  const pipe = await openPipe(setting.engines, setting.note, setting.signal, ['case-search']);
  try {
    return await measureLatency(pipe, setting, 'case-search alone');
  } finally {
    await pipe.close();
  }
}

async function measurePipe(only: readonly MeasurementName[], setting: Setting): Promise<readonly Findings[]> {
  const pipe = await openPipe(setting.engines, setting.note, setting.signal);
  try {
    const findings: Findings[] = [];
    if (only.includes('latency')) findings.push(await measureLatency(pipe, setting, 'all stores'));
    await pipe.settled();
    if (only.includes('burst')) findings.push(await measureBurst(pipe, setting));
    return [...findings, { figures: await memoryFigures(pipe.mode), omissions: [], versions: versionsOf(pipe) }];
  } finally {
    await pipe.close();
  }
}

function versionsOf({ mode }: Pipe): Record<string, string> {
  const { opensearch, dynamodb } = mode.endpoints;
  const engine = opensearch.kind === 'embedded' ? 'embedded stand-in' : `OpenSearch ${opensearch.version}`;
  return {
    search: engine,
    'key-value tables': dynamodb.kind === 'real' ? 'DynamoDB Local' : `dynalite ${installed('dynalite')}`,
    'queues and topic': `fauxqs ${installed('fauxqs')}`,
  };
}

const installed = (name: string): string =>
  JSON.parse(readFileSync(join(PACKAGE, 'node_modules', name, 'package.json'), 'utf8')).version;

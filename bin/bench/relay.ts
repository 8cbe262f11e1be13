import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { startChild } from './child.ts';
import type { Figure } from './figures.ts';
import type { Findings, Setting } from './measurement.ts';
import { inPairs } from './pairs.ts';
import { findReceiver, receive } from './receive.ts';
import type { RelayRun, RelayRunReport } from './relay-process.ts';
import { median } from './statistics.ts';
import { openTopic } from './topic.ts';
import { openWal, type Stretch, type Wal } from './wal.ts';

/** Enough for more than a second, few enough for many runs. */
const ROWS = 50_000;
const ROWS_PER_TRANSACTION = [1, 10];
/** The last hundredths depend on what else the machine does. */
const LEAST_OF_BARE = 0.8;
const LEAST_TO_TOPIC = 10_000;
const LEAST_RUNS = 3;

type RunRelay = (stretch: Stretch, topic?: RelayRun['topic']) => Promise<number>;

const nameOf = (to: string, { rowsPerTransaction: rows }: Stretch): string =>
  `relay to ${to}, ${rows} ${rows === 1 ? 'row' : 'rows'} a transaction`;
const sizeOf = ({ stateBytes }: Stretch): string => `states of ${stateBytes} bytes`;

/** The relay to nowhere, against PostgreSQL's own receiver of the same log. */
export async function measureRelay(setting: Setting): Promise<Findings> {
  const receiver = findReceiver();
  if (!receiver) {
    const reason = 'pg_recvlogical is not on this machine: install postgresql-client, or put it in PATH';
    return { figures: [], omissions: [{ name: 'relay to nowhere', reason }], versions: {} };
  }
  return withRelay(async (wal, runRelay) => {
    const figures: Figure[] = [];
    for (const rowsPerTransaction of ROWS_PER_TRANSACTION) {
      const stretch = await wal.stretch(ROWS, rowsPerTransaction);
      figures.push(await againstReceiver(setting, wal, stretch, receiver, runRelay));
    }
    return { figures, versions: { pg_recvlogical: versionOf(receiver) } };
  });
}

async function againstReceiver(
  { seconds, signal, progress }: Setting,
  wal: Wal,
  stretch: Stretch,
  receiver: string,
  runRelay: RunRelay,
): Promise<Figure> {
  const name = nameOf('nowhere', stretch);
  const share = seconds / ROWS_PER_TRANSACTION.length;
  const bar = progress(name, share);
  const contest = {
    ours: () => runRelay(stretch),
    bare: () => wal.withSlot(stretch, async slot => ROWS / (await receive(receiver, wal.url, slot, stretch))),
  };
  try {
    const { ours, bare, ratio, pairs } = await inPairs(contest, {
      seconds: share,
      signal,
      onPair: ({ elapsedSeconds, ratio }) => bar.update(elapsedSeconds, `last ratio ${ratio.toFixed(2)}`),
    });
    return {
      name,
      value: ours,
      unit: 'changes/s',
      bare: { name: 'pg_recvlogical to nowhere', value: bare, ratio },
      aim: { ratio: LEAST_OF_BARE },
      note: `${pairs} pairs, ${sizeOf(stretch)}`,
    };
  } finally {
    bar.stop();
  }
}

/** The relay to a topic of local mode that has one queue. */
export async function measureTopic({ seconds, signal, progress }: Setting): Promise<Findings> {
  const topic = await openTopic();
  try {
    return await withRelay(async (wal, runRelay) => {
      const figures: Figure[] = [];
      for (const rowsPerTransaction of ROWS_PER_TRANSACTION) {
        const stretch = await wal.stretch(ROWS, rowsPerTransaction);
        const name = nameOf('the local topic', stretch);
        const share = (seconds / ROWS_PER_TRANSACTION.length) * 1000;
        const bar = progress(name, share);
        const rates: number[] = [];
        await runRelay(stretch, topic.target);
        for (const start = Date.now(); rates.length < LEAST_RUNS || Date.now() < start + share; ) {
          signal.throwIfAborted();
          rates.push(await runRelay(stretch, topic.target));
          bar.update(Math.min(share, Date.now() - start), `${Math.round(rates.at(-1)!)} changes/s`);
        }
        bar.stop();
        const note = `${rates.length} runs, ${sizeOf(stretch)}`;
        figures.push({ name, value: median(rates), unit: 'changes/s', aim: { least: LEAST_TO_TOPIC }, note });
      }
      return { figures, versions: {} };
    });
  } finally {
    await topic.close();
  }
}

async function withRelay(
  measure: (wal: Wal, runRelay: RunRelay) => Promise<Omit<Findings, 'omissions'>>,
): Promise<Findings> {
  const wal = await openWal();
  const relay = startChild(join(import.meta.dirname, 'relay-process.ts'));
  const runRelay: RunRelay = (stretch, topic) =>
    wal.withSlot(stretch, async slot => {
      const order: RelayRun = { url: wal.url, slot, rows: ROWS, ...(topic && { topic }) };
      return ROWS / (await relay.ask<RelayRunReport>(order)).seconds;
    });
  try {
    const { figures, versions } = await measure(wal, runRelay);
    return { figures, omissions: [], versions: { PostgreSQL: wal.version, ...versions } };
  } finally {
    relay.close();
    await wal.close();
  }
}

const versionOf = (program: string): string =>
  execFileSync(program, ['--version'], { encoding: 'utf8' }).match(/\d+(\.\d+)*/)![0];

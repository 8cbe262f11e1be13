import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { bulkBodies } from '../bin/bench/bare-bulk.ts';
import type { BenchReport } from '../bin/bench/bench.ts';
import { sampleWrites } from '../bin/bench/documents.ts';
import { type Aim, type Figure, isMet } from '../bin/bench/figures.ts';
import { clock, Observer, type Written } from '../bin/bench/observer.ts';
import { inPairs } from '../bin/bench/pairs.ts';
import { findReceiver } from '../bin/bench/receive.ts';
import { reportLines, reportPage } from '../bin/bench/report.ts';
import { median, percentile } from '../bin/bench/statistics.ts';
import { runCommandLine } from '../bin/command-line.ts';
import { benchCommand } from '../bin/commands/bench.ts';
import { readCatalogue } from '../lib/contract-files.ts';
import { capturedTerminal } from './captured-terminal.ts';

const never = new AbortController().signal;

test('a median is the middle one, or lies between the two in the middle; a percentile is one of the values', () => {
  expect([median([3, 1, 2]), median([4, 1, 3, 2]), median([7])]).toEqual([2, 2.5, 7]);
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect([1, 50, 95, 99, 100].map(percent => percentile(hundred, percent))).toEqual([1, 50, 95, 99, 100]);
  expect([percentile([5], 1), percentile([5], 99), percentile([1, 2, 3], 50)]).toEqual([5, 5, 2]);
});

const figure = (value: number, aim?: Aim, ratio?: number): Figure => ({
  name: 'something',
  value,
  unit: 'ms',
  ...(ratio !== undefined && { bare: { name: 'bare', value: 1, ratio } }),
  ...(aim && { aim }),
});

test('an aim is met by the value, or by the ratio to the bare limit; without one there is nothing to meet', () => {
  expect([isMet(figure(9, { least: 10 })), isMet(figure(10, { least: 10 }))]).toEqual([false, true]);
  expect([isMet(figure(40, { most: 40 })), isMet(figure(39, { most: 40 }))]).toEqual([false, true]);
  expect([isMet(figure(1, { ratio: 0.8 }, 0.79)), isMet(figure(1, { ratio: 0.8 }, 0.8))]).toEqual([false, true]);
  expect([isMet(figure(1)), isMet(figure(1, { ratio: 0.8 }))]).toEqual([undefined, false]);
});

test('pairs take turns in who begins, the cold first one does not count, and the ratio is that of the pairs', async () => {
  const ran: string[] = [];
  // Both slow down threefold in every other pair; ours is always half as fast.
  const speed = () => (Math.floor((ran.length - 1) / 2) % 2 === 0 ? 300 : 100);
  const run = (who: string, share: number) => async () => {
    ran.push(who);
    return speed() * share;
  };
  const seen: number[] = [];
  const paired = await inPairs(
    { ours: run('ours', 0.5), bare: run('bare', 1) },
    { seconds: 0, signal: never, onPair: ({ ratio }) => seen.push(ratio) },
  );
  expect(ran.join(' ')).toBe('ours bare ours bare bare ours ours bare bare ours ours bare');
  expect(seen).toEqual([0.5, 0.5, 0.5, 0.5, 0.5]);
  expect(paired).toEqual({ pairs: 5, ours: 50, bare: 100, ratio: 0.5 });
});

test('an observer asks for all that wait in one request, and takes an older version for what it is', async () => {
  const asked: string[][] = [];
  const held = new Map<string, number>([['b', 1]]);
  const observer = new Observer(async keys => {
    asked.push([...keys]);
    return new Map([...held].filter(([key]) => keys.includes(key)));
  }, 1);
  const written = (id: string): Written => ({ id, version: 2, at: clock() - 100 });
  for (const id of ['a', 'b', 'c']) observer.watch(written(id));
  await delay(20);
  held.set('a', 2).set('b', 3);
  expect(await observer.close(200)).toBe(1);
  expect(asked[0]).toEqual(['a', 'b', 'c']);
  expect(asked.at(-1)).toEqual(['c']);
  expect(observer.latencies).toHaveLength(2);
  for (const latency of observer.latencies) expect(latency).toBeGreaterThan(119);
});

test("bare requests hold the contract's documents, each once and of about a kilobyte", async () => {
  const contract = readCatalogue(join(import.meta.dirname, '..')).projected.find(
    ({ engine }) => engine === 'opensearch',
  )!;
  const writes = await sampleWrites(contract, 25);
  const lines = bulkBodies(writes, 10).map(body =>
    body
      .toString()
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line)),
  );
  expect(lines.map(({ length }) => length)).toEqual([20, 20, 10]);
  const actions = lines.flat().filter((_, index) => index % 2 === 0);
  const documents = lines.flat().filter((_, index) => index % 2 === 1);
  expect(new Set(actions.map(action => action.index._id)).size).toBe(25);
  const known = new Set([...Object.keys(contract.fields), 'distributary']);
  expect(documents.flatMap(document => Object.keys(document).filter(name => !known.has(name)))).toEqual([]);
  const bytes = documents.map(document => JSON.stringify(document).length);
  expect(median(bytes)).toBeGreaterThan(600);
  expect(median(bytes)).toBeLessThan(2000);
});

test('pg_recvlogical is found in PATH', () => {
  const folder = mkdtempSync(join(tmpdir(), 'distributary-path-'));
  const program = join(folder, 'pg_recvlogical');
  writeFileSync(program, '#!/bin/sh\n');
  chmodSync(program, 0o755);
  expect(findReceiver(['/nowhere', folder].join(delimiter), [])).toBe(program);
  expect(findReceiver('/nowhere', [])).toBeUndefined();
  rmSync(folder, { recursive: true });
});

const REPORT: BenchReport = {
  at: '2026-01-02T03:04:05.678Z',
  seconds: 20,
  machine: { processor: 'A processor', cores: 2, memoryGigabytes: 8, system: 'linux 6', load: 0.12 },
  loadAfter: 3.4,
  versions: { Node: 'v24.0.0', PostgreSQL: '17.1' },
  figures: [
    {
      name: 'relay to nowhere',
      value: 41_234.5,
      unit: 'changes/s',
      bare: { name: 'pg_recvlogical', value: 43_000, ratio: 0.958 },
      aim: { ratio: 0.8 },
      note: '9 pairs',
    },
    { name: 'commit to search, p99', value: 1301.4, unit: 'ms', aim: { most: 1300 } },
    { name: 'commit to search, p50', value: 4.26, unit: 'ms' },
  ],
  omissions: [{ name: 'something', reason: 'its tool is not here' }],
  missed: 1,
};

test('a report shows each figure with its bare limit and its aim, and what was not measured', () => {
  const text = reportLines(REPORT, (tone, words) => `<${tone}>${words}`).join('\n');
  expect(text).toMatch(
    /relay to nowhere +41,235 changes\/s +pg_recvlogical: 43,000 changes\/s +0\.96 +ratio ≥ 0\.80 +<good>met +9 pairs/,
  );
  expect(text).toMatch(/commit to search, p99 +1,301 ms .*< 1,300 ms +<bad>missed/);
  expect(text).toMatch(/commit to search, p50 +4\.3 ms/);
  expect(text).toContain('1 of 2 aims met. Not measured: something, for its tool is not here.');
});

test('the page has a row of as many cells for each figure, and says how it was made and on what', () => {
  const page = reportPage(REPORT, 'distributary bench --seconds 20');
  const rows = page.split('\n').filter(line => line.startsWith('|'));
  expect(rows).toHaveLength(2 + REPORT.figures.length);
  expect(new Set(rows.map(row => row.split('|').length)).size).toBe(1);
  expect(page).toContain('`distributary bench --seconds 20`');
  expect(page).toContain('A processor, 2 cores, 8 GB, linux 6; load before 0.1, after 3.4');
  expect(page).toContain('Node v24.0.0, PostgreSQL 17.1');
});

test('a measurement that does not exist is refused with those that do', async () => {
  const { terminal, err } = capturedTerminal();
  const line = { name: 'distributary', version: '0', summary: '', commands: [benchCommand] };
  const code = await runCommandLine(line, ['bench', '--only', 'relay,latncy'], {
    terminal,
    signal: never,
    debug: false,
  });
  expect(code).toBe(2);
  expect(err()).toMatch(/"latncy" is none of relay, topic, search, backfill, latency, burst/);
});

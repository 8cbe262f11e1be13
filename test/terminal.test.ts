import { setTimeout as delay } from 'node:timers/promises';
import { liveLine } from '../bin/terminal/live-line.ts';
import { startProgress } from '../bin/terminal/progress.ts';
import { tableLines } from '../bin/terminal/table.ts';
import { bytes, counted, seconds } from '../bin/terminal/wording.ts';
import { capturedTerminal } from './captured-terminal.ts';

const CLEAR = '\r\u001b[2K';

afterEach(() => {
  delete process.env.NO_COLOR;
});

test('colour is for terminals, and NO_COLOR forbids it', () => {
  expect(capturedTerminal().terminal.paint('bad', 'no')).toBe('no');
  expect(capturedTerminal(80).terminal.paint('bad', 'no')).toBe('\u001b[31mno\u001b[39m');
  process.env.NO_COLOR = '1';
  expect(capturedTerminal(80).terminal.paint('bad', 'no')).toBe('no');
});

describe('the live line', () => {
  test('is redrawn in place, and what is said stands above it', () => {
    const { terminal, out, err } = capturedTerminal(80);
    const line = liveLine(terminal);
    line.show('1/s');
    line.show('2/s');
    terminal.note('an alarm rings');
    terminal.print('a result');
    line.stop();
    terminal.note('bye');
    expect(err()).toBe(`${CLEAR}1/s${CLEAR}2/s${CLEAR}an alarm rings\n2/s${CLEAR}2/s\nbye\n`);
    expect(out()).toBe('a result\n');
  });

  test('is cut where it would wrap', () => {
    const { terminal, err } = capturedTerminal(10);
    liveLine(terminal).show('0123456789');
    expect(err()).toBe(`${CLEAR}01234567…`);
  });

  test('is a line of its own where nobody watches', () => {
    const { terminal, err } = capturedTerminal();
    const line = liveLine(terminal);
    line.show('1/s');
    line.show('2/s');
    line.stop();
    expect(err()).toBe('1/s\n2/s\n');
  });
});

describe('progress', () => {
  test('is a bar on a terminal', async () => {
    const { terminal, err } = capturedTerminal(80);
    const progress = startProgress(terminal, { title: 'importing', total: 200 });
    progress.update(100, '1,000 imported');
    await delay(110);
    progress.update(150, '1,500 imported');
    terminal.note('a bad row');
    progress.update(200, '2,000 imported');
    progress.stop();
    const bar = (full: number) => '█'.repeat(full).padEnd(30, '░');
    expect(err()).toBe(
      [
        `${CLEAR}importing ${bar(15)}  50% 1,000 imported`,
        `${CLEAR}importing ${bar(22)}  75% 1,500 imported`,
        `${CLEAR}a bad row\nimporting ${bar(22)}  75% 1,500 imported`,
        `${CLEAR}importing ${bar(30)} 100% 2,000 imported\n`,
      ].join(''),
    );
  });

  test('is plain lines elsewhere, the last state among them', () => {
    const { terminal, err } = capturedTerminal();
    const progress = startProgress(terminal, { title: 'importing', total: 0 });
    for (let row = 1; row <= 1000; row += 1) progress.update(row, `${row} imported`);
    progress.stop();
    expect(err()).toBe('importing: 100% 1000 imported\n');
  });
});

test('a table sets numbers to the right, dashes for nothing, and does not count colour', () => {
  const rows = [
    { store: 'case-search', documents: 2067, state: '\u001b[32mfresh\u001b[39m' },
    { store: 'facts', documents: undefined, state: 'late' },
  ];
  expect(
    tableLines(rows, [
      { title: 'store', of: ({ store }) => store },
      { title: 'state', of: ({ state }) => state },
      { title: 'documents', of: ({ documents }) => documents },
    ]),
  ).toEqual([
    'store        state  documents',
    'case-search  \u001b[32mfresh\u001b[39m      2,067',
    'facts        late           –',
  ]);
});

test('an empty table still has its titles', () => {
  expect(tableLines([], [{ title: 'store', of: () => '' }])).toEqual(['store']);
});

test('quantities read well', () => {
  expect([0.041, 0.996, 1.34, 9.96, 42.4, 119, 120, 3600, 7300].map(seconds)).toEqual([
    '0.04 s',
    '1.0 s',
    '1.3 s',
    '10 s',
    '42 s',
    '119 s',
    '2 min',
    '60 min',
    '2.0 h',
  ]);
  expect([0, 999, 1000, 161_609_640, 4e12].map(bytes)).toEqual(['0 B', '999 B', '1.0 kB', '162 MB', '4.0 TB']);
  expect([counted(1, 'row'), counted(2067, 'row')]).toEqual(['1 row', '2,067 rows']);
});

import { type Column, tableLines } from '../terminal/table.ts';
import type { Tone } from '../terminal/terminal.ts';
import type { BenchReport } from './bench.ts';
import { type Figure, isMet } from './figures.ts';

/** `12,345 changes/s`, `38 ms`, `0.93 of bare` */
const inUnit = (value: number, { unit }: Pick<Figure, 'unit'>): string => `${rounded(value)} ${unit}`;
const rounded = (value: number): string => value.toLocaleString('en-US', { maximumFractionDigits: value < 10 ? 1 : 0 });

const bareOf = (figure: Figure): string | undefined =>
  figure.bare && `${figure.bare.name}: ${inUnit(figure.bare.value, figure)}`;
const ratioOf = ({ bare }: Figure): string | undefined => bare?.ratio.toFixed(2);

export function aimOf({ aim, unit }: Figure): string | undefined {
  if (!aim) return undefined;
  if ('ratio' in aim) return `ratio ≥ ${aim.ratio.toFixed(2)}`;
  return 'least' in aim ? `≥ ${inUnit(aim.least, { unit })}` : `< ${inUnit(aim.most, { unit })}`;
}

function verdictOf(figure: Figure): 'met' | 'missed' | undefined {
  const met = isMet(figure);
  return met === undefined ? undefined : met ? 'met' : 'missed';
}

const COLUMNS: readonly Column<Figure>[] = [
  { title: 'what', of: ({ name }) => name },
  { title: 'measured', of: figure => inUnit(figure.value, figure), align: 'right' },
  { title: 'bare limit', of: bareOf },
  { title: 'ratio', of: ratioOf, align: 'right' },
  { title: 'aim', of: aimOf },
  { title: '', of: verdictOf },
  { title: 'how', of: ({ note }) => note },
];

const TONES: Readonly<Record<string, Tone>> = { met: 'good', missed: 'bad' };

export function reportLines(report: BenchReport, paint: (tone: Tone, text: string) => string): readonly string[] {
  const columns = COLUMNS.map(column => {
    const of = (figure: Figure) => {
      const cell = column.of(figure);
      const tone = TONES[String(cell)];
      return tone ? paint(tone, String(cell)) : cell;
    };
    return { ...column, of };
  });
  return [...settingLines(report), '', ...tableLines(report.figures, columns), '', conclusion(report)];
}

/** The page under docs/: the same, for those who did not run it. */
export function reportPage(report: BenchReport, command: string): string {
  const row = (cells: readonly (string | number | undefined)[]) => `| ${cells.map(cell => cell ?? '').join(' | ')} |`;
  return [
    '# Measured',
    '',
    `Written by \`${command}\`. Rates differ from machine to machine; ratios hardly do, since both sides run in pairs in the same run: a ratio is the median of the pairs' ratios, not that of the medians beside it.`,
    '',
    ...settingLines(report).map(line => `- ${line}`),
    '',
    row(COLUMNS.map(({ title }) => title)),
    row(COLUMNS.map(({ align }) => (align === 'right' ? '---:' : '---'))),
    ...report.figures.map(figure => row(COLUMNS.map(({ of }) => of(figure)))),
    '',
    conclusion(report),
    '',
  ].join('\n');
}

function settingLines({ at, machine, loadAfter, versions, seconds }: BenchReport): readonly string[] {
  const { processor, cores, memoryGigabytes, system, load } = machine;
  return [
    `${at.slice(0, 10)}, ${seconds} s a measurement`,
    `${processor}, ${cores} cores, ${memoryGigabytes} GB, ${system}; load before ${load.toFixed(1)}, after ${loadAfter.toFixed(1)}`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
  ];
}

function conclusion({ figures, omissions, missed }: BenchReport): string {
  const aims = figures.filter(({ aim }) => aim).length;
  const left = omissions.map(({ name, reason }) => `Not measured: ${name}, for ${reason}.`);
  return [`${aims - missed} of ${aims} aims met.`, ...left].join(' ');
}

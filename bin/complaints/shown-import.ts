import type pg from 'pg';
import type { Session } from '../command.ts';
import { startProgress } from '../terminal/progress.ts';
import { count, counted, seconds } from '../terminal/wording.ts';
import { type ImportReport, importComplaints } from './importing.ts';
import { type BadRow, checkFile } from './reading.ts';

/** Where complaints go, and in whose name. */
export interface Destination {
  readonly database: pg.ClientConfig;
  readonly actor: string;
  readonly rowsPerSecond?: number | undefined;
}

export interface ShownReport extends ImportReport {
  readonly badRows: readonly BadRow[];
}

/** Bad rows that are listed; a file with more of them has another problem than its rows. */
const MAX_LISTED_ROWS = 1000;

/** Imports a file while a bar shows how far it is; bad rows are listed as they come. */
export async function importShown(file: string, destination: Destination, session: Session): Promise<ShownReport> {
  const { terminal, json, signal } = session;
  const progress = startProgress(terminal, { title: 'importing', total: await checkFile(file) });
  const badRows: BadRow[] = [];
  try {
    const report = await importComplaints({
      ...destination,
      file,
      signal,
      onBadRow(row) {
        if (badRows.length >= MAX_LISTED_ROWS) return;
        badRows.push(row);
        if (!json) for (const line of linesOf(file, row)) terminal.note(line);
      },
      onProgress: ({ bytes, imported, present, bad }) =>
        progress.update(bytes, [`${count(imported)} imported`, ...found(present, bad)].join(', ')),
    });
    return { ...report, badRows };
  } finally {
    progress.stop();
  }
}

const found = (present: number, bad: number): readonly string[] => [
  ...(present > 0 ? [`${count(present)} there already`] : []),
  ...(bad > 0 ? [`${count(bad)} bad`] : []),
];

/** `complaints.csv:124: Date received "2023-13-45" is no date like 2023-08-25` */
const linesOf = (file: string, { line, defects }: BadRow): readonly string[] =>
  defects.map(defect => {
    const what = 'column' in defect ? `${defect.column}${defect.value === undefined ? '' : ` "${defect.value}"`} ` : '';
    return `${file}:${line}: ${what}${defect.reason}`;
  });

/** `2,067 rows imported in 1.9 s (1,090 rows/s), 3 bad and left out` */
export function summaryOf({ imported, present, bad, seconds: took }: ImportReport): string {
  const rate = took > 0 ? ` (${count((imported + present + bad) / took)} rows/s)` : '';
  const there = present > 0 ? `, ${count(present)} there already` : '';
  const left = bad > 0 ? `, ${count(bad)} bad and left out` : '';
  return `${counted(imported, 'row')} imported in ${seconds(took)}${rate}${there}${left}`;
}

import { CsvError, parse } from 'csv-parse/sync';
import { type Line, linesOf, MAX_LINE_BYTES } from './lines.ts';

/** A record of the file. `line` is where it starts; `end` counts the bytes up to and including it. */
export type CsvRecord = { readonly line: number; readonly end: number } & (
  | { readonly kind: 'fields'; readonly fields: readonly string[] }
  | { readonly kind: 'broken'; readonly reason: string }
);

/** A record is at most about one line of the largest size: what a stray quote can make of a file stays bounded. */
const MAX_RECORD_CHARACTERS = MAX_LINE_BYTES;
const MAX_RECORD_LINES = 10_000;

/**
 * The records of a CSV file (RFC 4180) with `columns` fields each, as the first of them shows when it is not given. A
 * broken record takes no neighbour with it: where one of its lines looks like the start of another record, that is
 * tried as one. A record that parses is never split, whatever its text looks like.
 */
export async function* recordsOf(file: string): AsyncGenerator<CsvRecord> {
  const lines = new Pushback(linesOf(file));
  let columns: number | undefined;
  for (let first = await lines.next(); first; first = await lines.next()) {
    if (isBlank(first)) continue;
    const taken = await takeRecord(first, lines);
    const record = parseRecord(taken, columns);
    if (record.kind === 'fields') {
      columns ??= record.fields.length;
      yield record;
      continue;
    }
    const restart = taken.lines.findIndex((line, index) => index > 0 && STARTS_RECORD.test(line.text));
    if (restart < 0) yield record;
    else {
      lines.putBack(taken.lines.slice(restart));
      yield { ...record, end: taken.lines[restart - 1]!.end };
    }
  }
}

/** A record starts with the date it was received on. */
const STARTS_RECORD = /^"?\d{4}-\d{2}-\d{2}"?,/;

const isBlank = ({ text, defect }: Line): boolean => defect === undefined && text.trim() === '';

interface Taken {
  readonly lines: readonly Line[];
  /** Why the lines are no record, as far as can be told without parsing. */
  readonly defect: string | undefined;
}

/** Lines until the quotes are even. */
async function takeRecord(first: Line, source: Pushback): Promise<Taken> {
  const lines: Line[] = [];
  const defects: string[] = [];
  let quotes = 0;
  let characters = 0;
  for (let line: Line | undefined = first; line; line = await source.next()) {
    lines.push(line);
    if (line.defect) defects.push(line.defect);
    characters += line.text.length + 1;
    quotes += countQuotes(line.text);
    if (quotes % 2 === 0) return { lines, defect: defects[0] };
    if (characters > MAX_RECORD_CHARACTERS || lines.length >= MAX_RECORD_LINES) {
      return { lines, defect: `a quoted field does not end within ${lines.length} lines` };
    }
  }
  return { lines, defect: 'a quoted field does not end before the file does' };
}

function countQuotes(text: string): number {
  let quotes = 0;
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at + 1)) quotes += 1;
  return quotes;
}

function parseRecord({ lines, defect }: Taken, columns: number | undefined): CsvRecord {
  const place = { line: lines[0]!.number, end: lines.at(-1)!.end };
  const broken = (reason: string): CsvRecord => ({ ...place, kind: 'broken', reason });
  if (defect) return broken(defect);
  try {
    const text = lines.map(line => line.text).join('\n');
    const [fields = []] = parse(text.endsWith('\r') ? text.slice(0, -1) : text, PARSING);
    if (columns === undefined || fields.length === columns) return { ...place, kind: 'fields', fields };
    return broken(`has ${fields.length} columns instead of ${columns}`);
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    return broken(`is no CSV: ${REASONS[error.code] ?? error.code}`);
  }
}

const PARSING = { relax_column_count: true, record_delimiter: '\n' };
const REASONS: Readonly<Record<string, string>> = {
  INVALID_OPENING_QUOTE: 'a quote in a field that does not start with one',
  CSV_INVALID_CLOSING_QUOTE: 'text after a closing quote',
};

/** Lines that can be given back, to be read again. */
class Pushback {
  readonly #source: AsyncGenerator<Line>;
  #waiting: Line[] = [];

  constructor(source: AsyncGenerator<Line>) {
    this.#source = source;
  }

  async next(): Promise<Line | undefined> {
    const waiting = this.#waiting.shift();
    if (waiting) return waiting;
    const { value, done } = await this.#source.next();
    return done ? undefined : value;
  }

  putBack(lines: readonly Line[]): void {
    this.#waiting = [...lines, ...this.#waiting];
  }
}

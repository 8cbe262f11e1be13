import { styleText } from 'node:util';

export type Tone = 'good' | 'warning' | 'bad' | 'strong' | 'faint';

const STYLES = { good: 'green', warning: 'yellow', bad: 'red', strong: 'bold', faint: 'dim' } as const;

export interface OutputStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Where a command speaks. Results go to standard output, everything said on the way to standard error. */
export interface Terminal {
  /** Somebody watches: bars and live lines are redrawn. Otherwise plain lines follow each other. */
  readonly interactive: boolean;
  /** Characters to a line, as of now. */
  readonly columns: number;
  /** A line of the result. */
  print(line: string): void;
  /** A line about the way there. */
  note(line: string): void;
  /** Coloured, where results go to a terminal and NO_COLOR does not forbid it. */
  paint(tone: Tone, text: string): string;
  /** The stream that bars are drawn on. */
  readonly notes: OutputStream;
}

/** What is assumed of a terminal that does not say, and of a file. */
const DEFAULT_COLUMNS = 120;

export function openTerminal(results: OutputStream = process.stdout, notes: OutputStream = process.stderr): Terminal {
  const coloured = mayColour(results) && mayColour(notes);
  return {
    interactive: notes.isTTY === true,
    get columns() {
      return notes.columns ?? DEFAULT_COLUMNS;
    },
    print: line => void results.write(`${line}\n`),
    note: line => void notes.write(`${line}\n`),
    paint: (tone, text) => (coloured ? styleText(STYLES[tone], text, { validateStream: false }) : text),
    notes,
  };
}

/** https://no-color.org: any value but the empty one forbids colour. */
const mayColour = (stream: OutputStream): boolean => stream.isTTY === true && !process.env.NO_COLOR;

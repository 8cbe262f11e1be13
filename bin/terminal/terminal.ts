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
  /**
   * Claims the last line for something that is drawn over and over; `redraw` is called when a line was said above it.
   * Returns how to give the line back.
   */
  draw(redraw: () => void): () => void;
}

export const CLEAR_LINE = '\r\u001b[2K';
/** What is assumed of a terminal that does not say, and of a file. */
const DEFAULT_COLUMNS = 120;

export function openTerminal(results: OutputStream = process.stdout, notes: OutputStream = process.stderr): Terminal {
  const coloured = mayColour(results) && mayColour(notes);
  let redraw: (() => void) | undefined;
  const say = (stream: OutputStream, line: string) => {
    if (redraw) notes.write(CLEAR_LINE);
    stream.write(`${line}\n`);
    redraw?.();
  };
  return {
    interactive: notes.isTTY === true,
    get columns() {
      return notes.columns ?? DEFAULT_COLUMNS;
    },
    print: line => say(results, line),
    note: line => say(notes, line),
    paint: (tone, text) => (coloured ? styleText(STYLES[tone], text, { validateStream: false }) : text),
    notes,
    draw(mine) {
      redraw = mine;
      return () => {
        if (redraw === mine) redraw = undefined;
      };
    },
  };
}

/** https://no-color.org: any value but the empty one forbids colour. */
const mayColour = (stream: OutputStream): boolean => stream.isTTY === true && !process.env.NO_COLOR;

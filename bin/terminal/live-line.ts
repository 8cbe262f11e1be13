import { stripVTControlCharacters } from 'node:util';
import type { Terminal } from './terminal.ts';

export interface LiveLine {
  show(line: string): void;
  /** Says something above the line. */
  readonly note: (line: string) => void;
  /** Leaves the last line standing. */
  stop(): void;
}

const CLEAR_LINE = '\r\u001b[2K';

/** One last line that is redrawn on a terminal; elsewhere each is a line of its own. */
export const liveLine = (terminal: Terminal): LiveLine =>
  terminal.interactive ? redrawn(terminal) : { show: terminal.note, note: terminal.note, stop() {} };

function redrawn(terminal: Terminal): LiveLine {
  const { notes } = terminal;
  let shown = '';
  return {
    show(line) {
      // A line that wraps could not be redrawn.
      const plain = stripVTControlCharacters(line);
      shown = plain.length < terminal.columns ? line : `${plain.slice(0, terminal.columns - 2)}…`;
      notes.write(CLEAR_LINE + shown);
    },
    note(line) {
      notes.write(`${shown === '' ? '' : CLEAR_LINE}${line}\n${shown}`);
    },
    stop() {
      if (shown !== '') notes.write('\n');
      shown = '';
    },
  };
}

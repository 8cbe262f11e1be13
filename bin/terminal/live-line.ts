import { stripVTControlCharacters } from 'node:util';
import type { Terminal } from './terminal.ts';

export interface LiveLine {
  show(line: string): void;
  /** Leaves the last line standing. */
  stop(): void;
}

const PLAIN_LINE_EVERY_MS = 10_000;

/** One line that is redrawn on a terminal; elsewhere it is printed again every ten seconds. */
export function liveLine(terminal: Terminal): LiveLine {
  return terminal.interactive ? redrawn(terminal) : repeated(terminal);
}

function redrawn(terminal: Terminal): LiveLine {
  const { notes } = terminal;
  return {
    show(line) {
      // A line that wraps could not be redrawn.
      const fits = stripVTControlCharacters(line).length < terminal.columns;
      const shown = fits ? line : `${stripVTControlCharacters(line).slice(0, terminal.columns - 2)}…`;
      notes.write(`\r\u001b[2K${shown}`);
    },
    stop: () => void notes.write('\n'),
  };
}

function repeated({ note }: Terminal): LiveLine {
  let shownAt = 0;
  return {
    show(line) {
      if (Date.now() - shownAt < PLAIN_LINE_EVERY_MS) return;
      shownAt = Date.now();
      note(line);
    },
    stop() {},
  };
}

import { stripVTControlCharacters } from 'node:util';
import { CLEAR_LINE, type Terminal } from './terminal.ts';

export interface LiveLine {
  show(line: string): void;
  /** Leaves the last line standing. */
  stop(): void;
}

/** One last line that is redrawn on a terminal; elsewhere each is a line of its own. */
export const liveLine = (terminal: Terminal): LiveLine =>
  terminal.interactive ? redrawn(terminal) : { show: terminal.note, stop() {} };

function redrawn(terminal: Terminal): LiveLine {
  const { notes } = terminal;
  let shown: string | undefined;
  let giveBack = () => {};
  return {
    show(line) {
      // A line that wraps could not be redrawn.
      const plain = stripVTControlCharacters(line);
      const fitting = plain.length < terminal.columns ? line : `${plain.slice(0, terminal.columns - 2)}…`;
      if (shown === undefined) giveBack = terminal.draw(() => notes.write(shown!));
      shown = fitting;
      notes.write(CLEAR_LINE + fitting);
    },
    stop() {
      giveBack();
      if (shown !== undefined) notes.write('\n');
      shown = undefined;
    },
  };
}

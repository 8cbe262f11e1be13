import { SingleBar } from 'cli-progress';
import type { Terminal } from './terminal.ts';

export interface Progress {
  /** How much of the total is done, and what else is worth knowing right now. */
  update(done: number, detail?: string): void;
  /** Says something without tearing the bar. */
  note(line: string): void;
  /** Leaves the last state standing. */
  stop(): void;
}

export interface ProgressOptions {
  readonly title: string;
  readonly total: number;
}

/** A log wants to see that something moves, not each step. */
const PLAIN_LINE_EVERY_MS = 10_000;
const REDRAWS_PER_SECOND = 10;

/** A bar on a terminal; plain lines where nobody watches. */
export const startProgress = (terminal: Terminal, options: ProgressOptions): Progress =>
  terminal.interactive ? drawBar(terminal, options) : printLines(terminal, options);

function drawBar({ notes, note }: Terminal, { title, total }: ProgressOptions): Progress {
  const bar = new SingleBar({
    format: `${title} {bar} {percentage}% {detail}`,
    barsize: 30,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    stream: notes,
    fps: REDRAWS_PER_SECOND,
    hideCursor: true,
    linewrap: false,
  });
  let last = { done: 0, detail: '' };
  const start = () => bar.start(Math.max(total, 1), last.done, { detail: last.detail });
  start();
  return {
    update(done, detail = '') {
      last = { done, detail };
      bar.update(done, { detail });
    },
    note(line) {
      // The bar stands on the line that the note takes; it goes on below.
      notes.write('\r\u001b[2K');
      note(line);
      bar.updateETA();
      bar.render();
    },
    stop() {
      bar.update(last.done, { detail: last.detail });
      bar.stop();
    },
  };
}

function printLines({ note }: Terminal, { title, total }: ProgressOptions): Progress {
  let shown = '';
  let shownAt = Date.now();
  let line = '';
  const show = () => {
    if (line !== shown) note(line);
    shown = line;
    shownAt = Date.now();
  };
  return {
    update(done, detail = '') {
      const percentage = total > 0 ? Math.floor((100 * done) / total) : 100;
      line = `${title}: ${percentage}% ${detail}`.trimEnd();
      if (Date.now() - shownAt >= PLAIN_LINE_EVERY_MS) show();
    },
    note,
    stop: show,
  };
}

import { liveLine } from './live-line.ts';
import type { Terminal } from './terminal.ts';

export interface Progress {
  /** How much of the total is done, and what else is worth knowing right now. */
  update(done: number, detail?: string): void;
  /** Leaves the last state standing. */
  stop(): void;
}

export interface ProgressOptions {
  readonly title: string;
  readonly total: number;
}

const BAR_CHARACTERS = 30;
const REDRAW_EVERY_MS = 100;
/** A log wants to see that something moves, not each step. */
const PLAIN_LINE_EVERY_MS = 10_000;

/**
 * A bar on a terminal, plain lines where nobody watches. It is drawn on the terminal's live line, so that whatever is
 * said meanwhile stands above it; a bar that puts the cursor back where it began would write over that.
 */
export function startProgress(terminal: Terminal, { title, total }: ProgressOptions): Progress {
  const line = liveLine(terminal);
  const [lineOf, every] = terminal.interactive ? [barOf, REDRAW_EVERY_MS] : [plainOf, PLAIN_LINE_EVERY_MS];
  let latest = lineOf(title, 0, '');
  let shown: string | undefined;
  let shownAt = terminal.interactive ? 0 : Date.now();
  const show = () => {
    if (latest !== shown) line.show(latest);
    shown = latest;
    shownAt = Date.now();
  };
  return {
    update(done, detail = '') {
      latest = lineOf(title, total > 0 ? Math.min(1, done / total) : 1, detail);
      if (Date.now() - shownAt >= every) show();
    },
    stop() {
      show();
      line.stop();
    },
  };
}

const percentOf = (part: number): string => `${Math.floor(part * 100)}%`;

function barOf(title: string, part: number, detail: string): string {
  const bar = '█'.repeat(Math.floor(part * BAR_CHARACTERS)).padEnd(BAR_CHARACTERS, '░');
  return `${title} ${bar} ${percentOf(part).padStart(4)} ${detail}`;
}

const plainOf = (title: string, part: number, detail: string): string =>
  `${title}: ${percentOf(part)} ${detail}`.trimEnd();

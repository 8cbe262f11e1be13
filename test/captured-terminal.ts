import { PassThrough } from 'node:stream';
import { type OutputStream, openTerminal, type Terminal } from '../bin/terminal/terminal.ts';

export interface CapturedTerminal {
  readonly terminal: Terminal;
  /** Standard output so far. */
  out(): string;
  /** Standard error so far. */
  err(): string;
}

/** A terminal whose words can be read. `columns` makes one that somebody watches. */
export function capturedTerminal(columns?: number): CapturedTerminal {
  const [out, err] = [capture(columns), capture(columns)];
  return { terminal: openTerminal(out.stream, err.stream), out: out.text, err: err.text };
}

function capture(columns?: number): { stream: OutputStream; text(): string } {
  const stream = new PassThrough();
  let text = '';
  stream.on('data', chunk => {
    text += chunk;
  });
  return { stream: Object.assign(stream, columns === undefined ? {} : { isTTY: true, columns }), text: () => text };
}

import { runCommandLine } from '../bin/command-line.ts';
import { COMMANDS } from '../bin/commands/all.ts';
import { capturedTerminal } from './captured-terminal.ts';

export interface Typed {
  readonly code: number;
  /** What went to standard output. */
  readonly out: string;
  /** What was said on the way. */
  readonly err: string;
}

/** Runs what somebody types behind `distributary`, where nobody can be asked anything. */
export async function typedAlone(words: readonly string[]): Promise<Typed> {
  const { terminal, out, err } = capturedTerminal();
  const line = { name: 'distributary', version: '0', summary: '', commands: COMMANDS };
  const { signal } = new AbortController();
  const code = await runCommandLine(line, words, { terminal, signal, debug: false });
  return { code, out: out(), err: err() };
}

/** The same, on the local mode of a folder. */
export const typed = (dataDir: string, words: readonly string[]): Promise<Typed> =>
  typedAlone([...words, '--data-dir', dataDir]);

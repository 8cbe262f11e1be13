#!/usr/bin/env node
import { createRequire } from 'node:module';
import { runCommandLine } from './command-line.ts';
import { COMMANDS } from './commands/all.ts';
import { openTerminal } from './terminal/terminal.ts';

const FORCED = 130;

const { version, description } = createRequire(import.meta.url)('distributary/package.json');
const terminal = openTerminal();
const interruption = new AbortController();
// Whoever read our results has left: finish in order, as after Ctrl-C.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => interruption.abort());
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // Whatever we started ends when this process does.
    if (interruption.signal.aborted) process.exit(FORCED);
    interruption.abort();
  });
}

const commandLine = { name: 'distributary', version, summary: description, commands: COMMANDS };
process.exitCode = await runCommandLine(commandLine, process.argv.slice(2), {
  terminal,
  signal: interruption.signal,
  debug: Boolean(process.env.DISTRIBUTARY_DEBUG),
});

import { randomInt } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Option } from 'commander';
import { type Command, EXIT } from '../command.ts';
import { type EngineOptions, engineOptions, wholeNumber } from '../running/local-options.ts';

interface DemoOptions extends EngineOptions {
  readonly updates: number;
  readonly seed?: number;
}

const MAX_UPDATES = 1_000_000;
const MAX_SEED = 2 ** 31;

export const demoCommand: Command<DemoOptions> = {
  usage: 'demo',
  summary: 'prove the pipeline: import, update, and verify every document of every store',
  description: `Runs unattended in a temporary folder: starts local mode, imports the sample, does real-looking updates, restricts,
assignments, decisions, renames and purges to its cases, waits until every store has them, and compares each store with
the canonical rows, document by document. Exits 0 only if all agree.`,
  examples: [
    { line: 'distributary demo', what: '2,000 updates' },
    { line: 'distributary demo --seed 42 --updates 20000', what: 'the same updates each time' },
    { line: 'distributary demo --search=embedded --json', what: 'no Java; for machines' },
  ],
  options: [
    ...engineOptions(),
    new Option('--updates <count>', 'transactions after the import')
      .default(2000)
      .argParser(wholeNumber(0, MAX_UPDATES)),
    new Option('--seed <number>', 'repeats the updates of a run (default: a random one)').argParser(
      wholeNumber(0, MAX_SEED),
    ),
  ],

  async run(_args, { seed = randomInt(MAX_SEED), ...options }, session) {
    const { runDemo } = await import('../demo/demo.ts');
    const { demoLines } = await import('../demo/shown.ts');
    const { terminal, json, signal } = session;
    const dataDir = temporaryFolder();
    let keep = false;
    try {
      const report = await runDemo({ ...options, seed, dataDir }, session);
      keep = !report.agrees && !signal.aborted;
      if (json) terminal.print(JSON.stringify(report));
      else for (const line of demoLines(report, terminal)) terminal.print(line);
      return report.agrees ? EXIT.fine : EXIT.found;
    } finally {
      if (keep) terminal.note(`kept for a closer look: npm run distributary -- dev --no-import --data-dir ${dataDir}`);
      else rmSync(dataDir, { recursive: true, force: true });
    }
  },
};

/** Search runs as a user without rights, who has to reach its folder. */
function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'distributary-demo-'));
  chmodSync(folder, 0o755);
  return folder;
}

import { setTimeout as delay } from 'node:timers/promises';
import { Option } from 'commander';
import { readEndpoints } from '../../local/endpoints.ts';
import { type Command, EXIT, type ExitCode, type Session } from '../command.ts';
import type { Looking, Overview } from '../overview/overview.ts';
import { dataDirOption } from './data-dir.ts';

interface StatusOptions {
  readonly dataDir: string;
  readonly watch?: true;
}

/** Between the two looks that give a rate. */
const RATE_MS = 1000;
const WATCH_MS = 2000;
const CLEAR = '\u001b[H\u001b[2J';

export const statusCommand: Command<StatusOptions> = {
  usage: 'status',
  summary: 'show the way of the data, store by store',
  description: `Changes captured and relayed; per store its queues (standard + priority lane), the age of its watermark against
its contract, the lag of the last minutes, failed changes and documents. Exits 1 when something is beyond its contract.`,
  examples: [
    { line: 'distributary status', what: 'once' },
    { line: 'distributary status --watch', what: 'until Ctrl-C' },
    { line: 'distributary status --json | jq .concerns', what: 'what is wrong, for machines' },
  ],
  options: [dataDirOption(), new Option('--watch', 'show it again every 2 s until Ctrl-C')],

  async run(_args, { dataDir, watch = false }, session) {
    const endpoints = readEndpoints(dataDir);
    const { openOverview } = await import('../overview/overview.ts');
    const { runningCatalogue } = await import('../running/running-catalogue.ts');
    const looking = openOverview(endpoints, runningCatalogue(endpoints));
    try {
      await looking.look();
      await pause(RATE_MS, session);
      return watch ? await watchOn(looking, session) : await show(await looking.look(), session);
    } finally {
      await looking.close();
    }
  },
};

async function watchOn(looking: Looking, session: Session): Promise<ExitCode> {
  let code: ExitCode = EXIT.fine;
  while (!session.signal.aborted) {
    const overview = await looking.look();
    if (session.terminal.interactive && !session.json) session.terminal.notes.write(CLEAR);
    code = await show(overview, session);
    await pause(WATCH_MS, session);
  }
  return code;
}

async function show(overview: Overview, { terminal, json }: Session): Promise<ExitCode> {
  const { overviewLines } = await import('../overview/shown.ts');
  if (json) terminal.print(JSON.stringify(overview));
  else for (const line of overviewLines(overview, terminal)) terminal.print(line);
  return overview.concerns.length > 0 ? EXIT.found : EXIT.fine;
}

const pause = (milliseconds: number, { signal }: Session): Promise<void> =>
  delay(milliseconds, undefined, { signal }).catch(() => {});

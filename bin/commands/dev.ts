import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Option } from 'commander';
import type { Endpoints } from '../../local/endpoints.ts';
import type { LocalMode } from '../../local/local-mode.ts';
import { type Command, EXIT, type Session } from '../command.ts';
import { type EngineOptions, engineOptions, wholeNumber } from '../running/local-options.ts';
import type { Started } from '../running/shown-start.ts';
import { dataDirOption } from './data-dir.ts';

interface DevOptions extends EngineOptions {
  readonly dataDir: string;
  readonly fresh?: true;
  readonly import: boolean;
  readonly importRate: number;
  readonly with?: readonly string[];
  readonly postgresPort?: number;
  readonly awsPort?: number;
  readonly dynamodbPort?: number;
  readonly searchPort?: number;
  readonly controlPort?: number;
  readonly consolePort?: number;
}

/** The emulated tables keep up with it, so that every store follows within a second. */
const IMPORT_RATE = 100;
const LOOK_EVERY_MS = 2000;
/** Nobody watches: as often as the live line prints plain lines. */
const LOOK_PLAINLY_EVERY_MS = 10_000;

const portOption = (name: string, what: string): Option =>
  new Option(`--${name}-port <port>`, `port of ${what} (default: the last one, else any)`).argParser(
    wholeNumber(1, 65_535),
  );

export const devCommand: Command<DevOptions> = {
  usage: 'dev',
  summary: 'run the whole pipeline on this machine',
  description: `Starts the synthesised app on embedded servers, imports the sample when there are no cases, and shows how the data
flows until Ctrl-C. A second start resumes the same data.`,
  examples: [
    { line: 'npm start', what: 'the same as distributary dev' },
    { line: 'distributary dev --fresh', what: 'start over' },
    { line: 'distributary dev --search=embedded', what: 'no Java, no download' },
    { line: 'distributary dev --with ../headlines', what: 'a projection of another repository runs along' },
  ],
  options: [
    dataDirOption(),
    ...engineOptions(),
    new Option('--fresh', 'remove what the folder holds first'),
    new Option('--no-import', 'leave an empty canonical store empty'),
    new Option('--import-rate <rows>', 'rows of the sample a second, slow enough to watch')
      .default(IMPORT_RATE)
      .argParser(wholeNumber(1, 100_000)),
    new Option('--with <folder>', "a team's repository whose projections run along; may be repeated").argParser(
      (folder: string, others: readonly string[] = []) => [...others, resolve(folder)],
    ),
    portOption('postgres', 'PostgreSQL'),
    portOption('aws', 'queues, topic and buckets'),
    portOption('dynamodb', 'the key-value tables'),
    portOption('search', 'search'),
    portOption('control', 'the control server'),
    new Option(
      '--console-port <port>',
      'port of the web console (default: the last one, else 4700, else any)',
    ).argParser(wholeNumber(1, 65_535)),
  ],

  async run(_args, options, session) {
    const { startShown } = await import('../running/shown-start.ts');
    const { consoleView } = await import('../overview/console-view.ts');
    const { liveLine } = await import('../terminal/live-line.ts');
    const { terminal, signal } = session;
    const line = liveLine(terminal);
    const tellEarly = () => terminal.note('stopping as soon as it has started; Ctrl-C again ends it at once');
    signal.addEventListener('abort', tellEarly, { once: true });
    const started = await startShown({ ...localOptions(options), console: consoleView(options.dataDir) }, terminal);
    signal.removeEventListener('abort', tellEarly);
    try {
      if (!signal.aborted) await showStart(started, session);
      if (options.import && !signal.aborted) await importWhenEmpty(started.mode.endpoints, options.importRate, session);
      if (!signal.aborted) await showFlow(started.mode, session, line);
    } finally {
      line.stop();
      terminal.note('stopping …');
      await started.mode.stop();
    }
    return EXIT.fine;
  },
};

function localOptions({ dataDir, search, dynamodb, fresh, ...options }: DevOptions) {
  const { postgresPort, awsPort, dynamodbPort, searchPort, controlPort, consolePort } = options;
  const asked = {
    postgres: postgresPort,
    aws: awsPort,
    dynamodb: dynamodbPort,
    search: searchPort,
    control: controlPort,
    console: consolePort,
  };
  const ports = Object.fromEntries(Object.entries(asked).filter(([, port]) => port !== undefined));
  return { dataDir, search, dynamodb, fresh: fresh === true, ports, teams: options.with ?? [] };
}

async function showStart(started: Started, { terminal, json }: Session): Promise<void> {
  const { componentLines } = await import('../running/shown-start.ts');
  if (json) return terminal.print(JSON.stringify({ started: started.components, seconds: started.seconds }));
  const { logs } = started.mode.endpoints;
  const next = [
    ['npm run distributary -- status', 'the way of the data, store by store'],
    ['npm run distributary -- import FILE.csv', 'more complaints of the bureau'],
    ['npm run distributary -- demo', 'the whole thing unattended, verified document by document'],
  ];
  const lines = ['', ...componentLines(started, terminal), `console: ${started.mode.endpoints.console}`];
  lines.push(
    `addresses: ${logs.replace(/logs$/, 'endpoints.json')}`,
    `logs: ${logs}`,
    '',
    'In another terminal:',
    ...next.map(([line, what]) => `  ${line!.padEnd(42)}${what}`),
    '',
  );
  for (const line of lines) terminal.print(line);
}

async function importWhenEmpty(endpoints: Endpoints, rowsPerSecond: number, session: Session): Promise<void> {
  const { hasNoCases, SAMPLE } = await import('../complaints/sample.ts');
  const { importShown, summaryOf } = await import('../complaints/shown-import.ts');
  const { localDestination } = await import('../complaints/local-destination.ts');
  if (!(await hasNoCases(endpoints))) return;
  const report = await importShown(SAMPLE, { ...(await localDestination(endpoints)), rowsPerSecond }, session);
  const { terminal, json } = session;
  terminal.print(json ? JSON.stringify({ imported: report }) : `${summaryOf(report)} from the sample`);
}

async function showFlow(
  { endpoints }: LocalMode,
  { terminal, json, signal }: Session,
  line: { show(text: string): void },
): Promise<void> {
  const { openOverview } = await import('../overview/overview.ts');
  const { overviewLine } = await import('../overview/shown.ts');
  const { runningCatalogue } = await import('../running/running-catalogue.ts');
  const looking = openOverview(endpoints, runningCatalogue(endpoints));
  const every = terminal.interactive && !json ? LOOK_EVERY_MS : LOOK_PLAINLY_EVERY_MS;
  try {
    while (!signal.aborted) {
      const overview = await looking.look();
      if (json) terminal.print(JSON.stringify(overview));
      else line.show(overviewLine(overview, terminal));
      await delay(every, undefined, { signal }).catch(() => {});
    }
  } finally {
    await looking.close();
  }
}

import { writeFileSync } from 'node:fs';
import { InvalidArgumentError, Option } from 'commander';
import { MEASUREMENTS, type MeasurementName } from '../bench/measurement.ts';
import { type Command, EXIT } from '../command.ts';
import { type EngineOptions, engineOptions, wholeNumber } from '../running/local-options.ts';

interface BenchCommandOptions extends EngineOptions {
  readonly only: readonly MeasurementName[];
  readonly seconds: number;
  readonly write?: string;
  readonly strict?: boolean;
}

const MAX_SECONDS = 3600;

export const benchCommand: Command<BenchCommandOptions> = {
  usage: 'bench',
  summary: 'measure the pipeline, each part against its bare limit in the same run',
  description: `  relay     relay to nowhere against pg_recvlogical to nowhere, the same log
  topic     relay to the local topic
  search    the search store's writer against bare _bulk of the same documents
  backfill  canonical rows to a new index, against bare _bulk and bare COPY
  latency   from commit to a read by id and to a search, at 200 changes/s
            into one store, then into all
  burst     20,000 changes committed at once, until every store has them
            with the memory of each function

Pairs take turns, and medians are shown, so that what else the machine does is done to both. An aim that is missed is
shown; with --strict it also exits 1.`,
  examples: [
    { line: 'distributary bench', what: 'all of it, some five minutes' },
    { line: 'distributary bench --only relay,search --seconds 60', what: 'two of them, for longer' },
    { line: 'distributary bench --write docs/bench.md', what: 'keep the figures as a page' },
  ],
  options: [
    new Option('--only <names>', `some of ${MEASUREMENTS.join(', ')}`)
      .default(MEASUREMENTS, 'all')
      .argParser(measurements),
    new Option('--seconds <count>', 'time for each measurement').default(20).argParser(wholeNumber(1, MAX_SECONDS)),
    new Option('--write <file>', 'write the figures to a page'),
    new Option('--strict', 'exit 1 when an aim is missed'),
    ...engineOptions(),
  ],

  async run(_args, { only, seconds, write, strict = false, ...engines }, session) {
    const { runBench } = await import('../bench/bench.ts');
    const { reportLines, reportPage } = await import('../bench/report.ts');
    const report = await runBench({ only, seconds, engines }, session);
    const { terminal, json } = session;
    if (json) terminal.print(JSON.stringify(report));
    else for (const line of reportLines(report, terminal.paint)) terminal.print(line);
    if (write !== undefined) writeFileSync(write, reportPage(report, `distributary bench --seconds ${seconds}`));
    return strict && report.missed > 0 ? EXIT.found : EXIT.fine;
  },
};

function measurements(text: string): readonly MeasurementName[] {
  const asked = text.split(',').map(name => name.trim());
  const unknown = asked.find(name => !(MEASUREMENTS as readonly string[]).includes(name));
  if (unknown !== undefined) throw new InvalidArgumentError(`"${unknown}" is none of ${MEASUREMENTS.join(', ')}.`);
  return MEASUREMENTS.filter(name => asked.includes(name));
}

import { InvalidArgumentError, Option } from 'commander';
import { errorTable } from '../../core/errors.ts';
import { type Command, EXIT } from '../command.ts';
import type { Destination } from '../complaints/shown-import.ts';
import { wholeNumber } from '../running/local-options.ts';
import { dataDirOption } from './data-dir.ts';

interface ImportOptions {
  readonly dataDir: string;
  readonly database?: string;
  readonly actor?: string;
  readonly rate?: number;
}

export const importCommand: Command<ImportOptions> = {
  usage: 'import <file>',
  summary: 'import complaints from a CSV file of the Consumer Complaint Database',
  description: `Takes what is missing, by complaint id: running it again after an interruption takes the rest. Bad rows are
listed by their line and left out; it exits 1 when there were some.`,
  examples: [
    { line: 'distributary import complaints.csv', what: 'into the local mode that runs here' },
    { line: 'distributary import complaints.csv --json', what: 'the same, for machines' },
    { line: 'distributary import complaints.csv --database postgresql://…', what: 'into another canonical store' },
  ],
  options: [
    dataDirOption(),
    new Option('--database <url>', 'canonical store to import into (default: that of the local mode)').env(
      'DATABASE_URL',
    ),
    new Option(
      '--actor <user>',
      "supervisor to act as (default: the bureau's intake officer, made when missing)",
    ).argParser(uuid),
    new Option('--rate <rows>', 'rows a second at most (default: as fast as it goes)').argParser(
      wholeNumber(1, 100_000),
    ),
  ],

  async run([file = ''], options, session) {
    const { checkFile } = await import('../complaints/reading.ts');
    const { importShown, summaryOf } = await import('../complaints/shown-import.ts');
    await checkFile(file);
    const report = await importShown(file, { ...(await destinationOf(options)), rowsPerSecond: options.rate }, session);
    const { terminal, json } = session;
    if (json) terminal.print(JSON.stringify({ file, ...report }));
    else terminal.print(summaryOf(report));
    if (report.bad > 0) terminal.note(`  hint: ${errorTable['row-invalid'].hint}`);
    if (report.interrupted) terminal.note('stopped before the end of the file; run it again to take the rest');
    if (report.interrupted) return EXIT.error;
    return report.bad > 0 ? EXIT.found : EXIT.fine;
  },
};

function uuid(text: string): string {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) return text.toLowerCase();
  throw new InvalidArgumentError('It is no UUID.');
}

/** Another canonical store is written to as the role of its URL; without an actor that role must own the schema. */
async function destinationOf({ database, actor, dataDir }: ImportOptions): Promise<Destination> {
  const { intakeOfficer } = await import('../complaints/bureau.ts');
  if (database !== undefined) {
    const config = { connectionString: database };
    return { database: config, actor: actor ?? (await intakeOfficer(config)) };
  }
  const { localDestination } = await import('../complaints/local-destination.ts');
  const { readEndpoints } = await import('../../local/endpoints.ts');
  const destination = await localDestination(readEndpoints(dataDir));
  return actor === undefined ? destination : { ...destination, actor };
}

import { readFileSync } from 'node:fs';
import { InvalidArgumentError, Option } from 'commander';
import { DistributaryError } from '../../core/errors.ts';
import { type Command, EXIT } from '../command.ts';
import { type AskingOptions, askingOptions, withOperations, yesOption } from '../operate/asking.ts';
import { wholeNumber } from '../running/local-options.ts';

interface BackfillOptions extends AskingOptions {
  readonly from?: string;
  readonly tenant?: string;
  readonly idsFile?: string;
  readonly rate?: number;
  readonly yes?: true;
}

export const backfillCommand: Command<BackfillOptions> = {
  usage: 'backfill <store>',
  summary: "write canonical states into a store's targets again",
  description: `For a new aggregate, or what a projector did not take before it was corrected. What a store has in the same or a newer
version it keeps, so it may run at any time. A store whose documents have changed their shape needs a rebuild.`,
  examples: [
    { line: 'distributary backfill case-search', what: 'everything' },
    { line: 'distributary backfill case-search --tenant 6f0c…', what: 'what belongs to one tenant' },
    { line: 'distributary backfill case-search --ids-file ids.txt', what: 'these, one id a line' },
  ],
  options: [
    new Option('--from <uuid>', 'keys from this one on').argParser(uuid).conflicts(['idsFile']),
    new Option('--tenant <uuid>', "this tenant's only").argParser(uuid).conflicts(['idsFile']),
    new Option('--ids-file <file>', 'these only, one id a line'),
    new Option('--rate <rows>', 'rows a second at most (default: as fast as it goes)').argParser(
      wholeNumber(1, 1_000_000),
    ),
    yesOption(),
    ...askingOptions(),
  ],

  run: ([store = ''], options, session) =>
    withOperations(options, async operations => {
      const { confirm } = await import('../terminal/confirmation.ts');
      const { showWriting } = await import('../operate/shown-run.ts');
      const { from, tenant, idsFile, rate } = options;
      const ids = idsFile === undefined ? undefined : readIds(idsFile);
      const what = ids ? `${ids.length} aggregates` : tenant ? `the aggregates of tenant ${tenant}` : 'every aggregate';
      const plan = [
        `backfill ${store}: ${what}${from ? ` from ${from} on` : ''}, where it has not the same or a newer version`,
      ];
      if (!(await confirm(`Backfill ${store}?`, plan, options.yes === true, session))) return EXIT.fine;
      const request = {
        store,
        ...(from !== undefined && { from }),
        ...(tenant !== undefined && { tenant }),
        ...(ids && { ids: [...ids] }),
        ...(rate !== undefined && { rate }),
      };
      return showWriting(operations, await operations.ask('backfill.start', request), session);
    }),
};

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function uuid(text: string): string {
  if (UUID.test(text)) return text.toLowerCase();
  throw new InvalidArgumentError('It is no UUID.');
}

/** Empty lines are passed over. */
function readIds(file: string): readonly string[] {
  let lines: readonly string[];
  try {
    lines = readFileSync(file, 'utf8').split(/\r?\n/);
  } catch (cause) {
    throw new DistributaryError('usage', `${file} cannot be read`, { hint: 'name a file with one id a line', cause });
  }
  return lines.flatMap((line, index) => {
    const id = line.trim();
    if (id === '') return [];
    if (UUID.test(id)) return [id.toLowerCase()];
    throw new DistributaryError('usage', `"${id}" is no UUID`, {
      hint: 'write one id a line',
      place: { file, line: index + 1 },
    });
  });
}

import { Option } from 'commander';
import type { AuditEntry } from '../../functions/operate/audit/audit.ts';
import { type Command, EXIT } from '../command.ts';
import { type AskingOptions, askingOptions, withOperations } from '../operate/asking.ts';
import { wholeNumber } from '../running/local-options.ts';
import { tableLines } from '../terminal/table.ts';

interface AuditOptions extends AskingOptions {
  readonly limit: number;
}

const SHOWN = 20;
/** As many as one question yields; those of one store are looked for among them. */
const MOST = 1000;

export const auditCommand: Command<AuditOptions> = {
  usage: 'audit [store]',
  summary: 'show who had what done to which store, why, and what came of it',
  description: `Every request to the operations function that changes something, from the command line, the console or a schedule,
newest first; --json has the requests whole. An outcome "asked" is of a call that died, or goes on. Of one store it shows
what is among the last ${MOST.toLocaleString('en-US')} requests.`,
  examples: [
    { line: 'distributary audit', what: `the last ${SHOWN}` },
    { line: 'distributary audit case-search --limit 100 --json', what: 'of one store, for machines' },
  ],
  options: [
    new Option('--limit <number>', 'so many at most').default(SHOWN).argParser(wholeNumber(1, MOST)),
    ...askingOptions(),
  ],

  run: ([store], { limit, ...options }, { terminal, json }) =>
    withOperations(options, async operations => {
      const noted = await operations.ask('audit.list', { limit: store === undefined ? limit : MOST });
      const entries = noted.filter(entry => store === undefined || entry.store === store).slice(0, limit);
      if (json) terminal.print(JSON.stringify(entries));
      else if (entries.length === 0)
        terminal.print(`nothing was asked for${store === undefined ? '' : ` of ${store}`}`);
      else for (const line of auditLines(entries)) terminal.print(line);
      return EXIT.fine;
    }),
};

const auditLines = (entries: readonly AuditEntry[]): readonly string[] =>
  tableLines(entries, [
    { title: 'asked', of: ({ at }) => new Date(at).toISOString().slice(0, 19) },
    { title: 'what', of: ({ operation }) => operation },
    { title: 'store', of: ({ store }) => store ?? undefined },
    { title: 'outcome', of: ({ outcome }) => outcome },
    { title: 'who', of: ({ actor }) => actor },
    { title: 'why', of: ({ reason }) => reason },
  ]);

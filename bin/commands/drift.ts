import { Option } from 'commander';
import { type Command, EXIT, type ExitCode, type Session } from '../command.ts';
import { type AskingOptions, askingOptions, withOperations } from '../operate/asking.ts';
import type { Operations } from '../operations.ts';
import { wholeNumber } from '../running/local-options.ts';

interface DriftOptions extends AskingOptions {
  readonly repair?: true;
  readonly rate?: number;
  readonly budget?: number;
}

const MAX_RATE = 1_000_000;
const MAX_BUDGET_SECONDS = 86_400;

export const driftCommand: Command<DriftOptions> = {
  usage: 'drift <store>',
  summary: 'compare a store with the canonical one, completely; --repair mends what differs',
  description: `Sums of versions and state hashes are compared key range by key range, and only unequal ranges are looked into, down
to the keys. What a change on its way explains is set apart. It takes no lock and stops nobody. --repair sends just what
differs through the store's own queue again and looks whether it landed. Exits 1 when differences remain.`,
  examples: [
    { line: 'distributary drift case-search', what: 'what is missing, extra, stale, different or should be gone' },
    { line: 'distributary drift case-search --repair', what: 'and mends it' },
    {
      line: 'distributary drift case-facts --budget 60 --rate 5000',
      what: 'a minute at most, gently; the next one goes on',
    },
  ],
  options: [
    new Option('--repair', 'publish what differs again, to this store, and verify'),
    new Option('--rate <rows>', 'rows a second that are read of the canonical store at most').argParser(
      wholeNumber(1, MAX_RATE),
    ),
    new Option('--budget <seconds>', 'end after so long; the next run with a budget goes on from there').argParser(
      wholeNumber(1, MAX_BUDGET_SECONDS),
    ),
    ...askingOptions(),
  ],

  run: ([store = ''], options, session) =>
    withOperations(options, operations => drift(operations, store, options, session)),
};

async function drift(
  operations: Operations,
  store: string,
  { repair, rate, budget }: DriftOptions,
  session: Session,
): Promise<ExitCode> {
  const { errorOf, followRun } = await import('../operate/following.ts');
  const { driftLines, driftReportOf } = await import('../operate/shown-drift.ts');
  const { terminal, json } = session;
  const run = await operations.ask('drift.start', {
    store,
    repair: repair === true,
    rate: rate ?? null,
    budgetSeconds: budget ?? null,
  });
  const ended = await followRun(operations, run, session);
  if (ended.state === 'failed') throw errorOf(ended);
  if (json) terminal.print(JSON.stringify(ended));
  if (ended.state !== 'done') {
    terminal.note(`${store}: the comparison is ${ended.state}; distributary cancel ${store} ends it`);
    return EXIT.found;
  }
  const report = driftReportOf(ended);
  if (!json) for (const line of driftLines(ended, terminal)) terminal.print(line);
  return report.mismatches > report.repaired || report.unsettled > 0 || report.beyond > 0 ? EXIT.found : EXIT.fine;
}

import { Option } from 'commander';
import { type Command, EXIT } from '../command.ts';
import { type AskingOptions, askingOptions, withOperations, yesOption } from '../operate/asking.ts';
import { counted } from '../terminal/wording.ts';

interface RetentionOptions extends AskingOptions {
  readonly dryRun?: true;
  readonly yes?: true;
}

/** Examples shown of each kind. */
const SHOWN = 10;

export const retentionCommand: Command<RetentionOptions> = {
  usage: 'retention',
  summary: 'erase the cases whose retention is over; --dry-run says which',
  description: `By the retention rule of the case's contract; what is under a legal hold stays, and is named. With it go the traces of
cases that were purged by command, and what came late of cases that were erased in the last weeks. A schedule does the same
every night. Exits 1 when a case was left or a trace was found, and with --dry-run when something is due.`,
  examples: [
    { line: 'distributary retention --dry-run', what: 'what is due, and what a hold keeps' },
    { line: 'distributary retention --yes', what: 'erase it now' },
  ],
  options: [new Option('--dry-run', 'change nothing'), yesOption(), ...askingOptions()],

  run: (_args, { dryRun, yes, ...options }, session) =>
    withOperations(options, async operations => {
      const { confirm } = await import('../terminal/confirmation.ts');
      const { showErasure } = await import('../operate/shown-erasure.ts');
      const { terminal, json } = session;
      const { run: _, ...due } = await operations.ask('retention.run', { dryRun: true });
      const plan = [
        `${counted(due.expired.length, 'case')} over, ${due.held.length} of them held: ${due.held.slice(0, SHOWN).join(', ') || 'none'}`,
        `${counted(due.purged.length, 'case')} purged by command whose traces nobody has looked for`,
        `${counted(due.erasing.length, 'case')} would be erased now, ${due.remaining} the next time`,
      ];
      if (dryRun) {
        if (json) terminal.print(JSON.stringify(due));
        else for (const line of plan) terminal.print(line);
        return due.erasing.length > 0 ? EXIT.found : EXIT.fine;
      }
      if (!(await confirm('Erase them from every store, for good?', plan, yes === true, session))) return EXIT.fine;
      const { run } = await operations.ask('retention.run', { dryRun: false });
      return run ? showErasure(operations, run, session) : EXIT.fine;
    }),
};

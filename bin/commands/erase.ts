import { InvalidArgumentError, Option } from 'commander';
import { DistributaryError } from '../../core/errors.ts';
import type { PlannedCase } from '../../functions/operate/erase/erasure-rows.ts';
import { type Command, EXIT } from '../command.ts';
import { type AskingOptions, askingOptions, withOperations, yesOption } from '../operate/asking.ts';
import { counted } from '../terminal/wording.ts';

interface EraseOptions extends AskingOptions {
  readonly tenant?: string;
  readonly yes?: true;
}

export const eraseCommand: Command<EraseOptions> = {
  usage: 'erase <case...>',
  summary: 'erase cases from every store, and prove that no trace is left',
  description: `Deletes each case with all that is only its, waits until what told of it has passed the queues, and takes its content
out of history, outbox, search, key-value tables, Parquet files and their versions, the archive, failed messages and parked
payloads; then looks everywhere. A legal hold, a retention that is not over and a case that is still worked on are left as
they are. Ids, versions, times and actors remain. Exits 1 when a case was left or a trace was found. It may be repeated.`,
  examples: [
    { line: 'distributary erase 6f0c… --reason "request 4711"', what: 'shows what it would do, and asks' },
    { line: 'distributary erase 6f0c… 7a1d… --tenant 11aa… --yes', what: "only if they are this tenant's" },
  ],
  options: [
    new Option('--tenant <uuid>', 'refuse when one of them is not of this tenant').argParser(uuid),
    yesOption(),
    ...askingOptions(),
  ],

  run: (cases, options, session) =>
    withOperations(options, async operations => {
      const { confirm } = await import('../terminal/confirmation.ts');
      const { showErasure } = await import('../operate/shown-erasure.ts');
      const ids = [...new Set(cases.map(uuidOf))];
      const { planned } = await operations.ask('erase.plan', { cases: ids, tenant: options.tenant });
      const strays = ids.filter(id => !planned.some(one => one.id === id));
      if (strays.length > 0) {
        const hint = 'leave --tenant out, or name its cases only';
        throw new DistributaryError('usage', `not of tenant ${options.tenant}: ${strays.join(', ')}`, { hint });
      }
      const going = planned.filter(({ verdict }) => verdict === 'erasable' || verdict === 'gone');
      if (going.length === 0) {
        for (const one of planned) session.terminal.note(planLine(one));
        throw new DistributaryError('run-refused', 'none of these may be erased', {
          hint: 'see what keeps each of them',
        });
      }
      const question = `Erase ${counted(going.length, 'case')} from every store, for good?`;
      if (!(await confirm(question, planned.map(planLine), options.yes === true, session))) return EXIT.fine;
      return showErasure(operations, await operations.ask('erase.start', { cases: ids }), session);
    }),
};

const WHY: Readonly<Record<PlannedCase['verdict'], string>> = {
  erasable: 'is deleted and erased; it is',
  gone: 'is deleted already; its traces are erased',
  held: 'stays: legal hold',
  retained: 'stays: to be kept until',
  open: 'stays: it is not over, but',
  unknown: 'is no case',
  departing: 'stays: it goes over to another deployment, with its tenant',
};

const planLine = ({ id, verdict, detail }: PlannedCase): string => `${id} ${WHY[verdict]} ${detail ?? ''}`.trimEnd();

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function uuid(text: string): string {
  if (UUID.test(text)) return text.toLowerCase();
  throw new InvalidArgumentError('It is no UUID.');
}

function uuidOf(text: string): string {
  if (UUID.test(text)) return text.toLowerCase();
  throw new DistributaryError('usage', `"${text}" is no case id`, { hint: 'a case id is a UUID' });
}

import { InvalidArgumentError, Option } from 'commander';
import * as z from 'zod';
import { DistributaryError } from '../../core/errors.ts';
import { type Command, EXIT } from '../command.ts';
import { type AskingOptions, askingOptions, withOperations, yesOption } from '../operate/asking.ts';
import { counted, seconds } from '../terminal/wording.ts';

interface MoveOptions extends AskingOptions {
  readonly to: string;
  readonly yes?: true;
}

const reportSchema = z.object({ cases: z.int(), parties: z.int(), durationSeconds: z.number() });
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export const tenantMoveCommand: Command<MoveOptions> = {
  usage: 'move <tenant>',
  summary: 'move all cases and parties of a tenant to another, in the canonical store and in every other',
  description: `The old tenant is suspended at once and stays so: its people see nothing from then on. Then its cases go over in parts,
each whole, with its key, history, evidence and holds, on the priority lane; the people of the new tenant see each as it
arrives, and no search ever finds one for both. It may be interrupted and started again. Ends when every store has all.`,
  examples: [{ line: 'distributary tenant move 11aa… --to 22bb… --reason "merger of 2026"', what: 'asks, and moves' }],
  options: [
    new Option('--to <tenant>', 'whose they will be').makeOptionMandatory().argParser(uuid),
    yesOption(),
    ...askingOptions(),
  ],

  run: ([tenant = ''], { to, yes, ...options }, session) =>
    withOperations(options, async operations => {
      const { confirm } = await import('../terminal/confirmation.ts');
      const { errorOf, followRun } = await import('../operate/following.ts');
      if (!UUID.test(tenant))
        throw new DistributaryError('usage', `"${tenant}" is no tenant id`, { hint: 'it is a UUID' });
      const { terminal, json } = session;
      const plan = [`${tenant} is suspended, and stays so`, `all of its cases and parties become those of ${to}`];
      if (!(await confirm('Move them, for good?', plan, yes === true, session))) return EXIT.fine;
      const from = tenant.toLowerCase();
      const run = await followRun(operations, await operations.ask('tenant.move', { from, to }), session);
      if (json) terminal.print(JSON.stringify(run));
      if (run.state === 'failed') throw errorOf(run);
      if (run.state !== 'done') return EXIT.found;
      const { cases, parties, durationSeconds } = reportSchema.parse(run.report);
      const what = `${counted(cases, 'case')} and ${parties} ${parties === 1 ? 'party' : 'parties'}`;
      if (!json) terminal.print(`${what} moved in ${seconds(durationSeconds)}; every store has them`);
      return EXIT.fine;
    }),
};

function uuid(text: string): string {
  if (UUID.test(text)) return text.toLowerCase();
  throw new InvalidArgumentError('It is no UUID.');
}

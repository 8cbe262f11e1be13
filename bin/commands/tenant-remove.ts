import * as z from 'zod';
import { type Command, EXIT } from '../command.ts';
import { type AskingOptions, askingOptions, withOperations, yesOption } from '../operate/asking.ts';
import { counted, seconds } from '../terminal/wording.ts';

const reportSchema = z.object({ cases: z.int(), parties: z.int(), notErased: z.int(), durationSeconds: z.number() });

export const tenantRemoveCommand: Command<AskingOptions & { readonly yes?: true }> = {
  usage: 'remove <folder>',
  summary: 'erase a tenant from where it comes from, once it is open elsewhere',
  description: `The last step. Cases and parties are deleted with all that is theirs, holds that have gone along included, and erased
from every store, the archive too: take a copy of that before, if its former versions have to be kept. The tenant's name and
its memberships stay, suspended. Exits 1 when something is not erased after half an hour without progress.`,
  examples: [{ line: 'distributary tenant remove ./bundle', what: 'asks, and removes' }],
  options: [yesOption(), ...askingOptions()],

  run: ([folder = ''], { yes, ...options }, session) =>
    withOperations(options, async operations => {
      const { confirm } = await import('../terminal/confirmation.ts');
      const { errorOf, followRun } = await import('../operate/following.ts');
      const { Bundle } = await import('../transfer/bundle.ts');
      const { mustBeDone, runUnderWay } = await import('../transfer/steps.ts');
      const { terminal, json } = session;
      const { manifest, index } = Bundle.open(folder);
      mustBeDone(index.openedAt, `${folder} is not open elsewhere`, 'distributary tenant open, where it was imported');
      const plan = [`all of ${manifest.name} is erased here, from every store`];
      if (!(await confirm('Remove it, for good?', plan, yes === true, session))) return EXIT.fine;
      const { departure } = index;
      const begun =
        (await runUnderWay(operations, departure, 'tenant-remove')) ??
        (await operations.ask('tenant.remove', { departure }));
      const run = await followRun(operations, begun, session);
      if (json) terminal.print(JSON.stringify(run));
      if (run.state === 'failed') throw errorOf(run);
      if (run.state !== 'done') return EXIT.found;
      const { cases, notErased, durationSeconds } = reportSchema.parse(run.report);
      if (!json)
        terminal.print(`${counted(cases, 'case')} removed in ${seconds(durationSeconds)}; ${notErased} not erased yet`);
      return notErased === 0 ? EXIT.fine : EXIT.found;
    }),
};

import * as z from 'zod';
import { type Command, EXIT } from '../command.ts';
import { type AskingOptions, askingOptions, withOperations } from '../operate/asking.ts';
import { counted, seconds } from '../terminal/wording.ts';
import { keyOption } from '../transfer/options.ts';

const reportSchema = z.object({ rows: z.int(), durationSeconds: z.number() });

export const tenantOpenCommand: Command<AskingOptions & { readonly key: string }> = {
  usage: 'open <folder>',
  summary: 'let an imported tenant in, once it is closed where it comes from',
  description: `The fourth step. Its rows go in part by part, and reach every store like any change; once each table has the counts and
digests of the export, and every store all of it, its people may come in. Interrupted, it goes on.`,
  examples: [{ line: 'distributary tenant open ./bundle --key ./bundle.key', what: 'and says when it is open' }],
  options: [keyOption(), ...askingOptions()],

  run: ([folder = ''], { key, ...options }, session) =>
    withOperations(options, async operations => {
      const { errorOf, followRun } = await import('../operate/following.ts');
      const { Bundle } = await import('../transfer/bundle.ts');
      const { runUnderWay } = await import('../transfer/steps.ts');
      const { terminal, json } = session;
      const bundle = Bundle.open(folder, key);
      const { departure } = bundle.index;
      const receipt = await bundle.readReceipt();
      const begun =
        (await runUnderWay(operations, departure, 'tenant-open')) ??
        (await operations.ask('tenant.open', { departure, receipt }));
      const run = await followRun(operations, begun, session);
      if (json) terminal.print(JSON.stringify(run));
      if (run.state === 'failed') throw errorOf(run);
      if (run.state !== 'done') return EXIT.found;
      bundle.note({ openedAt: new Date().toISOString() });
      const { rows, durationSeconds } = reportSchema.parse(run.report);
      const words = `${counted(rows, 'row')} let in within ${seconds(durationSeconds)}, each table as it was; it is open here`;
      if (!json) terminal.print(`${words}\nnext: tenant remove, where it comes from`);
      return EXIT.fine;
    }),
};

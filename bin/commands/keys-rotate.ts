import * as z from 'zod';
import { type Command, EXIT } from '../command.ts';
import { type AskingOptions, askingOptions, withOperations } from '../operate/asking.ts';
import { counted, seconds } from '../terminal/wording.ts';

const reportSchema = z.object({
  durationSeconds: z.number(),
  seen: z.int(),
  rewritten: z.int(),
  complete: z.boolean(),
});

export const keysRotateCommand: Command<AskingOptions> = {
  usage: 'rotate <store>',
  summary: 'put every protected value of a store under the current key',
  description: `Deploy the new key in front of the others first: what is written from then on is under it, and all of them open what
is read. This puts the rest under it, while readers and writers go on; it may be interrupted and started again. When it
says that nothing is left under a former key, that one can be taken away. Exits 1 while something may be.`,
  examples: [{ line: 'distributary keys rotate case-timeline', what: 'and says how far it is' }],
  options: askingOptions(),

  run: ([store = ''], options, session) =>
    withOperations(options, async operations => {
      const { errorOf, followRun } = await import('../operate/following.ts');
      const { terminal, json } = session;
      const run = await followRun(operations, await operations.ask('keys.rotate', { store }), session);
      if (json) terminal.print(JSON.stringify(run));
      if (run.state === 'failed') throw errorOf(run);
      if (run.state !== 'done') return EXIT.found;
      const { rewritten, durationSeconds, complete } = reportSchema.parse(run.report);
      const left = complete ? 'nothing is left under a former key' : 'a writer still uses a former key: run it again';
      if (!json) terminal.print(`${counted(rewritten, 'document')} rewritten in ${seconds(durationSeconds)}; ${left}`);
      return complete ? EXIT.fine : EXIT.found;
    }),
};

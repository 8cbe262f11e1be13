import { type Command, EXIT } from '../command.ts';
import { type AskingOptions, askingOptions, withOperations } from '../operate/asking.ts';
import { tableLines } from '../terminal/table.ts';
import { count } from '../terminal/wording.ts';

const SHOWN = 20;

export const runsCommand: Command<AskingOptions> = {
  usage: 'runs <store>',
  summary: 'show what is and was under way for a store',
  description: `Rebuilds, backfills, replays and comparisons, newest first, with who asked for them and why; --json shows their
reports. Exits 1 when the last one has failed and waits.`,
  examples: [{ line: 'distributary runs case-search', what: 'the last twenty' }],
  options: askingOptions(),

  run: ([store = ''], options, { terminal, json }) =>
    withOperations(options, async operations => {
      const runs = await operations.ask('run.list', { store, limit: SHOWN });
      if (json) terminal.print(JSON.stringify(runs));
      else if (runs.length === 0) terminal.print(`nothing was ever under way for ${store}`);
      else {
        const lines = tableLines(runs, [
          { title: 'begun', of: ({ startedAt }) => new Date(startedAt).toISOString().slice(0, 19) },
          { title: 'what', of: ({ operation }) => operation },
          { title: 'state', of: ({ state }) => state },
          { title: 'step', of: ({ step }) => step },
          { title: 'done', of: ({ progress: { done, unit } }) => `${count(done)} ${unit}` },
          { title: 'who', of: ({ actor }) => actor },
          { title: 'why', of: ({ reason }) => reason },
        ]);
        for (const line of lines) terminal.print(line);
        const [{ error } = { error: null }] = runs;
        if (error) terminal.print(`${error.message} (${error.code})\n  hint: ${error.hint}`);
      }
      return runs[0]?.state === 'failed' ? EXIT.found : EXIT.fine;
    }),
};

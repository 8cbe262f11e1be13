import { Option } from 'commander';
import type { FailureReason } from '../../functions/operate/failures/failures-redrive.ts';
import { type Command, EXIT } from '../command.ts';
import { type AskingOptions, askingOptions, withOperations } from '../operate/asking.ts';
import { tableLines } from '../terminal/table.ts';
import { counted } from '../terminal/wording.ts';

interface RedriveOptions extends AskingOptions {
  readonly all?: true;
  readonly code?: string;
  readonly key?: string;
  readonly id?: string;
}

export const redriveCommand: Command<RedriveOptions> = {
  usage: 'redrive <store>',
  summary: "list why a store's changes failed, and send them back",
  description: `Without --all, --code, --key or --id it only lists the reasons. What is sent back goes through the projector again:
what still fails returns with its reason and its history, what was overtaken falls out by its version. Exits 1 when failed changes remain.`,
  examples: [
    { line: 'distributary redrive case-search', what: 'the reasons, most frequent first' },
    { line: 'distributary redrive case-search --code projector-threw', what: 'after the projector was corrected' },
    { line: 'distributary redrive case-search --all', what: 'everything' },
  ],
  options: [
    new Option('--all', 'send back every failed change').conflicts(['code', 'key', 'id']),
    new Option('--code <code>', 'send back what failed with this error code'),
    new Option('--key <uuid>', 'send back what failed of this aggregate'),
    new Option('--id <failure>', 'send back this one'),
    ...askingOptions(),
  ],

  run: ([store = ''], { all = false, code, key, id, ...asking }, { terminal, json }) =>
    withOperations(asking, async operations => {
      const chosen = {
        all,
        ...(code !== undefined && { code }),
        ...(key !== undefined && { key }),
        ...(id !== undefined && { id }),
      };
      const answer = await operations.ask('failures.redrive', { store, ...chosen });
      const { sent, left } = answer;
      if (json) terminal.print(JSON.stringify(answer));
      else for (const line of reportLines(store, sent, left)) terminal.print(line);
      return left.length > 0 ? EXIT.found : EXIT.fine;
    }),
};

function reportLines(store: string, sent: number, left: readonly FailureReason[]): readonly string[] {
  const lines = sent > 0 ? [`${counted(sent, 'change')} sent back to ${store}`] : [];
  if (left.length === 0) return sent > 0 ? lines : [`nothing has failed in ${store}`];
  const table = tableLines(left, [
    { title: 'failed', of: ({ count }) => count },
    { title: 'code', of: ({ code }) => code },
    { title: 'for example', of: ({ example }) => [example.change, example.key].filter(Boolean).join(' ') },
    { title: 'reason', of: ({ example }) => example.reason },
    { title: 'failed before', of: ({ example }) => example.history.map(({ code }) => code).join(', ') },
  ]);
  return [...lines, ...table, ...left.map(({ code, hint }) => `${code}: ${hint}`)];
}

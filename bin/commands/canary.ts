import { Option } from 'commander';
import type { CanaryView } from '../../functions/operate/shadow/canary.ts';
import { type Command, EXIT } from '../command.ts';
import { type AskingOptions, askingOptions, withOperations } from '../operate/asking.ts';
import { wholeNumber } from '../running/local-options.ts';

interface CanaryOptions extends AskingOptions {
  readonly candidate?: string;
  readonly share?: number;
  readonly useCase?: readonly string[];
  readonly off?: true;
}

export const canaryCommand: Command<CanaryOptions> = {
  usage: 'canary <store>',
  summary: 'send a share of the reads, or named use cases, to another target; --off takes it back',
  description: `The other target receives every write already: one that a rebuild has made, or the one before it. Without options it
shows where reads go. In force after five seconds, and so is its end. A reader who is known stays with one target.`,
  examples: [
    { line: 'distributary canary case-search --share 5', what: 'one reader in twenty' },
    { line: 'distributary canary case-search --use-case supervisor_case_filtering', what: 'one use case as a whole' },
    { line: 'distributary canary case-search --off', what: 'everyone back' },
  ],
  options: [
    new Option('--candidate <target>', 'which target (default: the only other one)'),
    new Option('--share <percent>', 'of a hundred readers so many').argParser(wholeNumber(0, 100)),
    new Option('--use-case <names...>', "use cases of the store's contract"),
    new Option('--off', 'every read goes to the current target').conflicts(['candidate', 'share', 'useCase']),
    ...askingOptions(),
  ],

  run: ([store = ''], { candidate, share, useCase, off, ...asking }, { terminal, json }) =>
    withOperations(asking, async operations => {
      const changes = off ?? (share !== undefined || useCase !== undefined);
      const view = changes
        ? await operations.ask('canary.set', {
            store,
            percent: share ?? 0,
            useCases: [...(useCase ?? [])],
            ...(candidate !== undefined && { candidate }),
          })
        : await operations.ask('canary.read', { store });
      if (json) terminal.print(JSON.stringify(view));
      else for (const line of viewLines(view)) terminal.print(line);
      return EXIT.fine;
    }),
};

function* viewLines({ store, current, candidates, canary, lastReads }: CanaryView): Iterable<string> {
  if (canary) {
    const parts = [
      ...(canary.percent > 0 ? [`${canary.percent}% of the readers`] : []),
      ...(canary.useCases.length > 0 ? [canary.useCases.join(', ')] : []),
    ];
    yield `${parts.join(' and ')} of ${store} read ${canary.candidate}, the others ${current ?? 'nothing'}`;
  } else yield `every reader of ${store} reads ${current ?? 'nothing'}`;
  if (candidates.length > 0) yield `kept up to date besides: ${candidates.join(', ')}`;
  for (const [useCase, at] of Object.entries(lastReads)) yield `  ${useCase} last read at ${at}`;
}

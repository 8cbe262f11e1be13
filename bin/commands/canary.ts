import { Option } from 'commander';
import type { CanaryView } from '../../functions/operate/shadow/canary.ts';
import { type Command, EXIT } from '../command.ts';
import { type AskingOptions, askingOptions, withOperations, yesOption } from '../operate/asking.ts';
import { wholeNumber } from '../running/local-options.ts';

interface CanaryOptions extends AskingOptions {
  readonly candidate?: string;
  readonly share?: number;
  readonly useCase?: readonly string[];
  readonly off?: true;
  readonly yes?: true;
}

export const canaryCommand: Command<CanaryOptions> = {
  usage: 'canary <store>',
  summary: 'send a share of the reads, or named use cases, to another target; --off takes it back',
  description: `The other target receives every write already: one that a rebuild has made, or the one before it. Without options it
shows where reads go. In force after five seconds, and so is its end. A reader who is known stays with one target.`,
  examples: [
    { line: 'distributary canary case-search --share 5', what: 'one reader in twenty; asks before' },
    { line: 'distributary canary case-search --use-case supervisor_case_filtering', what: 'one use case as a whole' },
    { line: 'distributary canary case-search --off', what: 'everyone back' },
  ],
  options: [
    new Option('--candidate <target>', 'which target (default: the only other one)'),
    new Option('--share <percent>', 'of a hundred readers so many').argParser(wholeNumber(0, 100)),
    new Option('--use-case <names...>', "use cases of the store's contract"),
    new Option('--off', 'every read goes to the current target').conflicts(['candidate', 'share', 'useCase']),
    yesOption(),
    ...askingOptions(),
  ],

  run: ([store = ''], { candidate, share, useCase, off, yes, ...asking }, session) =>
    withOperations(asking, async operations => {
      const { confirm } = await import('../terminal/confirmation.ts');
      const { terminal, json } = session;
      let view = await operations.ask('canary.read', { store });
      if (off ?? (share !== undefined || useCase !== undefined)) {
        const wanted = { percent: share ?? 0, useCases: [...(useCase ?? [])] };
        const plan = [
          `now: ${readersOf(view)}`,
          `then: ${readersOf({ ...view, canary: canaryOf(wanted, candidate, view) })}`,
        ];
        if (!(await confirm(`Move readers of ${store}?`, plan, yes === true, session))) return EXIT.fine;
        view = await operations.ask('canary.set', { store, ...wanted, ...(candidate !== undefined && { candidate }) });
      }
      if (json) terminal.print(JSON.stringify(view));
      else for (const line of viewLines(view)) terminal.print(line);
      return EXIT.fine;
    }),
};

/** As it will be, if nobody makes or removes a target meanwhile. */
function canaryOf(
  wanted: { readonly percent: number; readonly useCases: string[] },
  candidate: string | undefined,
  { candidates }: CanaryView,
): CanaryView['canary'] {
  if (wanted.percent === 0 && wanted.useCases.length === 0) return null;
  return { ...wanted, candidate: candidate ?? (candidates.join(' or ') || 'another target') };
}

function readersOf({ store, current, canary }: CanaryView): string {
  if (!canary) return `every reader of ${store} reads ${current ?? 'nothing'}`;
  const parts = [
    ...(canary.percent > 0 ? [`${canary.percent}% of the readers`] : []),
    ...(canary.useCases.length > 0 ? [canary.useCases.join(', ')] : []),
  ];
  return `${parts.join(' and ')} of ${store} read ${canary.candidate}, the others ${current ?? 'nothing'}`;
}

function* viewLines(view: CanaryView): Iterable<string> {
  const { candidates, lastReads } = view;
  yield readersOf(view);
  if (candidates.length > 0) yield `kept up to date besides: ${candidates.join(', ')}`;
  for (const [useCase, at] of Object.entries(lastReads)) yield `  ${useCase} last read at ${at}`;
}

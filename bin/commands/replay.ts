import { InvalidArgumentError, Option } from 'commander';
import { type Command, EXIT } from '../command.ts';
import { type AskingOptions, askingOptions, withOperations, yesOption } from '../operate/asking.ts';
import { wholeNumber } from '../running/local-options.ts';

interface ReplayOptions extends AskingOptions {
  readonly since: number;
  readonly rate?: number;
  readonly yes?: true;
}

export const replayCommand: Command<ReplayOptions> = {
  usage: 'replay <store>',
  summary: "write the outbox's changes into a store's targets again",
  description: `Each change as it was committed, from a time on and as far back as the outbox is kept. What a store has in a newer
version it keeps; one that keeps history gets the versions that it has missed.`,
  examples: [
    { line: 'distributary replay case-facts --since 2h', what: 'the last two hours' },
    { line: 'distributary replay case-facts --since 2026-03-01T00:00:00Z', what: 'from a time on' },
  ],
  options: [
    new Option('--since <time>', 'a time, or how long ago: 90m, 12h, 3d').argParser(instant).makeOptionMandatory(),
    new Option('--rate <rows>', 'changes a second at most (default: as fast as it goes)').argParser(
      wholeNumber(1, 1_000_000),
    ),
    yesOption(),
    ...askingOptions(),
  ],

  run: ([store = ''], { since, rate, yes = false, ...asking }, session) =>
    withOperations(asking, async operations => {
      const { confirm } = await import('../terminal/confirmation.ts');
      const { showWriting } = await import('../operate/shown-run.ts');
      const plan = [
        `replay ${store}: what was committed since ${new Date(since).toISOString()} and is still in the outbox`,
      ];
      if (!(await confirm(`Replay into ${store}?`, plan, yes, session))) return EXIT.fine;
      const request = { store, since, ...(rate !== undefined && { rate }) };
      return showWriting(operations, await operations.ask('replay.start', request), session);
    }),
};

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds since 1970. */
function instant(text: string): number {
  const [, amount, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const at = amount === undefined ? Date.parse(text) : Date.now() - Number(amount) * UNITS[unit!]!;
  if (Number.isFinite(at) && at >= 0) return at;
  throw new InvalidArgumentError('It is no time such as 2026-03-01T00:00:00Z, and no 90m, 12h or 3d.');
}

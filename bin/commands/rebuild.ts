import { InvalidArgumentError, Option } from 'commander';
import type { Run } from '../../functions/operate/runs/run.ts';
import { type Command, EXIT, type ExitCode, type Session } from '../command.ts';
import { type AskingOptions, askingOptions, withOperations, yesOption } from '../operate/asking.ts';
import type { Operations } from '../operations.ts';
import { wholeNumber } from '../running/local-options.ts';

interface RebuildOptions extends AskingOptions {
  readonly rate?: number;
  readonly rollbackWindow: number;
  readonly accept?: true;
  readonly pause?: true;
  readonly resume?: true;
  readonly yes?: true;
}

const DEFAULT_WINDOW_SECONDS = 86_400;

export const rebuildCommand: Command<RebuildOptions> = {
  usage: 'rebuild <store>',
  summary: 'make a store again from the canonical store, while it serves',
  description: `A second target is made from the present contract and filled while live changes go to both; then it is compared with
the canonical store and takes the first one's place in one step. Readers never see less. Run again it shows a rebuild that is under way. Ctrl-C leaves it going.
Exits 1 when it found differences and has not cut over.`,
  examples: [
    { line: 'distributary rebuild case-search', what: 'shows the plan and asks' },
    {
      line: 'distributary rebuild case-search --rate 2000 --rollback-window 7d --yes',
      what: 'gently, and with a week to go back',
    },
    { line: 'distributary rebuild case-search --pause', what: 'let it rest; --resume goes on' },
  ],
  options: [
    new Option('--rate <rows>', 'rows a second at most (default: as fast as it goes)').argParser(
      wholeNumber(1, 1_000_000),
    ),
    new Option('--rollback-window <time>', 'how long one can go back, such as 90s, 12h or 7d')
      .default(DEFAULT_WINDOW_SECONDS, '1d')
      .argParser(duration),
    new Option('--accept', 'cut over although it differs from the canonical store'),
    new Option('--pause', 'let the rebuild under way rest').conflicts(['resume']),
    new Option('--resume', 'go on with a rebuild that rests or has failed'),
    yesOption(),
    ...askingOptions(),
  ],

  run: ([store = ''], options, session) =>
    withOperations(options, async operations => {
      if (options.pause) return pause(operations, store, session);
      const run = options.resume
        ? await resumed(operations, store, options, session)
        : await begun(operations, store, options, session);
      return run ? follow(operations, run, session) : EXIT.fine;
    }),
};

async function pause(operations: Operations, store: string, { terminal, json }: Session): Promise<ExitCode> {
  const run = await operations.ask('run.pause', { store });
  if (json) terminal.print(JSON.stringify(run));
  else terminal.print(`${store}: the rebuild rests at ${run.step}; --resume goes on, live changes reach both targets`);
  return EXIT.fine;
}

/** As it was; what it differs by is accepted only by somebody who has read it. */
async function resumed(operations: Operations, store: string, options: RebuildOptions, session: Session) {
  const accept = options.accept === true;
  if (accept) {
    const { confirm } = await import('../terminal/confirmation.ts');
    const run = await operations.ask('run.read', { store });
    const lines = [
      `rebuild ${store} goes on at ${run?.step}; readers move to what it has made although it differs`,
      ...(run?.error ? [`  ${run.error.message}`] : []),
    ];
    if (!(await confirm(`Accept the differences?`, lines, options.yes === true, session))) return undefined;
  }
  return operations.ask('run.resume', { store, accept });
}

/** The one under way, or a new one once its plan is agreed to. */
async function begun(operations: Operations, store: string, options: RebuildOptions, session: Session) {
  const { confirm } = await import('../terminal/confirmation.ts');
  const plan = await operations.ask('rebuild.plan', { store });
  if (plan.underWay?.operation === 'rebuild') return plan.underWay;
  const lines = [
    `rebuild ${store} (${plan.engine}): a new target beside ${plan.current}, made of ${plan.rows.toLocaleString('en-US')} ${plan.aggregates.join(', ')} rows`,
    `  readers move ${options.accept ? 'even if it differs from' : 'when it equals'} the canonical store; one can go back until the rollback window ends`,
    ...plan.drops.map(name => `  ${name}, from before, is removed: no way back to it`),
    ...(plan.keepsHistory ? ['  of its history it takes what the outbox still holds; older versions are lost'] : []),
  ];
  if (!(await confirm(`Rebuild ${store}?`, lines, options.yes === true, session))) return undefined;
  const { rate, rollbackWindow: rollbackWindowSeconds, accept = false } = options;
  return operations.ask('rebuild.start', { store, rollbackWindowSeconds, accept, ...(rate !== undefined && { rate }) });
}

async function follow(operations: Operations, run: Run, session: Session): Promise<ExitCode> {
  const { errorOf, followRun } = await import('../operate/following.ts');
  const { rebuildLines } = await import('../operate/shown-report.ts');
  const { terminal, json } = session;
  const ended = await followRun(operations, run, session);
  if (json) terminal.print(JSON.stringify(ended));
  else if (ended.report) for (const line of rebuildLines(ended, terminal)) terminal.print(line);
  if (ended.state === 'running') terminal.note(`it goes on; distributary rebuild ${run.store} shows it again`);
  if (ended.state === 'paused') terminal.note(`it rests; distributary rebuild ${run.store} --resume goes on`);
  if (ended.state === 'cancelled') terminal.note(`cancelled: ${run.store} is as it was`);
  if (ended.state !== 'failed') return ended.state === 'done' ? EXIT.fine : EXIT.found;
  const error = errorOf(ended);
  if (error.code !== 'rebuild-unproven') throw error;
  return EXIT.found;
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
const MAX_WINDOW_SECONDS = 30 * 86_400;

function duration(text: string): number {
  const [, amount, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const value = Number(amount) * (UNITS[unit ?? ''] ?? Number.NaN);
  if (value <= MAX_WINDOW_SECONDS) return value;
  throw new InvalidArgumentError('It is no time of at most 30d, such as 90s, 12h or 7d.');
}

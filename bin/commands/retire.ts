import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import { RETIRE_STEPS, type RetireStatus, type RetireStep } from '../../core/retire.ts';
import type { RetireView } from '../../functions/operate/retire/retire.ts';
import { type Command, EXIT, type ExitCode, type Session } from '../command.ts';
import { type AskingOptions, askingOptions, withOperations, yesOption } from '../operate/asking.ts';
import type { Operations } from '../operations.ts';
import type { Terminal } from '../terminal/terminal.ts';

interface RetireOptions extends AskingOptions {
  readonly replacement?: string;
  readonly archive?: string;
  readonly approve?: string;
  readonly notBefore?: number;
  readonly attest?: readonly RetireStep[];
  readonly quietDays: number;
  readonly next?: true;
  readonly yes?: true;
}

/** Where people and tools look a store up. */
const DOCUMENTED_IN = ['README.md', 'ARCHITECTURE.md', 'docs', 'contracts'];
const DEFAULT_QUIET_DAYS = 30;

export const retireCommand: Command<RetireOptions> = {
  usage: 'retire <store>',
  summary: 'take a store out of service, in ten steps that are done or verified and recorded',
  description: `Shows how far it is. --next does the step that is due, and asks before one that cannot be taken back. What the tool
cannot see somebody can vouch for with --attest, and --reason goes into the audit log. Exits 0 when all ten are done.`,
  examples: [
    { line: 'distributary retire case-timeline', what: 'the checklist' },
    {
      line: 'distributary retire case-timeline --replacement case-search --archive s3://archive/case-timeline --next',
      what: 'decides, and does what is due',
    },
    { line: 'distributary retire case-timeline --approve "Records office" --next', what: 'deletes what was archived' },
  ],
  options: [
    new Option('--replacement <store>', 'what its consumers read instead'),
    new Option('--archive <url>', 'where a copy goes: s3://bucket/prefix'),
    new Option('--approve <name>', 'who approves of the deletion'),
    new Option('--not-before <date>', 'when retention allows the deletion, such as 2027-01-31').argParser(date),
    new Option('--attest <steps...>', 'vouch for steps').choices(RETIRE_STEPS.map(({ id }) => id)),
    new Option('--quiet-days <days>', 'a consumer that has not read for so long has moved')
      .default(DEFAULT_QUIET_DAYS)
      .argParser(days),
    new Option('--next', 'do the step that is due'),
    yesOption(),
    ...askingOptions(),
  ],

  run: ([store = ''], options, session) =>
    withOperations(options, operations => retire(operations, store, options, session)),
};

async function retire(
  operations: Operations,
  store: string,
  options: RetireOptions,
  session: Session,
): Promise<ExitCode> {
  const looking = { store, quietDays: options.quietDays, documentedIn: [...filesNaming(store)] };
  let view = await decide(operations, looking, options);
  const open = view.steps.find(({ state }) => state.kind !== 'done');
  if (options.next && open?.state.kind === 'due') {
    const { what, destructive } = open.state;
    const { confirm } = await import('../terminal/confirmation.ts');
    const plan = [`${open.title}: ${what}`];
    if (!destructive || (await confirm(`Do it to ${store}?`, plan, options.yes === true, session))) {
      view = await operations.ask('retire.step', { ...looking, step: open.step });
      if (open.step === 'archive') view = await archived(operations, looking, session);
    }
  }
  const { terminal, json } = session;
  if (json) terminal.print(JSON.stringify(view));
  else for (const line of viewLines(view, terminal)) terminal.print(line);
  return view.steps.every(({ state }) => state.kind === 'done') ? EXIT.fine : EXIT.found;
}

interface Looking {
  readonly store: string;
  readonly quietDays: number;
  readonly documentedIn: string[];
}

function decide(operations: Operations, looking: Looking, options: RetireOptions): Promise<RetireView> {
  const { replacement, archive, approve, attest, notBefore = 0 } = options;
  if (![replacement, archive, approve, attest].some(decision => decision !== undefined)) {
    return operations.ask('retire.read', looking);
  }
  return operations.ask('retire.decide', {
    ...looking,
    ...(replacement !== undefined && { replacement }),
    ...(archive !== undefined && { archive }),
    ...(approve !== undefined && { approve: { by: approve, notBefore } }),
    attest: [...(attest ?? [])],
  });
}

async function archived(operations: Operations, looking: Looking, session: Session): Promise<RetireView> {
  const { errorOf, followRun } = await import('../operate/following.ts');
  const run = await operations.ask('run.read', { store: looking.store });
  if (run) {
    const ended = await followRun(operations, run, session);
    if (ended.state === 'failed') throw errorOf(ended);
  }
  return operations.ask('retire.read', looking);
}

/** The repository is here, not where the operations function is. */
function* filesNaming(store: string): Iterable<string> {
  const naming = new RegExp(`(?<![a-z0-9-])${store}(?![a-z0-9-])`);
  for (const place of DOCUMENTED_IN) {
    for (const file of textFiles(place)) if (naming.test(readFileSync(file, 'utf8'))) yield file;
  }
}

function textFiles(place: string): readonly string[] {
  try {
    return readdirSync(place, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile() && /\.(md|ya?ml|json)$/.test(entry.name))
      .map(entry => join(entry.parentPath, entry.name));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    if (code === 'ENOTDIR') return [place];
    throw error;
  }
}

function* viewLines({ store, steps, did }: RetireView, { paint }: Terminal): Iterable<string> {
  for (const [index, status] of steps.entries()) {
    yield `${String(index + 1).padStart(2)} ${markOf(status, paint)} ${status.title}: ${wordsOf(status)}`;
    if (status.state.kind === 'blocked') yield `           ${status.state.todo}`;
  }
  if (did !== null) yield `done just now: ${did}`;
  const open = steps.find(({ state }) => state.kind !== 'done');
  if (!open) yield paint('good', `${store} has been retired`);
  else if (open.state.kind === 'due') yield `distributary retire ${store} --next does step "${open.title}"`;
}

const wordsOf = ({ state }: RetireStatus): string => (state.kind === 'done' ? state.evidence : state.what);

function markOf({ state }: RetireStatus, paint: Terminal['paint']): string {
  if (state.kind === 'done') return paint('good', 'done   ');
  return state.kind === 'due' ? paint('strong', 'due    ') : paint('warning', 'blocked');
}

function date(text: string): number {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) throw new InvalidArgumentError('It is no date such as 2027-01-31.');
  return at;
}

function days(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 3650)) throw new InvalidArgumentError('It is no number of days.');
  return value;
}

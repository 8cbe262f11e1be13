import { Command as Commander, CommanderError } from 'commander';
import { DistributaryError } from '../core/errors.ts';
import { FileDefects } from '../core/yaml.ts';
import { type Command, EXIT, type ExitCode, type Session } from './command.ts';
import type { Terminal } from './terminal/terminal.ts';

export interface CommandLine {
  readonly name: string;
  readonly version: string;
  readonly summary: string;
  // biome-ignore lint/suspicious/noExplicitAny: each command knows its own options; commander has checked them
  readonly commands: readonly Command<any>[];
}

export interface Surroundings {
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  /** Shows stack traces, for those who look for a defect of ours. */
  readonly debug: boolean;
}

/** Runs one command and yields the exit code; every error has been shown. */
export async function runCommandLine(
  line: CommandLine,
  args: readonly string[],
  surroundings: Surroundings,
): Promise<ExitCode> {
  const json = args.includes('--json');
  let code: ExitCode = EXIT.fine;
  const program = programOf(line, surroundings.terminal, async run => {
    code = await run({ terminal: surroundings.terminal, signal: surroundings.signal, json });
  });
  try {
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync(groupFirst(line, args), { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.fine;
    if (surroundings.signal.aborted && error === surroundings.signal.reason) {
      surroundings.terminal.note('interrupted');
      return EXIT.error;
    }
    show(error instanceof CommanderError ? usageError(error, line, args) : error, json, surroundings);
    return EXIT.error;
  }
}

const HELP = 'help';
const nameOf = ({ usage }: Command): string => usage.split(' ')[0]!;

/** The command that the arguments begin with, and behind it, in a group, the one that is meant: as far as there are such. */
function calledBy({ commands }: CommandLine, args: readonly string[]): readonly Command[] {
  const [first, second] = args.filter(word => word !== HELP);
  const command = commands.find(known => nameOf(known) === first);
  const inner = command?.commands?.find(known => nameOf(known) === second);
  return [command, inner].filter(called => called !== undefined);
}

/** Where help for these arguments is found. */
const helpOf = (line: CommandLine, args: readonly string[]): string =>
  [line.name, ...calledBy(line, args).map(nameOf), '--help'].join(' ');

/** Commander gives help of one word: of what is in a group the group gives it. */
function groupFirst(line: CommandLine, args: readonly string[]): readonly string[] {
  const [help, group, ...rest] = args;
  const isOfGroup = help === HELP && rest.length > 0 && calledBy(line, args)[0]?.commands !== undefined;
  return isOfGroup ? [group!, HELP, ...rest] : args;
}

type Start = (run: (session: Session) => Promise<ExitCode>) => Promise<void>;

function programOf({ name, version, summary, commands }: CommandLine, terminal: Terminal, start: Start): Commander {
  const program = new Commander(name).description(summary).version(version, '-V, --version', 'print the version');
  program.helpOption('-h, --help', 'show help').helpCommand('help [command]', 'show help of a command');
  const examples = commands.flatMap(command => command.examples.slice(0, 1));
  settle(program, terminal).addHelpText('after', exampleText(examples));
  for (const command of commands) addCommand(program, command, terminal, start);
  return program;
}

/** Within a paragraph, which the terminal breaks by its own width; what is indented stands as it was written. */
const INNER_BREAK = /(?<=\S)\n(?=\S)/g;

function addCommand(parent: Commander, command: Command, terminal: Terminal, start: Start): void {
  const sub = parent.command(command.usage).summary(command.summary);
  sub.description([command.summary, command.description?.replaceAll(INNER_BREAK, ' ')].filter(Boolean).join('\n\n'));
  for (const option of command.options) sub.addOption(option);
  sub.helpOption('-h, --help', 'show help');
  settle(sub, terminal).addHelpText('after', exampleText(command.examples));
  if (command.commands) {
    sub.addHelpText('after', '\nEach of them takes --json, and has a --help of its own.');
    for (const inner of command.commands) addCommand(sub, inner, terminal, start);
  } else {
    sub.option('--json', 'print the result as JSON');
    sub.action(async () => start(session => command.run(sub.args, sub.opts(), session)));
  }
}

/** Errors are thrown to us instead of printed; help goes where results go. */
const settle = (program: Commander, terminal: Terminal): Commander =>
  program
    .exitOverride()
    .allowExcessArguments(false)
    .configureOutput({ writeOut: text => terminal.print(text.trimEnd()), writeErr: () => {}, outputError: () => {} });

function exampleText(examples: Command['examples']): string {
  const width = Math.max(0, ...examples.map(({ line }) => line.length));
  return ['', 'Examples:', ...examples.map(({ line, what }) => `  ${line.padEnd(width)}  ${what}`)].join('\n');
}

/** `error: unknown command 'imprt'\n(Did you mean import?)` becomes an error of the table, with the command that helps. */
function usageError({ code, message }: CommanderError, line: CommandLine, args: readonly string[]): DistributaryError {
  const [what = message, suggestion] =
    code === 'commander.help' ? [helpShown(args)] : message.replace(/^error: /, '').split('\n');
  const hint = suggestion?.replace(/^\(Did you mean (.*)\?\)$/, 'did you mean $1?');
  return new DistributaryError('usage', what, { hint: [hint, `see ${helpOf(line, args)}`].filter(Boolean).join(' ') });
}

/** Why commander showed help instead of doing anything: for a name that there is not, or for a group alone. */
const helpShown = (args: readonly string[]): string =>
  args.slice(0, 2).includes(HELP) ? 'there is no such command' : `${args[0]} does nothing by itself`;

function show(error: unknown, json: boolean, { terminal, debug }: Surroundings): void {
  if (json) terminal.print(JSON.stringify({ error: plain(error) }));
  else terminal.note(describe(error, terminal));
  if (debug && error instanceof Error) terminal.note(error.stack ?? '');
}

function plain(error: unknown): object {
  if (error instanceof DistributaryError) {
    const { code, message, hint, place } = error;
    const defects = error instanceof FileDefects ? { defects: error.defects.map(plain) } : {};
    return { code, message, hint, ...(place && { place }), ...defects };
  }
  return { message: messageOf(error) };
}

function describe(error: unknown, terminal: Terminal): string {
  if (error instanceof DistributaryError) {
    return error.describe().replace(`(${error.code})`, terminal.paint('bad', `(${error.code})`));
  }
  const said = `${terminal.paint('bad', 'unexpected:')} ${messageOf(error)}`;
  return `${said}\n  hint: set DISTRIBUTARY_DEBUG=1 to see where; it is a defect of this program unless the message says otherwise`;
}

/** Node gives a refused connection to several addresses no message of its own. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}

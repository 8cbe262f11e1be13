import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Option } from 'commander';
import { type Command, EXIT } from '../bin/command.ts';
import { runCommandLine } from '../bin/command-line.ts';
import { COMMANDS } from '../bin/commands/all.ts';
import { benchCommand } from '../bin/commands/bench.ts';
import { DistributaryError } from '../core/errors.ts';
import { defectAt, FileDefects, locateDefects } from '../core/yaml.ts';
import { capturedTerminal } from './captured-terminal.ts';

const CLI = join(import.meta.dirname, '..', 'bin', 'distributary.ts');
const folder = mkdtempSync(join(tmpdir(), 'distributary-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

const literally = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
const nameOf = ({ usage }: Command): string => usage.split(' ')[0]!;

/** Commands that show what they were called with, and fail in each way. */
const PROBES: readonly Command<{ readonly speed?: string }>[] = [
  {
    usage: 'probe <what>',
    summary: 'says what it got',
    examples: [{ line: 'distributary probe x', what: 'says x' }],
    options: [new Option('--speed <kind>').choices(['slow', 'fast'])],
    async run(args, options, { terminal, json }) {
      terminal.print(JSON.stringify({ args, options, json }));
      return args[0] === 'found' ? EXIT.found : EXIT.fine;
    },
  },
  {
    usage: 'fail <how>',
    summary: 'fails',
    examples: [],
    options: [],
    async run([how], _options, { signal }) {
      if (how === 'halfway') signal.throwIfAborted();
      if (how === 'known') {
        const place = { file: 'x.csv', line: 3 };
        throw new DistributaryError('file-invalid', 'the file is empty', { place, hint: 'fill it' });
      }
      if (how === 'twice') {
        const defects = [defectAt(['a'], 'a is 1', 'make it 2'), defectAt(['b'], 'b is 2')];
        throw new FileDefects(locateDefects(defects, 'a: 1\nb: 2\n', 'x.yaml') as [DistributaryError]);
      }
      if (how === 'refused') throw new AggregateError([new Error('connect ECONNREFUSED 127.0.0.1:1')]);
      throw new Error('something broke');
    },
  },
];

interface Circumstances {
  readonly commands?: typeof PROBES;
  readonly debug?: boolean;
  /** Somebody watches, on a terminal that wide. */
  readonly columns?: number;
  readonly signal?: AbortSignal;
}

async function run(args: readonly string[], circumstances: Circumstances = {}) {
  const { commands = COMMANDS as typeof PROBES, debug = false, columns } = circumstances;
  const { signal = new AbortController().signal } = circumstances;
  const { terminal, out, err } = capturedTerminal(columns);
  const line = { name: 'distributary', version: '1.2.3', summary: 'keeps stores honest', commands };
  const code = await runCommandLine(line, args, { terminal, signal, debug });
  return { code, out: out(), err: err() };
}
const probe = (args: readonly string[], circumstances: Circumstances = {}) =>
  run(args, { commands: PROBES, ...circumstances });

describe('help', () => {
  test('lists every command, with an example of each', async () => {
    const { code, out } = await run(['--help']);
    expect(code).toBe(0);
    for (const command of COMMANDS) {
      expect(out).toContain(`\n  ${nameOf(command)} `);
      expect(out).toContain(command.examples[0]!.line);
    }
    expect(await run([])).toMatchObject({ code: 0, out });
  });

  test.each(COMMANDS.map(nameOf))('of %s shows its options, --json and its examples', async name => {
    const command = COMMANDS.find(({ usage }) => usage.startsWith(name))!;
    const { code, out } = await run([name, '--help']);
    expect(code).toBe(0);
    for (const { long } of command.options) expect(out).toContain(`${long}`);
    for (const { line, what } of command.examples)
      expect(out).toMatch(new RegExp(`${literally(line)} +${literally(what)}`));
    expect(out).toContain('--json');
    expect(await run(['help', name])).toMatchObject({ code: 0, out });
  });

  test('examples call commands that there are, with options that they have', () => {
    for (const command of COMMANDS) {
      expect(command.examples.length).toBeGreaterThan(0);
      for (const { line } of command.examples) {
        const [program, name, ...rest] = line.replace(/ \|.*$/, '').split(' ');
        expect(`${program} ${name}`).toMatch(/^(npm start|distributary \w+)$/);
        const called = command.commands?.find(({ usage }) => usage.split(' ')[0] === rest[0]) ?? command;
        const known = [...called.options.map(({ long }) => long), '--json'];
        const used = rest.filter(word => word.startsWith('--')).map(word => word.replace(/=.*$/, ''));
        expect(used.filter(option => !known.includes(option))).toEqual([]);
      }
    }
  });

  test('of a command in a group is found by either way of asking', async () => {
    const { code, out } = await run(['tenant', 'move', '--help']);
    expect(out).toMatch(/^Usage: distributary tenant move /);
    for (const words of [
      ['help', 'tenant', 'move'],
      ['tenant', 'help', 'move'],
    ]) {
      expect(await run(words)).toEqual({ code, out, err: '' });
    }
  });

  test('joins the lines of a paragraph, and leaves a list as it is', async () => {
    const [list, running] = benchCommand.description!.split('\n\n') as [string, string];
    const { out } = await run(['bench', '--help']);
    expect(out).toContain(`\n${list}\n\n`);
    expect(out).not.toContain(running);
    expect(out.replaceAll('\n', ' ')).toContain(running.replaceAll('\n', ' '));
  });

  test('the version', async () => {
    expect(await run(['--version'])).toEqual({ code: 0, out: '1.2.3\n', err: '' });
  });
});

describe('a call that is wrong', () => {
  test.each([
    [['imprt'], "unknown command 'imprt' (usage)", 'did you mean import? see distributary --help'],
    [['statuz', '--watch'], "unknown command 'statuz' (usage)", 'did you mean status? see distributary --help'],
    [['import'], "missing required argument 'file' (usage)", 'see distributary import --help'],
    [['import', 'a.csv', 'b.csv'], 'too many arguments', 'see distributary import --help'],
    [['demo', '--sed', '4'], "unknown option '--sed' (usage)", 'did you mean --seed? see distributary demo --help'],
    [['demo', '--updates', 'many'], 'It is no whole number from 0 to 1000000', 'see distributary demo --help'],
    [['dev', '--search', 'elastic'], 'Allowed choices are auto, real, embedded', 'see distributary dev --help'],
    [['dev', '--postgres-port', '70000'], 'It is no whole number from 1 to 65535', 'see distributary dev --help'],
    [['import', 'a.csv', '--actor', 'me'], 'It is no UUID', 'see distributary import --help'],
    [['help', 'nix'], 'there is no such command', 'see distributary --help'],
    [['help', 'tenant', 'nix'], 'there is no such command', 'see distributary tenant --help'],
    [['tenant'], 'tenant does nothing by itself', 'see distributary tenant --help'],
    [['tenant', 'opn'], "unknown command 'opn'", 'did you mean open? see distributary tenant --help'],
    [['tenant', 'import', '/x'], "required option '--key <key>'", 'see distributary tenant import --help'],
    [['contract', 'runbook'], "missing required argument 'store'", 'see distributary contract runbook --help'],
  ])('%j', async (args, message, hint) => {
    const { code, out, err } = await run(args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(message);
    expect(err).toContain(`\n  hint: ${hint}\n`);
    expect(err).not.toContain('    at ');
  });
});

describe('what becomes of a command', () => {
  test('its exit code is passed on, its arguments and options are passed in', async () => {
    expect(await probe(['probe', 'found', '--speed=fast', '--json'])).toEqual({
      code: 1,
      out: '{"args":["found"],"options":{"speed":"fast","json":true},"json":true}\n',
      err: '',
    });
    expect(await probe(['probe', 'x'])).toMatchObject({ code: 0, out: '{"args":["x"],"options":{},"json":false}\n' });
  });

  test('an error of the table says where, what, and what to do', async () => {
    const said = 'x.csv:3: the file is empty (file-invalid)\n  hint: fill it\n';
    expect(await probe(['fail', 'known'])).toEqual({ code: 2, out: '', err: said });
  });

  test('its code is red on a terminal only', async () => {
    expect((await probe(['fail', 'known'], { columns: 80 })).err).toContain('\u001b[31m(file-invalid)\u001b[39m');
  });

  test('any other error is told without its stack, unless one looks for a defect', async () => {
    const { code, err } = await probe(['fail', 'oddly']);
    expect(code).toBe(2);
    expect(err).toContain('unexpected: something broke\n  hint: set DISTRIBUTARY_DEBUG=1');
    expect(err).not.toContain('    at ');
    expect((await probe(['fail', 'oddly'], { debug: true })).err).toContain('    at ');
    expect((await probe(['fail', 'refused'])).err).toContain('unexpected: connect ECONNREFUSED 127.0.0.1:1');
  });

  test('one that was interrupted says no more than that', async () => {
    const signal = AbortSignal.abort();
    expect(await probe(['fail', 'halfway'], { signal })).toEqual({ code: 2, out: '', err: 'interrupted\n' });
  });

  test('with --json an error is JSON on standard output', async () => {
    const { code, out, err } = await probe(['fail', 'known', '--json']);
    expect({ code, err }).toEqual({ code: 2, err: '' });
    expect(JSON.parse(out)).toEqual({
      error: { code: 'file-invalid', message: 'the file is empty', hint: 'fill it', place: { file: 'x.csv', line: 3 } },
    });
  });
});

test('a file that is wrong in several places is told of place by place, with --json as well', async () => {
  const [first, second] = [
    { code: 'contract-invalid', message: 'a is 1', hint: 'make it 2', place: { file: 'x.yaml', line: 1, column: 4 } },
    { code: 'contract-invalid', message: 'b is 2', place: { file: 'x.yaml', line: 2, column: 4 } },
  ];
  expect((await probe(['fail', 'twice'])).err).toMatch(/^x\.yaml:1:4: a is 1[\s\S]*^x\.yaml:2:4: b is 2/m);
  const { error } = JSON.parse((await probe(['fail', 'twice', '--json'])).out);
  expect(error).toMatchObject({ ...first, message: 'a is 1, and 1 more', defects: [first, second] });
});

describe('commands with nothing to work on', () => {
  test('status where no local mode runs', async () => {
    const { code, err } = await run(['status', '--data-dir', folder]);
    expect(code).toBe(2);
    expect(err).toContain('(not-running)');
    expect(err).toContain('hint: start it with npm start');
  });

  test('import of a file that is not there, before anything else is looked for', async () => {
    const { code, err } = await run(['import', join(folder, 'none.csv'), '--data-dir', folder]);
    expect(code).toBe(2);
    expect(err).toContain('none.csv: cannot be read: ENOENT');
  });

  test('import of a file of another kind names what its header lacks', async () => {
    const file = join(folder, 'people.csv');
    writeFileSync(file, 'Name,Company\nEva,X\n');
    const { code, err } = await run(['import', file, '--data-dir', folder]);
    expect(code).toBe(2);
    expect(err).toMatch(
      /people\.csv:1: the header does not fit; missing columns: "Date received".*unexpected columns: "Name"/,
    );
  });

  test('import where no local mode runs', async () => {
    const sample = join(import.meta.dirname, '..', 'examples', 'consumer-complaints', 'consumer-complaints-2023.csv');
    expect((await run(['import', sample, '--data-dir', folder])).err).toContain('(not-running)');
  });
});

describe('the program itself', () => {
  const call = (...args: string[]) => spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8' });

  test('ends with the exit code', () => {
    expect(call('--version')).toMatchObject({ status: 0, stderr: '' });
    expect(call('nothing')).toMatchObject({ status: 2, stdout: '' });
  });

  test('says what to do in a clone where nothing is installed', () => {
    const bin = join(folder, 'clone', 'bin');
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(folder, 'clone', 'package.json'), '{"type":"module"}');
    for (const file of ['distributary.js', 'distributary.ts']) cpSync(join(CLI, '..', file), join(bin, file));
    const said = spawnSync(process.execPath, [join(bin, 'distributary.js'), 'cost'], { encoding: 'utf8' });
    expect(said).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining('do: npm start, npm test') });
  });

  test('does not mind a reader who leaves', () => {
    const piped = spawnSync('sh', ['-c', `"${process.execPath}" "${CLI}" --help | head -n 1`], { encoding: 'utf8' });
    expect(piped).toMatchObject({ status: 0, stderr: '' });
    expect(piped.stdout).toContain('Usage: distributary');
  });
});

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DistributaryError } from '../../core/errors.ts';
import { onPath } from '../../local/search/jdk.ts';

/** What one emulator is installed from. The date pins what the packages themselves depend on. */
export interface PythonPackages {
  readonly name: string;
  /** Minor versions of Python 3 that they run on. */
  readonly python: { readonly oldest: number; readonly newest: number };
  readonly packages: readonly string[];
  /** Nothing that was published on this day or later is installed. */
  readonly before: string;
  /** Folder of this repository that is installed beside them. */
  readonly plugin?: string;
}

/** The installer: the one that can leave out what was published after a day. */
const UV = 'uv==0.13.9';
/** 330 MB of LocalStack over a slow line. */
const INSTALL_WITHIN_MS = 10 * 60_000;
const ANSWER_WITHIN_MS = 20_000;

const run = promisify(execFile);
const cache = (): string => join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'distributary', 'python');

/**
 * The Python interpreter of an environment that has these packages: made once per user, outside the repository, and
 * renamed into place whole, so that one that is there is complete. Throws `tool-missing`.
 */
export async function pythonWith(wanted: PythonPackages, onLog: (line: string) => void): Promise<string> {
  const home = join(cache(), `${wanted.name}-${fingerprint(wanted)}`);
  const python = join(home, 'bin', 'python');
  if (existsSync(python)) return python;
  const base = await findPython(wanted);
  mkdirSync(cache(), { recursive: true });
  const work = mkdtempSync(`${home}-filling-`);
  try {
    onLog(`installing ${wanted.packages.join(', ')} for ${base}, once`);
    await install(wanted, base, work);
    renameSync(join(work, 'environment'), home);
  } catch (cause) {
    if (existsSync(python)) return python; // Another start was faster.
    const said = (cause as { stderr?: string }).stderr?.trim().split('\n').slice(-5).join('\n') || String(cause);
    throw new DistributaryError('tool-missing', `${wanted.name} cannot be installed: ${said}`, {
      hint: 'see that pip reaches its package index, and try again',
      cause,
    });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return python;
}

function fingerprint({ packages, before, plugin }: PythonPackages): string {
  const hash = createHash('sha256').update(JSON.stringify([packages, before, UV]));
  const sources = plugin === undefined ? [] : globSync(join(plugin, '**', '*.{py,cjs,toml}')).sort();
  for (const source of sources) hash.update(readFileSync(source));
  return hash.digest('hex').slice(0, 12);
}

async function install({ packages, before, plugin }: PythonPackages, base: string, work: string): Promise<void> {
  const options = { cwd: work, timeout: INSTALL_WITHIN_MS, env: { ...process.env, UV_CACHE_DIR: join(work, 'cache') } };
  const [uv] = onPath('uv', process.env);
  const installer = uv ?? join(work, 'uv', 'bin', 'uv');
  if (!uv) await run(base, ['-m', 'pip', 'install', '--quiet', '--target', join(work, 'uv'), UV], options);
  const environment = join(work, 'environment');
  await run(installer, ['venv', '--quiet', '--no-config', '--python', base, environment], options);
  const python = join(environment, 'bin', 'python');
  const into = ['pip', 'install', '--quiet', '--system-certs', '--python', python];
  await run(installer, [...into, '--exclude-newer', before, ...packages], options);
  if (plugin === undefined) return;
  // It is built where it lies: not in the repository.
  const copy = join(work, 'plugin');
  cpSync(plugin, copy, { recursive: true });
  await run(installer, [...into, copy], options);
}

/** Where system packages, pyenv and Homebrew put interpreters, beside the PATH. */
const FOLDERS = ['/usr/bin', '/usr/local/bin', '/opt/homebrew/bin', `${homedir()}/.pyenv/versions/*/bin`];

/** Asked, not trusted by its name: a version manager's stand-in may be there for a version that is not. */
async function findPython({ name, python: { oldest, newest } }: PythonPackages): Promise<string> {
  const names = Array.from({ length: newest - oldest + 1 }, (_, index) => `python3.${newest - index}`);
  const candidates = ['python3', ...names].flatMap(command => [
    ...onPath(command, process.env),
    ...FOLDERS.flatMap(folder => globSync(join(folder, command))),
  ]);
  for (const candidate of new Set(candidates)) {
    const found = await ask(candidate);
    if (found && found.minor >= oldest && found.minor <= newest) return found.executable;
  }
  const wanted = oldest === newest ? `3.${oldest}` : `3.${oldest} to 3.${newest}`;
  throw new DistributaryError('tool-missing', `${name} runs on Python ${wanted}; none with pip was found`, {
    hint: 'install one so that it is in PATH or below ~/.pyenv/versions',
  });
}

/** Answers only where packages can be installed. */
async function ask(python: string): Promise<{ executable: string; minor: number } | undefined> {
  const program = 'import sys, pip, venv; print(sys.version_info.minor, sys.executable)';
  try {
    const { stdout } = await run(python, ['-c', program], { timeout: ANSWER_WITHIN_MS });
    const [minor = '', executable = ''] = stdout.trim().split(/ (.*)/);
    return { minor: Number(minor), executable };
  } catch {
    return undefined; // It does not run, or is without pip: not one for us.
  }
}

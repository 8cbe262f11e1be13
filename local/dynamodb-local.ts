import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DistributaryError } from '../core/errors.ts';
import { findMaven } from './search/distribution.ts';
import { findJdk, type Jdk, SEARCHED } from './search/jdk.ts';

/** Amazon's own emulator, by its Maven coordinate, so that no address of ours is needed. */
export const DYNAMODB_LOCAL = { group: 'com.amazonaws', artifact: 'DynamoDBLocal', version: '2.6.1' } as const;
/** DynamoDB Local 2 is compiled for it. */
const OLDEST_JAVA = 17;
/** 51 MB in 85 files; a slow line needs minutes. */
const FETCH_WITHIN_MS = 10 * 60_000;

/** What DynamoDB Local needs of this machine, all of it found. */
export interface DynamoParts {
  readonly java: Jdk;
  /** The folder of its jars, which is there or can be filled. */
  readonly jars: string;
  /** Absent when the jars are cached already. */
  readonly maven: string | undefined;
}

/** Finds them, or says in one line what is missing. Fetches nothing. */
export async function findDynamoParts(env: NodeJS.ProcessEnv): Promise<DynamoParts | { missing: string }> {
  const found = await findJdk(env, {});
  const java = found.jdk ?? found.older.find(({ version }) => Number.parseInt(version, 10) >= OLDEST_JAVA);
  if (!java) return { missing: `no Java ${OLDEST_JAVA} or newer found in ${SEARCHED}` };
  const cache = join(env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'distributary');
  const jars = join(cache, `dynamodb-local-${DYNAMODB_LOCAL.version}`);
  if (existsSync(jars)) return { java, jars, maven: undefined };
  const maven = findMaven(env);
  return maven ? { java, jars, maven } : { missing: 'no Maven (mvn) in PATH to fetch it with' };
}

/** The folder of its jars, filled by Maven the first time; renamed into place whole, so what is there is complete. */
export async function jarsOf({ java, jars, maven }: DynamoParts, onLog: (line: string) => void): Promise<string> {
  if (!maven) return jars;
  mkdirSync(join(jars, '..'), { recursive: true });
  const work = mkdtempSync(`${jars}-filling-`);
  try {
    onLog(`fetching DynamoDB Local ${DYNAMODB_LOCAL.version} (51 MB) by Maven, once`);
    await fetchJars(work, maven, java);
    renameSync(join(work, 'jars'), jars);
  } catch (error) {
    if (!existsSync(jars)) throw error; // Otherwise another start was faster.
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return jars;
}

async function fetchJars(work: string, maven: string, java: Jdk): Promise<void> {
  const { group, artifact, version } = DYNAMODB_LOCAL;
  const coordinate = `<groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version>`;
  writeFileSync(
    join(work, 'pom.xml'),
    `<project><modelVersion>4.0.0</modelVersion>
<groupId>distributary</groupId><artifactId>dynamodb-local</artifactId><version>1</version>
<dependencies><dependency>${coordinate}</dependency></dependencies></project>`,
  );
  const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${join(work, 'jars')}`];
  const options = { cwd: work, env: { ...process.env, JAVA_HOME: java.home }, timeout: FETCH_WITHIN_MS };
  await promisify(execFile)(maven, ['-B', '-q', ...goal], options).catch(error => {
    const said = /^.*\[ERROR\] (.*)$/m.exec(`${error.stdout}${error.stderr}`)?.[1];
    const what = `Maven could not fetch ${group}:${artifact}:${version}: ${said ?? error.message}`;
    const hint = "look at Maven's settings.xml (proxy, mirror), or start with --dynamodb=dynalite";
    throw new DistributaryError('tool-missing', what, { hint, cause: error });
  });
}

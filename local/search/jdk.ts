import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Account } from '../server-account.ts';

export interface Jdk {
  readonly home: string;
  readonly java: string;
  /** As the JVM prints it, such as `25.0.3`. */
  readonly version: string;
}

/** OpenSearch 3 is compiled for it. */
export const OLDEST_JAVA = 21;

/** A JVM answers its version in 50 ms; a machine under load may need far longer. */
const ANSWER_WITHIN_MS = 20_000;

/** Where Linux distributions, macOS, Homebrew and the version managers put JVMs; newest first within each. */
const FOLDERS = [
  '/usr/lib/jvm/*',
  '/usr/java/*',
  '/opt/java/*',
  '/opt/jdk*',
  '/Library/Java/JavaVirtualMachines/*/Contents/Home',
  '~/Library/Java/JavaVirtualMachines/*/Contents/Home',
  '/opt/homebrew/opt/openjdk*',
  '/usr/local/opt/openjdk*',
  '~/.sdkman/candidates/java/*',
  '~/.jdks/*',
  '~/.asdf/installs/java/*',
  '~/.local/share/mise/installs/java/*',
];

/** What was looked through, for the message that says that nothing was found. */
export const SEARCHED = 'JAVA_HOME, PATH and the usual JVM folders (/usr/lib/jvm, /Library/Java, Homebrew, SDKMAN)';

function candidates(env: NodeJS.ProcessEnv): string[] {
  const homes = env.JAVA_HOME ? [env.JAVA_HOME] : [];
  const folders = FOLDERS.flatMap(pattern => globSync(pattern.replace('~', homedir())).sort().reverse());
  return [
    ...homes.map(home => join(home, 'bin/java')),
    ...onPath('java', env),
    ...folders.map(folder => join(folder, 'bin/java')),
  ];
}

/** Every executable of that name on the PATH, in its order. */
export function onPath(name: string, env: NodeJS.ProcessEnv): string[] {
  return (env.PATH ?? '')
    .split(delimiter)
    .filter(folder => folder !== '')
    .flatMap(folder => globSync(join(folder, name)));
}

/** Asks as the user that will run it: a JVM in root's home is none for OpenSearch. */
async function ask(java: string, runAs: Account): Promise<Jdk | undefined> {
  const answer = await new Promise<string>(resolve => {
    const options = { ...runAs, cwd: '/', timeout: ANSWER_WITHIN_MS };
    execFile(java, ['-XshowSettings:properties', '-version'], options, (error, stdout, stderr) =>
      resolve(error ? '' : stdout + stderr),
    );
  });
  const home = /^\s*java\.home = (.+)$/m.exec(answer)?.[1];
  const version = /^\s*java\.version = (\S+)$/m.exec(answer)?.[1];
  return home && version ? { home, java, version } : undefined;
}

/** The first JVM of 21 or newer, by asking each candidate; otherwise the older ones that answered. */
export async function findJdk(
  env: NodeJS.ProcessEnv,
  runAs: Account,
): Promise<{ jdk: Jdk } | { jdk: undefined; older: readonly Jdk[] }> {
  const older = new Map<string, Jdk>();
  for (const java of new Set(candidates(env))) {
    const jdk = await ask(java, runAs);
    if (!jdk) continue;
    if (Number.parseInt(jdk.version, 10) >= OLDEST_JAVA) return { jdk };
    older.set(jdk.home, jdk);
  }
  return { jdk: undefined, older: [...older.values()] };
}

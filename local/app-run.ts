import { type SpawnOptions, spawn } from 'node:child_process';
import { endGroup, endWithParent } from './process-life.ts';

export interface AppRun {
  /** A file to run, or what a shell takes. */
  readonly command: string | readonly [file: string, ...args: string[]];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Nobody wants its result any more. */
  readonly signal: AbortSignal;
}

export interface AppRan {
  readonly code: number | null;
  /** Both streams. */
  readonly said: string;
}

/**
 * Runs an app that synthesises, to its end. It and all that it has started end at once when the signal comes, and when this
 * process ends, however that ends. Throws the signal's reason, once they have ended.
 */
export async function runApp({ command, cwd, env, signal }: AppRun): Promise<AppRan> {
  signal.throwIfAborted();
  // A group of its own, for a shell and what it runs end together.
  const options: SpawnOptions = { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true };
  const [file, ...args] = typeof command === 'string' ? [command] : command;
  const child = spawn(file, args, { ...options, shell: typeof command === 'string' });
  const said: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', chunk => said.push(chunk));
  const ended = new Promise<number | null>((done, failed) => child.once('close', done).once('error', failed));
  const end = () => child.pid !== undefined && endGroup(child.pid);
  const withdraw = child.pid === undefined ? () => {} : endWithParent(-child.pid, 'SIGKILL', {});
  signal.addEventListener('abort', end, { once: true });
  try {
    const code = await ended;
    signal.throwIfAborted();
    return { code, said: Buffer.concat(said).toString().trim() };
  } finally {
    signal.removeEventListener('abort', end);
    withdraw();
  }
}

/** What all that is begun yields. When one fails the others are told by the signal, and have ended when its error is thrown. */
export async function together<T>(begin: (signal: AbortSignal) => readonly Promise<T>[]): Promise<readonly T[]> {
  const others = new AbortController();
  const begun = begin(others.signal);
  try {
    return await Promise.all(begun);
  } catch (error) {
    others.abort(error);
    await Promise.allSettled(begun);
    throw error;
  }
}

import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { endGroup, endWithParent } from '../../local/process-life.ts';
import { launch } from '../../local/search/server-process.ts';

/** An emulator of AWS, running. */
export interface Emulator {
  readonly name: EmulatorName;
  /** By an address, not a name: clients then put a bucket's name into the path, and no name has to be resolved. */
  readonly endpoint: string;
  readonly logFile: string;
  /** Ends it with everything that it has started. */
  stop(): Promise<void>;
}

export const EMULATORS = ['ministack', 'localstack'] as const;
export type EmulatorName = (typeof EMULATORS)[number];

export interface EmulatorOptions {
  /** For its files and those of the functions that it runs; the caller removes it. */
  readonly folder: string;
  readonly onLog: (line: string) => void;
}

export interface EmulatorProcess extends EmulatorOptions {
  readonly name: EmulatorName;
  readonly python: string;
  readonly args: readonly string[];
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
  /** The line of its log that says it listens. */
  readonly ready: RegExp;
  readonly readyWithinMs: number;
}

export const HOST = '127.0.0.1';
/** What an emulator takes; neither checks it. The account follows from it. */
export const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };
export const ACCOUNT = '000000000000';
export const REGION = 'us-east-1';

const STOP_WITHIN_MS = 5_000;
/** The pinned Node, which functions run on, is first in it. */
const BIN = join(import.meta.dirname, '..', '..', 'node_modules', '.bin');
export const PATH = [BIN, process.env.PATH ?? ''].join(delimiter);

/**
 * Starts an emulator in a process group of its own. Functions run as its children, in the same group: the group ends
 * when it is stopped, and when we are gone, however we went.
 */
export async function startProcess(options: EmulatorProcess): Promise<Emulator> {
  const { name, python, args, port, env, folder, ready, readyWithinMs } = options;
  const logFile = join(folder, `${name}.log`);
  // Functions are unpacked below: no package.json further up shall say what kind of module a file of theirs is.
  writeFileSync(join(folder, 'package.json'), '{}');
  const { server } = await launch({
    name,
    command: python,
    args: [...args],
    cwd: folder,
    env: { HOME: folder, TMPDIR: folder, LANG: 'C.UTF-8', PATH, ...env },
    runAs: {},
    logFile,
    pidFile: join(folder, `${name}.pid`),
    mark: randomUUID(),
    ready,
    readyWithinMs,
    stopWithinMs: STOP_WITHIN_MS,
  });
  const withdraw = endWithParent(-server.pid, 'SIGKILL', {});
  return {
    name,
    endpoint: `http://${HOST}:${port}`,
    logFile,
    async stop() {
      await server.stop();
      // Functions that were at work.
      endGroup(server.pid);
      withdraw();
    },
  };
}

/** A port that was free a moment ago: both emulators want to be told one. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, HOST, resolve));
  const { port } = server.address() as { port: number };
  await new Promise(resolve => server.close(resolve));
  return port;
}

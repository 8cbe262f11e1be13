import { mkdirSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { DistributaryError } from '../core/errors.ts';
import { onPath } from './search/jdk.ts';
import { type Exit, launch } from './search/server-process.ts';

/** Programs that speak the protocol: Debian's `valkey-server` and `redis-server`. */
const PROGRAMS = ['valkey-server', 'redis-server'];
/** It starts within a tenth of a second; a busy machine may need many times that. */
const READY_WITHIN_MS = 30_000;
const STOP_WITHIN_MS = 5_000;

export interface ValkeyOptions {
  readonly dataDir: string;
  /** @default a free one */
  readonly port?: number;
  readonly env?: NodeJS.ProcessEnv;
}

export interface ValkeyServer {
  readonly url: string;
  /** Which program it is. */
  readonly program: string;
  readonly pid: number;
  readonly exited: Promise<Exit>;
  stop(): Promise<void>;
  /** Ends it as a power cut would. */
  kill9(): Promise<void>;
}

/** The first of the programs on the PATH. */
export const valkeyProgram = (env: NodeJS.ProcessEnv = process.env): string | undefined =>
  PROGRAMS.flatMap(name => [...onPath(name, env)])[0];

/** Starts the cache of local mode in a process group of its own, which ends with this process. It keeps nothing on disk. */
export async function startValkey({ dataDir, port, env = process.env }: ValkeyOptions): Promise<ValkeyServer> {
  const program = valkeyProgram(env);
  if (program === undefined) {
    const hint = `install ${PROGRAMS.join(' or ')}, or take "engine: valkey" out of contracts/stores/permission-cache.yaml`;
    throw new DistributaryError('tool-missing', `neither ${PROGRAMS.join(' nor ')} is on the PATH`, { hint });
  }
  mkdirSync(dataDir, { recursive: true });
  const listen = port ?? (await freePort());
  const { server } = await launch({
    name: 'Valkey',
    command: program,
    args: ['--bind', '127.0.0.1', '--port', String(listen), '--dir', dataDir, '--save', '', '--appendonly', 'no'],
    cwd: dataDir,
    env: { PATH: env.PATH },
    runAs: {},
    logFile: `${dataDir}/engine.log`,
    pidFile: `${dataDir}/engine.pid`,
    // Its title has its address in place of its arguments.
    mark: `127.0.0.1:${listen}`,
    ready: /Ready to accept connections/,
    readyWithinMs: READY_WITHIN_MS,
    stopWithinMs: STOP_WITHIN_MS,
  });
  return { ...server, url: `redis://127.0.0.1:${listen}`, program };
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>(resolve => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise(resolve => probe.close(resolve));
  return port;
}

import { existsSync, mkdirSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DistributaryError } from '../core/errors.ts';
import { DYNAMODB_LOCAL, findDynamoParts, jarsOf } from './dynamodb-local.ts';
import { type Exit, launch, type ServerProcess } from './search/server-process.ts';

export type DynamoChoice = 'dynalite' | 'real';

export interface DynamoOptions {
  readonly choice: DynamoChoice;
  /** The engine's own folder; its tables survive in it. */
  readonly dataDir: string;
  /** @default a free one */
  readonly port?: number;
  readonly onLog: (line: string) => void;
}

export interface Dynamo {
  readonly endpoint: string;
  /** `real`: DynamoDB Local, Amazon's own; `dynalite`: the stand-in from npm, without transactions, streams and TTL. */
  readonly kind: DynamoChoice;
  readonly pid: number;
  /** Resolves when the process is gone, whoever ended it. */
  readonly exited: Promise<Exit>;
  stop(): Promise<void>;
  /** Ends it as a power cut would. */
  kill9(): Promise<void>;
}

/** Node or a JVM start within 3 s; a busy machine may need many times that. */
const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 10_000;
const HEAP_MB = 256;
const POLL_MS = 50;

/** Starts the key-value engine of local mode in a process group of its own, which ends with this process however that ends. */
export async function startDynamo(options: DynamoOptions): Promise<Dynamo> {
  const dataDir = ownFolder(options);
  const started = options.choice === 'real' ? await startReal(options, dataDir) : await startDynalite(options, dataDir);
  return { kind: options.choice, ...started };
}

type Started = ServerProcess & { readonly endpoint: string };

async function startDynalite({ port = 0 }: DynamoOptions, dataDir: string): Promise<Started> {
  const mark = `--data=${dataDir}`;
  const { server, ready } = await launch({
    ...common(dataDir),
    name: 'dynalite',
    command: process.execPath,
    args: [join(import.meta.dirname, 'dynalite-server.ts'), mark, `--port=${port}`],
    env: { PATH: process.env.PATH },
    mark,
    ready: /listening at (http:\S+)/,
  });
  return { ...server, endpoint: ready[1]! };
}

async function startReal({ port, onLog }: DynamoOptions, dataDir: string): Promise<Started> {
  const parts = await findDynamoParts(process.env);
  if ('missing' in parts) {
    const hint = 'install it, or start with --dynamodb=dynalite';
    throw new DistributaryError('tool-missing', `DynamoDB Local cannot start: ${parts.missing}`, { hint });
  }
  const jars = await jarsOf(parts, onLog);
  const listen = port ?? (await freePort());
  onLog(`starting DynamoDB Local on Java ${parts.java.version}; it listens on every interface, port ${listen}`);
  const { server } = await launch({
    ...common(dataDir),
    name: `DynamoDB Local ${DYNAMODB_LOCAL.version}`,
    command: parts.java.java,
    args: [
      `-Xmx${HEAP_MB}m`,
      `-Djava.library.path=${jars}`,
      '-cp',
      join(jars, '*'),
      'com.amazonaws.services.dynamodbv2.local.main.ServerRunner',
      ...['-sharedDb', '-disableTelemetry', '-dbPath', dataDir, '-port', String(listen)],
    ],
    env: { PATH: process.env.PATH },
    mark: `-dbPath ${dataDir}`,
    ready: /^DbPath:/m,
  });
  const endpoint = `http://127.0.0.1:${listen}`;
  await waitUntilAnswers(endpoint, server).catch(async error => {
    await server.kill9();
    throw error;
  });
  return { ...server, endpoint };
}

const common = (dataDir: string) => ({
  cwd: dataDir,
  runAs: {},
  logFile: join(dataDir, 'engine.log'),
  pidFile: join(dataDir, 'engine.pid'),
  readyWithinMs: READY_WITHIN_MS,
  stopWithinMs: STOP_WITHIN_MS,
});

/** It prints its settings before it listens, and cannot be told to choose a port. */
async function waitUntilAnswers(endpoint: string, server: ServerProcess): Promise<void> {
  const gone = server.exited.then(() => 'gone' as const);
  for (const deadline = Date.now() + READY_WITHIN_MS; Date.now() < deadline; ) {
    const answer = fetch(endpoint).then(
      () => 'answers' as const,
      () => sleep(POLL_MS),
    );
    const state = await Promise.race([answer, gone]);
    if (state === 'answers') return;
    if (state === 'gone')
      throw new DistributaryError('child-died', `DynamoDB Local ended while starting at ${endpoint}`);
  }
  throw new DistributaryError('child-died', `DynamoDB Local does not answer at ${endpoint}`);
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>(resolve => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise(resolve => probe.close(resolve));
  return port;
}

/** Each engine has its folder. The other's tables miss what is written from now on, so they go. */
function ownFolder({ choice, dataDir, onLog }: DynamoOptions): string {
  const other = join(dataDir, choice === 'real' ? 'dynalite' : 'real');
  if (existsSync(other)) {
    onLog(`the key-value engine changed: removing ${other}`);
    rmSync(other, { recursive: true, force: true });
  }
  const own = join(dataDir, choice);
  mkdirSync(own, { recursive: true });
  return own;
}

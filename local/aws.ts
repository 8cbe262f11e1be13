import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DistributaryError } from '../core/errors.ts';
import type { QueueDepth, Wanted } from './aws-server.ts';
import { launch, type ServerProcess } from './search/server-process.ts';

export type { QueueDepth } from './aws-server.ts';

export interface AwsOptions {
  /** Queues with their messages, topics, buckets with their objects: all of it survives in this folder. */
  readonly dataDir: string;
  /** @default a free one */
  readonly port?: number;
}

/** SQS, SNS and S3 of this machine, in one process. */
export interface Aws extends ServerProcess {
  /** For all three services. */
  readonly endpoint: string;
  /** Makes or changes what the template asks for; messages and objects stay. */
  provision(wanted: Wanted): Promise<void>;
  queues(): Promise<readonly QueueDepth[]>;
  /** Makes messages in flight visible again, but for those under the receipt handles to keep. */
  release(queue: string, keep: readonly string[]): Promise<void>;
}

/** It starts in 0.3 s; a backlog of 100,000 messages takes a few seconds to load. */
const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 5_000;

/** Starts the emulator of local mode in a process of its own. Throws `port-taken`, `child-died`. */
export async function startAws({ dataDir, port = 0 }: AwsOptions): Promise<Aws> {
  mkdirSync(dataDir, { recursive: true });
  const logFile = join(dataDir, 'server.log');
  const mark = `--data=${dataDir}`;
  const { server, ready } = await launch({
    name: 'the AWS emulator',
    command: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'aws-server.ts'), mark, `--port=${port}`],
    cwd: dataDir,
    env: { PATH: process.env.PATH },
    runAs: {},
    logFile,
    pidFile: join(dataDir, 'server.pid'),
    mark,
    ready: /listening at (http:\S+)/,
    readyWithinMs: READY_WITHIN_MS,
    stopWithinMs: STOP_WITHIN_MS,
  }).catch(error => {
    if (!readFileSync(logFile, 'utf8').includes('EADDRINUSE')) throw error;
    throw new DistributaryError('port-taken', `port ${port} on 127.0.0.1 is taken`, { cause: error });
  });
  return { ...server, endpoint: ready[1]!, ...clientOf(ready[1]!) };
}

function clientOf(endpoint: string): Pick<Aws, 'provision' | 'queues' | 'release'> {
  const post = async (path: string, body: unknown): Promise<void> => {
    const headers = { 'content-type': 'text/plain' };
    const answer = await fetch(`${endpoint}/_local/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  };
  return {
    provision: wanted => post('provision', wanted),
    release: (queue, keep) => post('release', { queue, keep }),
    queues: async () => (await (await fetch(`${endpoint}/_local/queues`)).json()) as QueueDepth[],
  };
}

/** The address of a queue, which the emulator answers to whatever the host. */
export const queueUrl = (endpoint: string, account: string, name: string): string => `${endpoint}/${account}/${name}`;

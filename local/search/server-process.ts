import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { DistributaryError } from '../../core/errors.ts';
import { commandOf, endProcess, endWithParent, isAlive } from '../process-life.ts';
import type { Account } from '../server-account.ts';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** False when nobody asked it to end. */
  readonly expected: boolean;
}

export interface ServerProcess {
  readonly pid: number;
  /** Resolves when the process is gone, whoever ended it. */
  readonly exited: Promise<Exit>;
  /** Ends it in good order (SIGTERM, then SIGKILL); resolves when it is gone. Safe to repeat. */
  stop(): Promise<void>;
  /** Ends it as a power cut would; resolves when it is gone. */
  kill9(): Promise<void>;
}

export interface Launch {
  /** For messages: `OpenSearch`. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly runAs: Account;
  readonly logFile: string;
  readonly pidFile: string;
  /** A part of the command line that no process of another data folder has. */
  readonly mark: string;
  /** The line of its log that says it listens. */
  readonly ready: RegExp;
  readonly readyWithinMs: number;
  readonly stopWithinMs: number;
}

const POLL_MS = 50;
/** A killed process leaves within milliseconds unless the machine is stuck on its disk. */
const KILL_WITHIN_MS = 10_000;
const LOG_LINES_SHOWN = 5;

/** Starts a server in a process group of its own, and resolves with the match of `ready` once it listens. */
export async function launch(spec: Launch): Promise<{ server: ServerProcess; ready: RegExpExecArray }> {
  await endOrphan(spec);
  const log = openSync(spec.logFile, 'w');
  const child = spawn(spec.command, spec.args, {
    ...spec.runAs,
    cwd: spec.cwd,
    env: spec.env,
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  writeFileSync(spec.pidFile, JSON.stringify({ pid: child.pid, owner: process.pid }));
  const server = supervise(spec, child, child.pid as number);
  try {
    return { server, ready: await waitUntilReady(spec, server) };
  } catch (error) {
    await server.kill9();
    throw error;
  }
}

function supervise(spec: Launch, child: ChildProcess, pid: number): ServerProcess {
  const withdraw = endWithParent(pid, 'SIGKILL', spec.runAs);
  let expected = false;
  const exited = new Promise<Exit>(resolve =>
    child.once('exit', (code, signal) => {
      withdraw();
      rmSync(spec.pidFile, { force: true });
      resolve({ code, signal, expected });
    }),
  );
  const end = async (signal: NodeJS.Signals, withinMs: number): Promise<boolean> => {
    expected = true;
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    return Promise.race([exited.then(() => true), sleep(withinMs, false, { ref: false })]);
  };
  return {
    pid,
    exited,
    async stop() {
      if (!(await end('SIGTERM', spec.stopWithinMs))) await end('SIGKILL', KILL_WITHIN_MS);
    },
    async kill9() {
      await end('SIGKILL', KILL_WITHIN_MS);
    },
  };
}

/** The process of a parent that was killed lives on, and holds the data folder: it is ended. One in use is left alone. */
async function endOrphan({ name, pidFile, mark }: Launch): Promise<void> {
  const { pid, owner } = readPidFile(pidFile);
  if (!pid || !isAlive(pid) || !commandOf(pid).includes(mark)) return;
  if (owner && isAlive(owner)) {
    throw new DistributaryError('port-taken', `${name} already runs on this data folder: pid ${pid}, of pid ${owner}`, {
      hint: 'stop the other start, or choose another data folder',
    });
  }
  await endProcess(pid, [['SIGKILL', KILL_WITHIN_MS]]);
}

function readPidFile(pidFile: string): { pid?: number; owner?: number } {
  try {
    return JSON.parse(readFileSync(pidFile, 'utf8'));
  } catch {
    return {}; // None, or half written by a start that was killed: its process ended with it.
  }
}

async function waitUntilReady(spec: Launch, server: ServerProcess): Promise<RegExpExecArray> {
  let gone = false;
  void server.exited.then(() => {
    gone = true;
  });
  for (const deadline = Date.now() + spec.readyWithinMs; ; await sleep(POLL_MS)) {
    const match = spec.ready.exec(readFileSync(spec.logFile, 'utf8'));
    if (match) return match;
    if (gone) throw startFailed(spec, 'ended while starting');
    if (Date.now() > deadline) throw startFailed(spec, `did not listen within ${spec.readyWithinMs / 1000} s`);
  }
}

function startFailed({ name, logFile }: Launch, what: string): DistributaryError {
  const lines = readFileSync(logFile, 'utf8').trim().split('\n');
  const telling = lines.filter(line => /error|exception|fatal/i.test(line) && !/^\s+at /.test(line));
  const shown = (telling.length > 0 ? telling : lines).slice(-LOG_LINES_SHOWN).join('\n  ');
  const taken = telling.find(line => /EADDRINUSE|address already in use/i.test(line));
  if (taken !== undefined) return new DistributaryError('port-taken', `${name} cannot listen: ${taken.trim()}`);
  return new DistributaryError('child-died', `${name} ${what}; ${logFile} ends with\n  ${shown}`);
}

import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Account } from './server-account.ts';

const POLL_MS = 20;

/** Whether the id is taken, be it by one that ended and waits for its parent to notice. */
export function hasProcess(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Whether the process runs. */
export const isAlive = (pid: number): boolean => hasProcess(pid) && commandOf(pid) !== '';

/** The command line of a process, or nothing when it is gone. */
export function commandOf(pid: number): string {
  try {
    if (process.platform !== 'linux') return ps(pid, 'command=');
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

/** What tells a process from a later one with the same id: when it started. Nothing when it is gone. */
export function startOf(pid: number): string {
  try {
    if (process.platform !== 'linux') return ps(pid, 'lstart=');
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in brackets, may hold blanks; the 20th word after it is the start in clock ticks since boot.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function ps(pid: number, column: string): string {
  return execFileSync('ps', ['-o', column, '-p', String(pid)], { encoding: 'utf8' }).trim();
}

export type Demand = readonly [signal: NodeJS.Signals, waitMs: number];

/** Asks a process to end, each time less politely, and waits. `gone` says when it has ended. */
export async function endProcess(
  pid: number,
  demands: readonly Demand[],
  gone = () => !isAlive(pid),
): Promise<boolean> {
  for (const [signal, waitMs] of demands) {
    if (gone()) return true;
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
    const deadline = Date.now() + waitMs;
    while (!gone() && Date.now() < deadline) await delay(POLL_MS);
  }
  return gone();
}

/** Ends all that is left of the group of a process, at once. */
export function endGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * Leaves word to end a child when this process is gone, however it went, kill -9 included: a shell waits on a pipe
 * that only we hold, and reads its end when we end. It signals as `account`. Returns how to withdraw it.
 */
export function endWithParent(pid: number, signal: NodeJS.Signals, account: Account): () => void {
  if (process.platform === 'win32') return () => {};
  const script = `read -r _; kill -${signal.slice('SIG'.length)} "$1"`;
  const shell = spawn('/bin/sh', ['-c', script, 'sh', String(pid)], {
    ...account,
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.on('error', () => {});
  shell.unref();
  return () => {
    shell.kill('SIGKILL');
    shell.stdin.destroy();
  };
}

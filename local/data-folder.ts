import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { DistributaryError } from '../core/errors.ts';
import { startOf } from './process-life.ts';

/** Where one local mode keeps everything that it has: servers' data, logs, what was provisioned. */
export interface DataFolder {
  readonly path: string;
  /** A folder in it, made when it is missing. */
  folder(name: string): string;
  read<T>(name: string, schema: z.ZodType<T>): T | undefined;
  /** Readable for its owner only, and never half written. */
  write(name: string, content: unknown): void;
  remove(name: string): void;
  /** Gives the folder free for another start. */
  close(): void;
}

const LOCK = 'lock.json';
const lockSchema = z.object({ pid: z.number(), started: z.string() });

/**
 * Takes the folder for this process. Throws `folder-in-use` with the process that has it; a lock left over by a process
 * that was killed does not count. `fresh` removes everything in it first.
 */
export function openDataFolder(path: string, { fresh = false } = {}): DataFolder {
  const home = resolve(path);
  mkdirSync(home, { recursive: true });
  takeLock(home);
  if (fresh) {
    const content = readdirSync(home).filter(name => name !== LOCK);
    for (const name of content) rmSync(join(home, name), { recursive: true, force: true });
  }
  return {
    path: home,
    folder(name) {
      const folder = join(home, name);
      mkdirSync(folder, { recursive: true });
      return folder;
    },
    read: (name, schema) => readJson(join(home, name), schema),
    write: (name, content) => writeJson(join(home, name), content),
    remove: name => rmSync(join(home, name), { force: true }),
    close: () => rmSync(join(home, LOCK), { force: true }),
  };
}

function takeLock(home: string): void {
  const file = join(home, LOCK);
  const mine = JSON.stringify({ pid: process.pid, started: startOf(process.pid) });
  for (;;) {
    try {
      writeFileSync(file, mine, { flag: 'wx' });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = readJson(file, lockSchema);
    if (holder && startOf(holder.pid) === holder.started) {
      throw new DistributaryError('folder-in-use', `local mode already runs on ${home}: process ${holder.pid}`, {
        hint: 'use the one that runs, stop it, or choose another folder with --data-dir',
      });
    }
    rmSync(file, { force: true });
  }
}

/** Undefined when there is none, or none that is understood: it was written by another version. */
function readJson<T>(file: string, schema: z.ZodType<T>): T | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return schema.safeParse(JSON.parse(readFileSync(file, 'utf8'))).data;
  } catch {
    return undefined;
  }
}

function writeJson(file: string, content: unknown): void {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(content, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(draft, file);
}

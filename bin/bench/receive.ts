import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { formatLsn } from '../../core/lsn.ts';
import { PUBLICATION, type Stretch } from './wal.ts';

const PROGRAM = 'pg_recvlogical';
/** Where Debian, Red Hat and Homebrew put what belongs to one version, newest first. */
const FOLDERS = ['/usr/lib/postgresql', '/usr/pgsql', '/opt/homebrew/opt', '/usr/local/opt'];

/** PostgreSQL's own receiver, or undefined where it is not installed (package `postgresql-client`). */
export function findReceiver(path = process.env.PATH ?? '', folders: readonly string[] = FOLDERS): string | undefined {
  const versions = folders.filter(existsSync).flatMap(folder =>
    readdirSync(folder)
      .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
      .map(version => join(folder, version, 'bin')),
  );
  // Debian's one in PATH is a script that looks for the version first.
  return [...versions, ...path.split(delimiter)].map(folder => join(folder, PROGRAM)).find(existsSync);
}

/** Seconds from the open stream until the receiver has written the whole stretch to nowhere. */
export function receive(program: string, url: string, slot: string, { end }: Stretch): Promise<number> {
  const options = ['proto_version=1', `publication_names=${PUBLICATION}`].flatMap(option => ['-o', option]);
  const args = [
    '--start',
    '-v',
    '-d',
    url,
    '-S',
    slot,
    '-f',
    '/dev/null',
    '-E',
    formatLsn(end),
    '--no-loop',
    ...options,
  ];
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const said: string[] = [];
  let start = 0;
  createInterface(child.stderr).on('line', line => {
    said.push(line);
    if (line.includes('streaming initiated')) start = performance.now();
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', code => {
      if (code === 0 && start > 0) resolve((performance.now() - start) / 1000);
      else reject(new Error(`${program} ended with ${code}: ${said.slice(-3).join('; ')}`));
    });
  });
}

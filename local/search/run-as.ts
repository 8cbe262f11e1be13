import { spawnSync } from 'node:child_process';
import { chownSync } from 'node:fs';

/** Whom a server runs as, in the shape of `spawn`'s options; empty means as ourselves. */
export interface RunAs {
  readonly uid?: number;
  readonly gid?: number;
}

/** Linux calls it nobody; elsewhere it is a number without a name, which serves as well. */
const NOBODY = 65_534;

/** OpenSearch refuses to run as root, so under root it runs as nobody. */
export function unprivileged(): RunAs {
  return process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
}

/** Hands a file or folder that we made to whom the server runs as. */
export function give(path: string, { uid, gid }: RunAs): void {
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid);
}

/** Whether that user reaches the path with these rights (`r`, `w`, `x`), which a closed folder above it may prevent. */
export function reaches(path: string, right: 'r' | 'w' | 'x', runAs: RunAs): boolean {
  return spawnSync('/bin/sh', ['-c', `test -${right} "$0"`, path], { ...runAs, cwd: '/' }).status === 0;
}

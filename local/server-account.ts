import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** What `spawn` takes to run a child as somebody else. Empty: run it as ourselves. */
export type Account = { readonly uid: number; readonly gid: number } | Record<string, never>;

/** What Linux and macOS call the account that owns nothing. */
const UNPRIVILEGED = 'nobody';
const UNPRIVILEGED_ID = 65534;

/**
 * The account for servers that refuse to run as root: nobody, which every system has, so none has to be created.
 * Started by anyone else, servers run as who starts them.
 */
export function serverAccount(): Account {
  if (process.getuid?.() !== 0) return {};
  try {
    const entry = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .find(line => line.startsWith(`${UNPRIVILEGED}:`));
    const [, , uid, gid] = entry?.split(':') ?? [];
    return { uid: Number(uid ?? UNPRIVILEGED_ID), gid: Number(gid ?? UNPRIVILEGED_ID) };
  } catch {
    return { uid: UNPRIVILEGED_ID, gid: UNPRIVILEGED_ID };
  }
}

/** Whether the account may pass through the folder. The system is asked, since modes alone do not tell. */
export function canReach(account: Account, folder: string): boolean {
  if (account.uid === undefined) return true;
  const test = ['-c', 'test -x "$1"', 'sh', folder];
  return spawnSync('/bin/sh', test, { ...account, cwd: '/' }).status === 0;
}

import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { protectedVariables, readEnvironment } from '../core/environment.ts';
import type { GivenKeys } from '../core/protection.ts';
import type { Model } from './template/model.ts';

/** Of AES-256. */
const KEY_BYTES = 32;

/**
 * What a function is told of the keys of protected fields, with a file of this machine in place of each key of KMS. A file
 * that is missing is made: its name is that of the key, so that values outlive a restart, and a new name is a new key.
 */
export function localKeys(given: string, folder: string): GivenKeys {
  const { PROTECTION_KEYS } = readEnvironment(protectedVariables, { PROTECTION_KEYS: given });
  return Object.fromEntries(
    Object.entries(PROTECTION_KEYS).map(([store, keys]) => [
      store,
      keys.map(({ name }) => ({ name, file: keyFile(folder, `${store}.${name}`) })),
    ]),
  );
}

/** Of all stores, for clients that read as the functions do. */
export const keysOf = ({ functions }: Model, folder: string): GivenKeys =>
  Object.assign(
    {},
    ...functions.map(({ environment: { PROTECTION_KEYS: given } }) => given && localKeys(given, folder)),
  );

function keyFile(folder: string, name: string): string {
  const file = join(folder, name);
  if (existsSync(file)) return file;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(file, randomBytes(KEY_BYTES).toString('base64'), { mode: 0o600, flag: 'wx' });
  return file;
}

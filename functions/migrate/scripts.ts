import { readdirSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { Script, Scripts } from './migrate.ts';

/** `001-roles.sql`: its number is its place. Anything else in the folder is repeatable. */
const NUMBERED = /^\d{3}-.*\.sql$/;

/** Reads `canonical/`, in the order in which it is to be applied. */
export function readScripts(folder: string): Scripts {
  const base = pathToFileURL(`${folder}/`);
  const names = readdirSync(base)
    .filter(name => name.endsWith('.sql'))
    .sort();
  const read = (name: string): Script => ({ name, sql: readFileSync(new URL(name, base), 'utf8') });
  return {
    migrations: names.filter(name => NUMBERED.test(name)).map(read),
    repeatable: names.filter(name => !NUMBERED.test(name)).map(read),
  };
}

import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './templates.ts';

const CONTRACT = 'contracts/stores/permission-cache.yaml';

/** A folder with this repository's contracts, of which the cache's asks for a Valkey. */
export function rootOnValkey(folder: string): string {
  mkdirSync(folder, { recursive: true });
  cpSync(join(ROOT, 'contracts'), join(folder, 'contracts'), { recursive: true });
  symlinkSync(join(ROOT, 'functions'), join(folder, 'functions'));
  const text = readFileSync(join(ROOT, CONTRACT), 'utf8');
  writeFileSync(join(folder, CONTRACT), text.replace('role: cache\n', 'role: cache\nengine: valkey\n'));
  return folder;
}

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { ArchiveCopy } from '../../core/archive-verification.ts';
import { DistributaryError } from '../../core/errors.ts';

/** A folder with a copy of an archive's bucket. Throws `usage` where there is none. */
export function folderCopy(folder: string): ArchiveCopy {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    const hint = 'give a folder with a copy of the bucket, or s3://bucket';
    throw new DistributaryError('usage', `${folder} is no folder`, { hint });
  }
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
  const known = new Set(names);
  return {
    async *list(prefix, after = '') {
      for (const name of names) if (name > after && name.startsWith(prefix)) yield name;
    },
    read: async object => (known.has(object) ? readFileSync(join(folder, object), 'utf8') : undefined),
  };
}

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Catalogue, parseCatalogue, type SourceFile } from '../core/catalogue.ts';
import { DistributaryError } from '../core/errors.ts';

/** Reads `contracts/` under `root`. Messages name each file as it lies there, so that an editor opens it. */
export function readCatalogue(root: string): Catalogue {
  return parseCatalogue({
    stores: readYaml(root, 'contracts/stores'),
    aggregates: readYaml(root, 'contracts/aggregates'),
  });
}

/** The contracts of one folder, in the order of their names. */
export function readYaml(root: string, folder: string): readonly SourceFile[] {
  const names = listFolder(root, folder);
  const misnamed = names.find(name => name.endsWith('.yml'));
  if (misnamed) {
    const hint = 'contracts end in .yaml: rename it';
    throw new DistributaryError('contract-invalid', `file ${misnamed}`, {
      place: { file: `${folder}/${misnamed}` },
      hint,
    });
  }
  return names
    .filter(name => name.endsWith('.yaml'))
    .sort()
    .map(name => ({ file: `${folder}/${name}`, text: readText(root, `${folder}/${name}`) }));
}

function readText(root: string, file: string): string {
  try {
    return readFileSync(join(root, file), 'utf8');
  } catch (cause) {
    const why = (cause as Error).message;
    const hint = 'what ends in .yaml under contracts/ is a file that can be read: rename it, or mend its permissions';
    throw new DistributaryError('contract-unreadable', `cannot be read: ${why}`, { place: { file }, hint, cause });
  }
}

function listFolder(root: string, folder: string): readonly string[] {
  try {
    return readdirSync(join(root, folder));
  } catch (cause) {
    const hint = "name the folder that contracts/ lies in: the root of a pipeline's repository, or of a team's";
    throw new DistributaryError('contract-missing', `no folder ${join(root, folder)}`, { hint, cause });
  }
}

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
    .map(name => ({ file: `${folder}/${name}`, text: readFileSync(join(root, folder, name), 'utf8') }));
}

function listFolder(root: string, folder: string): readonly string[] {
  try {
    return readdirSync(join(root, folder));
  } catch (cause) {
    throw new DistributaryError('contract-missing', `no folder ${folder}`, { place: { file: folder }, cause });
  }
}

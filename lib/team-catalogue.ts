import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Catalogue, parseCatalogue, type SourceFile } from '../core/catalogue.ts';
import { DistributaryError } from '../core/errors.ts';
import { hintOf } from '../core/hint.ts';
import { isProjected, type ProjectedContract } from '../core/store-contract.ts';
import { readCatalogue, readYaml } from './contract-files.ts';
import { PACKAGE } from './entry-points.ts';

const STORES = 'contracts/stores';
const AGGREGATES = 'contracts/aggregates';

/**
 * The contracts under `root`. Where those of aggregates are not among them, they are a team's own stores: aggregates, the
 * canonical store and the names that are taken are those of the pipeline that this package was made of.
 */
export const readCatalogueOf = (root: string): Catalogue =>
  existsSync(join(root, AGGREGATES)) ? readCatalogue(root) : joinPipeline(readYaml(root, STORES));

/** A team's own stores among those of the pipeline. */
export function joinPipeline(theirs: readonly SourceFile[]): Catalogue {
  const ours = readYaml(PACKAGE, STORES);
  for (const { file } of theirs) refuseTaken(file, ours);
  return parseCatalogue({ stores: [...ours, ...theirs], aggregates: readYaml(PACKAGE, AGGREGATES) });
}

/** Throws `contract-invalid` for a store of a team's that would be called as one of the pipeline's is. */
export const mustBeFree = (store: string): void => refuseTaken(`${STORES}/${store}.yaml`, readYaml(PACKAGE, STORES));

/** Files are named after their stores, so two of a name are two of a store. */
function refuseTaken(file: string, ours: readonly SourceFile[]): void {
  if (!ours.some(other => basename(other.file) === basename(file))) return;
  const hint = "choose another store_name: the pipeline's queues, tables and indexes have this one";
  throw new DistributaryError('contract-invalid', 'a store of the pipeline has this name', {
    place: { file, line: 1 },
    hint,
  });
}

/** The contract that a projection is made of. Throws `contract-missing` or, for one without a pipeline, `contract-invalid`. */
export function projectedNamed({ stores }: Catalogue, name: string): ProjectedContract {
  const file = `${STORES}/${name}.yaml`;
  const contract = stores.find(({ store_name }) => store_name === name);
  if (!contract) {
    const names = stores.map(({ store_name }) => store_name);
    const hint = `add ${file}; ${hintOf(name, names, 'stores')}`;
    throw new DistributaryError('contract-missing', `store ${name} has no contract`, { place: { file }, hint });
  }
  if (isProjected(contract)) return contract;
  const what = `store ${name} with role ${contract.role} and engine ${contract.engine ?? 'none'} has no projection`;
  const hint = 'a projection has role projection, cache or analytics, and engine opensearch, dynamodb or s3';
  throw new DistributaryError('contract-invalid', what, { place: { file }, hint });
}

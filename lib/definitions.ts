import { pathToFileURL } from 'node:url';
import type { Catalogue } from '../core/catalogue.ts';
import type { Definition } from '../core/projection.ts';
import type { AnyProjector } from '../core/projector.ts';
import type { ProjectedContract } from '../core/store-contract.ts';
import { readCatalogue } from './contract-files.ts';
import { PACKAGE, projectorFiles } from './entry-points.ts';

/** All contracts, and what makes the documents of each projected store: what is bundled into its function. */
export interface Definitions {
  readonly catalogue: Catalogue;
  readonly definitions: readonly Definition[];
}

export async function readDefinitions(root = PACKAGE): Promise<Definitions> {
  const catalogue = readCatalogue(root);
  const definitions = catalogue.projected.map(contract => readDefinition(contract, catalogue, root));
  return { catalogue, definitions: await Promise.all(definitions) };
}

/** `root` is where `functions/projectors/` is looked for. */
export async function readDefinition(
  contract: ProjectedContract,
  { aggregates }: Pick<Catalogue, 'aggregates'>,
  root: string,
): Promise<Definition> {
  const modules = projectorFiles(contract, root).map(async file => (await import(pathToFileURL(file).href)).default);
  return {
    contract,
    aggregates: aggregates.filter(({ aggregate }) => contract.aggregates.includes(aggregate)),
    projectors: (await Promise.all(modules)) as AnyProjector[],
  };
}

import { pathToFileURL } from 'node:url';
import type { Catalogue } from '../core/catalogue.ts';
import type { Definition } from '../core/projection.ts';
import type { AnyProjector } from '../core/projector.ts';
import { readCatalogue } from '../lib/contract-files.ts';
import { PACKAGE, projectorFiles } from '../lib/entry-points.ts';

/** All contracts, and what makes the documents of each projected store: what is bundled into its function. */
export interface Definitions {
  readonly catalogue: Catalogue;
  readonly definitions: readonly Definition[];
}

export async function readDefinitions(root = PACKAGE): Promise<Definitions> {
  const catalogue = readCatalogue(root);
  const definitions = catalogue.projected.map(async contract => {
    const modules = projectorFiles(contract, root).map(async file => (await import(pathToFileURL(file).href)).default);
    return {
      contract,
      aggregates: catalogue.aggregates.filter(({ aggregate }) => contract.aggregates.includes(aggregate)),
      projectors: (await Promise.all(modules)) as AnyProjector[],
    };
  });
  return { catalogue, definitions: await Promise.all(definitions) };
}

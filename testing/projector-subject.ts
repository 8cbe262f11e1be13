import { readDefinition } from '../lib/definitions.ts';
import { projectedNamed, readCatalogueOf } from '../lib/team-catalogue.ts';
import type { ProjectorUnderTest } from './projector-bench.ts';

/** The projector of a store as its function gets it: `contracts/` and `functions/projectors/` are looked for under `root`. */
export async function projectorOf(root: string, store: string): Promise<ProjectorUnderTest> {
  const catalogue = readCatalogueOf(root);
  return { definition: await readDefinition(projectedNamed(catalogue, store), catalogue, root) };
}

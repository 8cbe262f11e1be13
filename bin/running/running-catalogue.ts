import type { Catalogue } from '../../core/catalogue.ts';
import { readCatalogue } from '../../lib/contract-files.ts';
import { PACKAGE } from '../../lib/entry-points.ts';
import { readCatalogueOf } from '../../lib/team-catalogue.ts';
import type { Endpoints } from '../../local/endpoints.ts';

/** The contracts of all that runs: the pipeline's, and those of the teams that joined. */
export function runningCatalogue({ teams = [] }: Pick<Endpoints, 'teams'>): Catalogue {
  const ours = readCatalogue(PACKAGE);
  const known = new Set(ours.stores.map(({ store_name }) => store_name));
  const theirs = teams.flatMap(folder => readCatalogueOf(folder).projected);
  const joined = theirs.filter(({ store_name }) => !known.has(store_name));
  return { ...ours, stores: [...ours.stores, ...joined], projected: [...ours.projected, ...joined] };
}

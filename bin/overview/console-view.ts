import { responsibilityMatrix } from '../../core/governance/responsibility-matrix.ts';
import type { ConsoleView } from '../../local/console-server.ts';
import type { Endpoints } from '../../local/endpoints.ts';
import { runningCatalogue } from '../running/running-catalogue.ts';
import { openOverview } from './overview.ts';

/** What the console shows of a local mode: what `distributary status` sees, and who answers for what. */
export function consoleView(endpoints: Endpoints): ConsoleView {
  const catalogue = runningCatalogue(endpoints);
  const projected = catalogue.projected.filter(({ store_name }) => store_name in endpoints.stores);
  return {
    ...openOverview(endpoints, { ...catalogue, projected }),
    responsibilities: responsibilityMatrix(catalogue),
  };
}

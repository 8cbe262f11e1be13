import type { JsonObject } from '../../core/change.ts';
import { DistributaryError } from '../../core/errors.ts';
import { responsibilityMatrix } from '../../core/governance/responsibility-matrix.ts';
import type { PersonRole } from '../../core/policy.ts';
import type { Searched } from '../../functions/operate-http/door.ts';
import { consolePage } from '../../lib/console-page.ts';
import type { ConsoleView } from '../../local/console-server.ts';
import type { Endpoints } from '../../local/endpoints.ts';
import { localToken } from '../running/local-token.ts';
import { runningCatalogue } from '../running/running-catalogue.ts';
import { openOverview } from './overview.ts';

/** Of a cold start of the API's function, and a search. */
const SEARCH_TIMEOUT_MS = 30_000;

/** What the console shows of a local mode: what `distributary status` sees, who answers for what, and what a search shows to whom. */
export const consoleView =
  (dataDir: string) =>
  (endpoints: Endpoints): ConsoleView => {
    const catalogue = runningCatalogue(endpoints);
    const projected = catalogue.projected.filter(({ store_name }) => store_name in endpoints.stores);
    return {
      ...openOverview(endpoints, { ...catalogue, projected }),
      page: consolePage(),
      responsibilities: responsibilityMatrix(catalogue),
      searching: { as: 'role', ask: (question, as) => search(endpoints, dataDir, as!, question) },
    };
  };

async function search(endpoints: Endpoints, dataDir: string, as: PersonRole, question: JsonObject): Promise<Searched> {
  if (endpoints.api === undefined) return { status: 503, body: { detail: 'this local mode has no API' } };
  const issued = await localToken(endpoints, dataDir, { role: as }).catch(error => {
    if (error instanceof DistributaryError) return error;
    throw error;
  });
  // Such as nobody of the role, and no company to be of.
  if (issued instanceof DistributaryError)
    return { status: 409, body: { detail: `${issued.message}: ${issued.hint}` } };
  const answer = await fetch(`${endpoints.api}/search`, {
    method: 'POST',
    headers: { authorization: `Bearer ${issued.token}`, 'content-type': 'application/json' },
    body: JSON.stringify(question),
    signal: AbortSignal.timeout(SEARCH_TIMEOUT_MS),
  }).catch(() => undefined);
  if (!answer) return { status: 503, body: { detail: 'the API does not answer' } };
  return { status: answer.status, body: (await answer.json()) as JsonObject };
}

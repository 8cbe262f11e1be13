import type { Endpoints } from '../../local/endpoints.ts';
import { intakeOfficer } from './bureau.ts';
import type { Destination } from './shown-import.ts';

/** The canonical store of a local mode, as the role that commands have. */
export async function localDestination({ postgres }: Endpoints): Promise<Destination> {
  return {
    database: { connectionString: postgres.roles.distributary_app! },
    actor: await intakeOfficer({ connectionString: postgres.url }),
  };
}

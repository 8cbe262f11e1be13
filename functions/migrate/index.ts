import { migrateVariables, readEnvironment } from '../../core/environment.ts';
import { customResource } from '../custom-resource.ts';
import { databaseConfig } from '../database.ts';
import { migrate } from './migrate.ts';
import { readScripts } from './scripts.ts';

const environment = readEnvironment(migrateVariables);
/** Beside the bundle; in the repository, where nothing is bundled, the caller says where. */
const folder = environment.CANONICAL_DIR ?? `${import.meta.dirname}/canonical`;

/** Nothing is taken back when the stack goes: the data outlives it, or goes with the cluster. */
export const handler = customResource(async ({ RequestType }) => {
  if (RequestType === 'Delete') return undefined;
  const applied = await migrate(await databaseConfig(environment), readScripts(folder));
  console.log(JSON.stringify({ message: 'migrated', applied }));
  return { PhysicalResourceId: 'canonical-schema', Data: { applied: String(applied.length) } };
});

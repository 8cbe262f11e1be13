import pg from 'pg';
import { migrateVariables, readEnvironment } from '../../core/environment.ts';
import { customResource } from '../custom-resource.ts';
import { databaseConfig } from '../database.ts';
import { ensureSlot } from '../relay/slot.ts';
import { migrate } from './migrate.ts';
import { readScripts } from './scripts.ts';

const environment = readEnvironment(migrateVariables);
/** Beside the bundle; in the repository, where nothing is bundled, the caller says where. */
const folder = environment.CANONICAL_DIR ?? `${import.meta.dirname}/canonical`;

/** Nothing is taken back when the stack goes: the data outlives it, or goes with the cluster. */
export const handler = customResource(async ({ RequestType }) => {
  if (RequestType === 'Delete') return undefined;
  const database = await databaseConfig(environment);
  const applied = await migrate(database, readScripts(folder));
  const slot = await openSlot(database);
  console.log(JSON.stringify({ message: 'migrated', applied, slot }));
  return { PhysicalResourceId: 'canonical-schema', Data: { applied: String(applied.length) } };
});

async function openSlot(database: pg.ClientConfig): Promise<string> {
  const client = new pg.Client(database);
  await client.connect();
  try {
    return await ensureSlot(client, environment.SLOT_NAME, environment.PUBLICATION_NAME);
  } finally {
    await client.end();
  }
}

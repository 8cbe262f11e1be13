import type { CloudFormationCustomResourceEvent, Context } from 'aws-lambda';
import { migrateVariables, readEnvironment } from '../../core/environment.ts';
import { customResource } from '../custom-resource.ts';
import { databaseConfig } from '../database.ts';
import { migrate } from './migrate.ts';
import { openSlot } from './open-slot.ts';
import { readScripts } from './scripts.ts';

const environment = readEnvironment(migrateVariables);
/** Beside the bundle; in the repository, where nothing is bundled, the caller says where. */
const folder = environment.CANONICAL_DIR ?? `${import.meta.dirname}/canonical`;

interface Migrated {
  readonly applied: readonly string[];
  readonly slot: 'present' | 'created' | 'lost';
}

async function apply({ replaceLost }: { readonly replaceLost: boolean }): Promise<Migrated> {
  const { SLOT_NAME: slot, PUBLICATION_NAME: publication } = environment;
  const database = await databaseConfig(environment);
  const applied = await migrate(database, readScripts(folder));
  const migrated = { applied, slot: await openSlot(database, { slot, publication, replaceLost }) };
  console.log(JSON.stringify({ message: 'migrated', ...migrated }));
  return migrated;
}

/** Nothing is taken back when the stack goes: the data outlives it, or goes with the cluster. */
const onDeployment = customResource(async ({ RequestType }) => {
  if (RequestType === 'Delete') return undefined;
  const { applied } = await apply({ replaceLost: false });
  return { PhysicalResourceId: 'canonical-schema', Data: { applied: String(applied.length) } };
});

/** Invoked by hand it makes a lost slot anew, too, which no deployment does by the way. */
export const handler = (
  event: CloudFormationCustomResourceEvent | { readonly ResponseURL?: undefined } | null,
  context: Context,
): Promise<unknown> => (event?.ResponseURL === undefined ? apply({ replaceLost: true }) : onDeployment(event, context));

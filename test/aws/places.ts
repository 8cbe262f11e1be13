import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { Catalogue } from '../../core/catalogue.ts';
import type { ProjectedContract } from '../../core/store-contract.ts';
import { OPERATE, projectorBundle, RELAY } from '../../lib/entry-points.ts';
import { Names } from '../../lib/names.ts';
import { ENDPOINTS_FILE, type Endpoints, type StoreEndpoints } from '../../local/endpoints.ts';
import { roleUrl } from '../../local/provisioning.ts';
import type { Deployment } from './deployment.ts';
import { CREDENTIALS, type Emulator, type EmulatorName, REGION } from './emulator.ts';
import { ROLES, type Surroundings } from './surroundings.ts';

/** What the tests are told: where everything is, and how to deploy again. */
export interface Places {
  readonly emulator: EmulatorName;
  /** As local mode tells its clients, so that they serve here too. */
  readonly endpoints: Endpoints;
  readonly deployment: Deployment;
  /** Holds `endpoints.json`, as a local mode's folder does. */
  readonly folder: string;
}

/** Variable that names the folder. */
export const PLACES_VARIABLE = 'DISTRIBUTARY_AWS';
const PLACES_FILE = 'places.json';
export const NAMES = new Names('distributary');

export function writePlaces(places: Places): void {
  writeFileSync(join(places.folder, ENDPOINTS_FILE), JSON.stringify(places.endpoints), { mode: 0o600 });
  writeFileSync(join(places.folder, PLACES_FILE), JSON.stringify(places), { mode: 0o600 });
}

/** Written by the same checkout a moment ago. */
export function readPlaces(): Places {
  const folder = process.env[PLACES_VARIABLE];
  if (folder === undefined) throw new Error('no deployment to test: run these tests by npm run test:aws');
  const places = JSON.parse(readFileSync(join(folder, PLACES_FILE), 'utf8')) as Places;
  const { control, region, credentials } = places.endpoints;
  // The keys of protected fields are asked for by a client of the SDK's own, which goes by the environment.
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_KMS: control,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  });
  return places;
}

/** Asks the functions that were deployed, by what they were given. */
export async function endpointsOf(
  emulator: Emulator,
  { databaseUrl, search }: Surroundings,
  { projected }: Catalogue,
): Promise<Endpoints> {
  const { endpoint } = emulator;
  const lambda = new LambdaClient({ endpoint, region: REGION, credentials: { ...CREDENTIALS } });
  const variablesOf = async (part: string): Promise<Readonly<Record<string, string>>> => {
    const FunctionName = NAMES.function(part);
    const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
    return Environment?.Variables ?? {};
  };
  const relay = await variablesOf(RELAY);
  const stores: Record<string, StoreEndpoints> = {};
  for (const contract of projected) {
    stores[contract.store_name] = storeOf(contract, await variablesOf(projectorBundle(contract.store_name)));
  }
  const { PROTECTION_KEYS } = await variablesOf(OPERATE);
  lambda.destroy();
  return {
    pid: process.pid,
    startedAt: new Date().toISOString(),
    control: endpoint,
    region: REGION,
    credentials: CREDENTIALS,
    postgres: { url: databaseUrl, roles: Object.fromEntries(ROLES.map(role => [role, roleUrl(databaseUrl, role)])) },
    opensearch: search,
    dynamodb: { endpoint, kind: 'real' },
    sqs: endpoint,
    sns: endpoint,
    s3: endpoint,
    topicArn: relay.TOPIC_ARN!,
    payloadBucket: relay.PAYLOAD_BUCKET!,
    parkedQueueUrl: relay.PARKED_QUEUE_URL!,
    slot: relay.SLOT_NAME!,
    controlTable: NAMES.controlTable,
    operate: NAMES.function(OPERATE),
    ...(PROTECTION_KEYS !== undefined && { protectionKeys: JSON.parse(PROTECTION_KEYS) }),
    stores,
    logs: emulator.logFile,
  };
}

function storeOf(
  { store_name, engine }: ProjectedContract,
  variables: Readonly<Record<string, string>>,
): StoreEndpoints {
  const { BUCKET_NAME, ARCHIVE_BUCKET, TABLE_NAME } = variables;
  const bucket = BUCKET_NAME ?? ARCHIVE_BUCKET;
  return {
    engine,
    projector: NAMES.function(projectorBundle(store_name)),
    queueUrl: variables.QUEUE_URL!,
    priorityQueueUrl: variables.PRIORITY_QUEUE_URL!,
    failedQueueUrl: variables.FAILED_QUEUE_URL!,
    ...(engine === 'opensearch' && { index: store_name }),
    ...(TABLE_NAME !== undefined && { table: TABLE_NAME }),
    ...(bucket !== undefined && { bucket }),
  };
}

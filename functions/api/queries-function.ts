import { type Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { AggregateContract } from '../../core/aggregate-contract.ts';
import { apiQueryVariables, readEnvironment } from '../../core/environment.ts';
import type { Operation } from '../../core/policy.ts';
import type { ProjectedContract } from '../../core/store-contract.ts';
import { controlTable } from '../control.ts';
import { databaseConfig } from '../database.ts';
import type { CacheEngine } from '../engines/cache.ts';
import { instruments } from '../instruments.ts';
import { reads } from '../reads.ts';
import { dynamoStore } from '../stores/dynamodb.ts';
import { dynamoClient } from '../stores/dynamodb-client.ts';
import { protectionOf } from '../stores/field-protection.ts';
import { openSearchClient } from '../stores/opensearch-client.ts';
import { factFormat } from '../stores/parquet-file.ts';
import { manifest } from '../stores/parquet-manifest.ts';
import { bucketObjects } from '../stores/parquet-objects.ts';
import { protectedStore } from '../stores/protected.ts';
import { s3Client } from '../stores/s3-client.ts';
import { Canonical } from './canonical.ts';
import type { CommandPorts } from './command.ts';
import { commandRoutes } from './commands/all.ts';
import { Cursors } from './cursor.ts';
import { frontDoor } from './front-door.ts';
import { Identity } from './identity.ts';
import { PermissionCache } from './permission-cache.ts';
import { queryRoutes } from './queries/all.ts';
import type { QueryPorts } from './queries/ports.ts';
import { sharedRateLimit } from './shared-rate-limit.ts';
import { cursorKey, issuerKeys } from './state-table.ts';

/** Contracts of what is queried, part of the function's code. */
export interface QueryDefinitions {
  readonly cases: AggregateContract;
  readonly search: ProjectedContract;
  readonly timeline: ProjectedContract;
  readonly worklist: ProjectedContract;
  readonly facts: ProjectedContract;
}

/** The function of all queries. */
export async function queriesFunction(definitions: QueryDefinitions, engine: CacheEngine) {
  const environment = readEnvironment(apiQueryVariables);
  const { OIDC_ISSUER: issuer, OIDC_AUDIENCE: audience, API_STATE_TABLE: table } = environment;
  const tools = instruments('api-queries');
  const client = dynamoClient();
  const canonical = new Canonical(await databaseConfig(environment));
  const control = controlTable({ client, tableName: environment.CONTROL_TABLE });
  const objects = bucketObjects(s3Client(), environment.FACTS_BUCKET);
  const { cases, search, timeline, worklist, facts } = definitions;
  const timelineStore = dynamoStore({ client, contract: timeline, control, tableName: environment.TIMELINE_TABLE });
  const sealedTimeline = protectionOf(timeline, environment.PROTECTION_KEYS);
  const cacheMetrics = tools.metrics.singleMetric();
  let key: Promise<Uint8Array> | undefined;
  const shown: Partial<Record<Operation, string>> = {
    'search-cases': search.store_name,
    'read-worklist': worklist.store_name,
  };
  const ports: QueryPorts = {
    canonical,
    permissions: new PermissionCache({
      cache: engine.open(),
      load: user => canonical.permissionsOf(user),
      onUnavailable: () => void ofCache(cacheMetrics).addMetric('cache_unavailable_count', MetricUnit.Count, 1),
    }),
    control,
    reads: reads(control),
    cursors: new Cursors(() => {
      key ??= cursorKey(client, table).catch(error => {
        key = undefined;
        throw error;
      });
      return key;
    }),
    // Filed under the store that showed too much, whose alarm it rings.
    onMismatch(operation, count) {
      const { metrics } = operation in shown ? instruments(shown[operation]!) : tools;
      metrics.addMetric('authorization_mismatch_count', MetricUnit.Count, count);
      metrics.publishStoredMetrics();
    },
    onPermissions: seen => reportPermissions(cacheMetrics, seen),
    cases,
    search: { client: openSearchClient(environment.OPENSEARCH_URL), contract: search },
    timeline: {
      store: sealedTimeline ? protectedStore(timelineStore, sealedTimeline) : timelineStore,
      contract: timeline,
    },
    worklist: { client, contract: worklist, protection: protectionOf(worklist, environment.PROTECTION_KEYS) },
    facts: { reader: { format: factFormat(facts), manifest: manifest(control, objects), objects }, contract: facts },
  };
  return frontDoor({
    routes: queryRoutes(ports, describedCommands()),
    identity: new Identity({ issuer, audience, keys: () => issuerKeys(client, table) }),
    instruments: tools,
    rateLimit: sharedRateLimit({ client, tableName: table, tools }),
  });
}

const reportPermissions = (metrics: Metrics, seen: Parameters<QueryPorts['onPermissions']>[0]): void => {
  if (seen === 'changed') ofCache(metrics).addMetric('drift_sample_mismatch_count', MetricUnit.Count, 1);
  else ofCache(metrics).addMetric('freshness_seconds', MetricUnit.Seconds, seen.ageSeconds);
};

const ofCache = (metrics: Metrics): Metrics => {
  metrics.setDefaultDimensions({ service: 'permission-cache' });
  return metrics;
};

/** For the OpenAPI document only: another function carries them out. */
const describedCommands = () =>
  commandRoutes({} as CommandPorts, () => Promise.reject(new Error('commands are not carried out here')));

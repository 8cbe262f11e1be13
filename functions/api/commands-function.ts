import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { S3Client } from '@aws-sdk/client-s3';
import { apiCommandVariables, readEnvironment } from '../../core/environment.ts';
import { databaseConfig } from '../database.ts';
import { instruments } from '../instruments.ts';
import { dynamoClient } from '../stores/dynamodb-client.ts';
import { Canonical } from './canonical.ts';
import { commandRoutes } from './commands/all.ts';
import { frontDoor } from './front-door.ts';
import { Identity } from './identity.ts';
import { onceIn } from './once.ts';
import { sharedRateLimit } from './shared-rate-limit.ts';
import { issuerKeys } from './state-table.ts';
import { presignedUploads } from './uploads.ts';

/** The function of all commands: it knows the canonical store and where evidence is uploaded to, and no derived store. */
export async function commandsFunction() {
  const environment = readEnvironment(apiCommandVariables);
  const { OIDC_ISSUER: issuer, OIDC_AUDIENCE: audience, API_STATE_TABLE: table, EVIDENCE_BUCKET } = environment;
  const tools = instruments('api-commands');
  const dynamo = dynamoClient();
  const ports = {
    canonical: new Canonical(await databaseConfig(environment)),
    once: onceIn(dynamo, table),
    onMismatch: () => void tools.metrics.addMetric('authorization_mismatch_count', MetricUnit.Count, 1),
  };
  const s3 = new S3Client({ requestChecksumCalculation: 'WHEN_REQUIRED' });
  return frontDoor({
    routes: commandRoutes(ports, presignedUploads(s3, EVIDENCE_BUCKET)),
    identity: new Identity({ issuer, audience, keys: () => issuerKeys(dynamo, table) }),
    instruments: tools,
    rateLimit: sharedRateLimit({ client: dynamo, tableName: table, tools }),
  });
}

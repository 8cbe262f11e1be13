import { CustomResource, Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { EnvironmentOf, migrateVariables } from '../core/environment.ts';
import { BundledFunction } from './bundled-function.ts';
import type { Bundle } from './bundles.ts';
import { AMAZON_AUTHORITIES } from './canonical-access.ts';
import { type CanonicalStore, DATABASE_NAME } from './canonical-store.ts';
import type { Preset } from './configuration.ts';
import { PUBLICATION, SLOT } from './relay.ts';

export interface MigrationsProps {
  readonly store: CanonicalStore;
  /** The function, and beside it the SQL. */
  readonly bundle: Bundle;
  readonly functionName: string;
  readonly preset: Preset;
}

/** A migration that takes longer than a function may run is a job for a maintenance window, not for a deployment. */
const TIMEOUT_SECONDS = 900;

/** Brings the schema up to `canonical/` whenever that changed, before anything that needs it is deployed. */
export class Migrations extends Construct {
  constructor(scope: Construct, id: string, { store, bundle, functionName, preset }: MigrationsProps) {
    super(scope, id);
    const { cluster } = store;
    const secret = cluster.secret!;
    const environment: EnvironmentOf<typeof migrateVariables> = {
      DATABASE_HOST: cluster.clusterEndpoint.hostname,
      DATABASE_PORT: String(cluster.clusterEndpoint.port),
      DATABASE_NAME,
      DATABASE_SECRET_ARN: secret.secretArn,
      SLOT_NAME: SLOT,
      PUBLICATION_NAME: PUBLICATION,
    };
    const migrate = new BundledFunction(this, 'Migrate', {
      bundle,
      functionName,
      description: 'Applies canonical/*.sql to the canonical store, once each',
      environment: { ...environment, NODE_EXTRA_CA_CERTS: AMAZON_AUTHORITIES },
      timeoutSeconds: TIMEOUT_SECONDS,
      logDays: preset.logDays,
      placement: { subnetIds: store.subnetIds, securityGroupIds: [store.clients.securityGroupId] },
    });
    migrate.allow(['secretsmanager:GetSecretValue'], [secret.secretArn]);
    const applied = new CustomResource(this, 'Applied', {
      resourceType: 'Custom::CanonicalMigrations',
      serviceToken: migrate.lambda.functionArn,
      serviceTimeout: Duration.seconds(TIMEOUT_SECONDS),
      // CloudFormation calls the function again only when a property changed.
      properties: { Content: bundle.hash },
    });
    applied.node.addDependency(cluster, migrate);
  }
}

import { CustomResource, Duration } from 'aws-cdk-lib';
import { Construct, type IDependable } from 'constructs';
import type { databaseVariables, EnvironmentOf, migrateVariables } from '../core/environment.ts';
import { BundledFunction, type Placement } from './bundled-function.ts';
import type { Bundle } from './bundles.ts';
import type { Preset } from './presets.ts';
import { PUBLICATION, SLOT } from './relay.ts';

export interface MigrationsProps {
  /** How it reaches the database, as a role that may create roles. */
  readonly variables: EnvironmentOf<typeof databaseVariables> & { readonly NODE_EXTRA_CA_CERTS?: string };
  /** @default its variables hold a whole URL */
  readonly secretArn?: string | undefined;
  /** @default no network of ours */
  readonly placement?: Placement | undefined;
  /** What has to be there before it can connect. */
  readonly after: readonly IDependable[];
  /** The function, and beside it the SQL. */
  readonly bundle: Bundle;
  readonly functionName: string;
  readonly preset: Preset;
}

/** A migration that takes longer than a function may run is a job for a maintenance window, not for a deployment. */
const TIMEOUT_SECONDS = 900;

/** Brings the schema up to `canonical/` whenever that changed, before anything that needs it is deployed. */
export class Migrations extends Construct {
  constructor(scope: Construct, id: string, props: MigrationsProps) {
    super(scope, id);
    const { bundle, secretArn, functionName, placement, preset } = props;
    const environment: EnvironmentOf<typeof migrateVariables> = {
      ...props.variables,
      SLOT_NAME: SLOT,
      PUBLICATION_NAME: PUBLICATION,
    };
    const migrate = new BundledFunction(this, 'Migrate', {
      bundle,
      functionName,
      description: 'Applies canonical/*.sql to the canonical store, once each',
      environment,
      timeoutSeconds: TIMEOUT_SECONDS,
      logDays: preset.logDays,
      placement,
    });
    if (secretArn !== undefined) migrate.allow(['secretsmanager:GetSecretValue'], [secretArn]);
    const applied = new CustomResource(this, 'Applied', {
      resourceType: 'Custom::CanonicalMigrations',
      serviceToken: migrate.lambda.functionArn,
      serviceTimeout: Duration.seconds(TIMEOUT_SECONDS),
      // CloudFormation calls the function again only when a property changed.
      properties: { Content: bundle.hash },
    });
    applied.node.addDependency(migrate, ...props.after);
  }
}

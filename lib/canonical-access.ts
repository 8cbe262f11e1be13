import { ArnFormat, Fn, Stack } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { databaseVariables, EnvironmentOf } from '../core/environment.ts';
import type { BundledFunction, Placement } from './bundled-function.ts';
import type { Configuration } from './configuration.ts';
import type { SharedValues } from './shared-values.ts';

/**
 * Where Lambda keeps Amazon's own certificate authorities, which sign what Aurora presents and Node does not trust by
 * itself (since nodejs20.x).
 */
export const AMAZON_AUTHORITIES = '/var/runtime/ca-cert.pem';

export interface CanonicalAccessProps {
  readonly shared: SharedValues;
  readonly configuration: Configuration;
}

export type DatabaseVariables = EnvironmentOf<typeof databaseVariables> & { readonly NODE_EXTRA_CA_CERTS?: string };

/** The canonical store as the function of one role reaches it: the writer itself, by IAM or a secret, over TLS. */
export class CanonicalAccess extends Construct {
  readonly #props: CanonicalAccessProps;

  constructor(scope: Construct, id: string, props: CanonicalAccessProps) {
    super(scope, id);
    this.#props = props;
  }

  /** In the canonical store's network, unless there is none. */
  get placement(): Placement | undefined {
    const { configuration, shared } = this.#props;
    return configuration.target === 'local' ? undefined : privatePlacement(this, shared, 'databaseClients');
  }

  variables(user: string): DatabaseVariables {
    const { configuration, shared } = this.#props;
    const { target, databaseUrl, relayDatabaseUrl, databaseName, relaySecretArn } = configuration;
    if (target === 'local') return { DATABASE_URL: relayDatabaseUrl ?? databaseUrl! };
    return {
      DATABASE_HOST: shared.read(this, 'databaseHost'),
      DATABASE_PORT: shared.read(this, 'databasePort'),
      DATABASE_NAME: databaseName,
      ...(relaySecretArn === undefined ? { DATABASE_USER: user } : { DATABASE_SECRET_ARN: relaySecretArn }),
      NODE_EXTRA_CA_CERTS: AMAZON_AUTHORITIES,
    };
  }

  allowLogin(fn: BundledFunction, user: string): void {
    const { configuration, shared } = this.#props;
    if (configuration.target === 'local') return;
    if (configuration.relaySecretArn !== undefined) {
      fn.allow(['secretsmanager:GetSecretValue'], [configuration.relaySecretArn]);
      return;
    }
    const arn = Stack.of(this).formatArn({
      service: 'rds-db',
      resource: 'dbuser',
      resourceName: `${shared.read(this, 'databaseResourceId')}/${user}`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    fn.allow(['rds-db:connect'], [arn]);
  }
}

/** In the network of the canonical store, as one of those whom a store there lets in. */
export const privatePlacement = (
  scope: Construct,
  shared: SharedValues,
  clients: 'databaseClients' | 'searchClients',
): Placement => ({
  subnetIds: Fn.split(',', shared.read(scope, 'subnetIds')),
  securityGroupIds: [shared.read(scope, clients)],
});

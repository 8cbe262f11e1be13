import { ArnFormat, Fn, Stack } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { databaseVariables, EnvironmentOf } from '../core/environment.ts';
import type { Permitted, Placement } from './bundled-function.ts';
import type { Configuration } from './configuration-schema.ts';
import type { SharedValues } from './shared-values.ts';

/**
 * Where Lambda keeps Amazon's own certificate authorities, which sign what Aurora presents and Node does not trust by
 * itself (since nodejs20.x).
 */
export const AMAZON_AUTHORITIES = '/var/runtime/ca-cert.pem';

/** Streams the outbox; made by the migrations. */
export const RELAY_ROLE = 'distributary_relay';

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
    const { target, databaseUrl, relayDatabaseUrl, databaseName, databaseRoleSecrets } = configuration;
    if (target === 'local') return { DATABASE_URL: (user === RELAY_ROLE && relayDatabaseUrl) || databaseUrl! };
    return {
      DATABASE_HOST: shared.read(this, 'databaseHost'),
      DATABASE_PORT: shared.read(this, 'databasePort'),
      DATABASE_NAME: databaseName,
      ...(databaseRoleSecrets === undefined
        ? { DATABASE_USER: user }
        : { DATABASE_SECRET_ARN: databaseRoleSecrets + user }),
      NODE_EXTRA_CA_CERTS: AMAZON_AUTHORITIES,
    };
  }

  /** For whole states, read by the million: what a reader has not seen yet, the comparison with the writer brings. */
  readerVariables(): { readonly DATABASE_READER_HOST?: string } {
    const { configuration, shared } = this.#props;
    return configuration.target === 'local' ? {} : { DATABASE_READER_HOST: shared.read(this, 'databaseReaderHost') };
  }

  allowLogin(fn: Permitted, user: string): void {
    const { configuration, shared } = this.#props;
    if (configuration.target === 'local') return;
    if (configuration.databaseRoleSecrets !== undefined) {
      const secret = Stack.of(this).formatArn({
        service: 'secretsmanager',
        resource: 'secret',
        // The service adds a hyphen and six characters of its own.
        resourceName: `${configuration.databaseRoleSecrets}${user}-??????`,
        arnFormat: ArnFormat.COLON_RESOURCE_NAME,
      });
      fn.allow(['secretsmanager:GetSecretValue'], [secret]);
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

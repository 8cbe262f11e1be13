import { ArnFormat, Fn, Stack } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { databaseVariables, EnvironmentOf } from '../core/environment.ts';
import type { BundledFunction, Placement } from './bundled-function.ts';
import { DATABASE_NAME } from './canonical-store.ts';
import type { SharedValues } from './shared-values.ts';

/**
 * Where Lambda keeps Amazon's own certificate authorities, which sign what Aurora presents and Node does not trust by
 * itself (since nodejs20.x).
 */
export const AMAZON_AUTHORITIES = '/var/runtime/ca-cert.pem';

/** The canonical store as a function of another stack reaches it: the writer's endpoint, by IAM, over TLS. */
export class CanonicalAccess extends Construct {
  readonly #shared: SharedValues;

  constructor(scope: Construct, id: string, { shared }: { shared: SharedValues }) {
    super(scope, id);
    this.#shared = shared;
  }

  get placement(): Placement {
    return privatePlacement(this, this.#shared, 'databaseClients');
  }

  variables(user: string): EnvironmentOf<typeof databaseVariables> & { readonly NODE_EXTRA_CA_CERTS: string } {
    return {
      DATABASE_HOST: this.#shared.read(this, 'databaseHost'),
      DATABASE_PORT: this.#shared.read(this, 'databasePort'),
      DATABASE_NAME,
      DATABASE_USER: user,
      NODE_EXTRA_CA_CERTS: AMAZON_AUTHORITIES,
    };
  }

  allowLogin(fn: BundledFunction, user: string): void {
    const arn = Stack.of(this).formatArn({
      service: 'rds-db',
      resource: 'dbuser',
      resourceName: `${this.#shared.read(this, 'databaseResourceId')}/${user}`,
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

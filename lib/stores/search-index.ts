import { Stack } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { EnvironmentOf, openSearchVariables } from '../../core/environment.ts';
import type { ProjectedContract } from '../../core/store-contract.ts';
import type { BundledFunction, Placement } from '../bundled-function.ts';
import { privatePlacement } from '../canonical-access.ts';
import type { SharedValues } from '../shared-values.ts';
import type { ProjectedStore } from './projected-store.ts';

export interface SearchIndexProps {
  readonly contract: ProjectedContract;
  readonly domainName: string;
  readonly shared: SharedValues;
}

/** A store's part of the shared domain: its alias and the indexes behind it. The provisioning function makes them. */
export class SearchIndex extends Construct implements ProjectedStore {
  readonly variables: EnvironmentOf<typeof openSearchVariables>;
  readonly placement: Placement;
  readonly #alias: string;
  readonly #domainArn: string;

  constructor(scope: Construct, id: string, { contract, domainName, shared }: SearchIndexProps) {
    super(scope, id);
    this.#alias = contract.store_name;
    this.#domainArn = Stack.of(this).formatArn({ service: 'es', resource: 'domain', resourceName: domainName });
    this.variables = { OPENSEARCH_URL: `https://${shared.read(this, 'searchEndpoint')}` };
    this.placement = privatePlacement(this, shared, 'searchClients');
  }

  allowWrite(fn: BundledFunction): void {
    fn.allow(['es:ESHttpGet', 'es:ESHttpPost'], [this.#generations]);
  }

  allowProvision(fn: BundledFunction): void {
    this.allowWrite(fn);
    fn.allow(['es:ESHttpPut'], [this.#generations]);
    fn.allow(['es:ESHttpGet'], [`${this.#domainArn}/_alias/${this.#alias}`]);
    // One request moves the alias in one step; OpenSearch has no address for it that names the store.
    fn.allow(['es:ESHttpPost'], [`${this.#domainArn}/_aliases`]);
  }

  /** The index of each target, with everything below it: no store's name holds a dot, so no other store's index matches. */
  get #generations(): string {
    return `${this.#domainArn}/${this.#alias}.*`;
  }
}

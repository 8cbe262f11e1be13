import { Stack } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { EnvironmentOf, openSearchVariables } from '../../core/environment.ts';
import type { ProjectedContract } from '../../core/store-contract.ts';
import type { BundledFunction, Placement } from '../bundled-function.ts';
import { privatePlacement } from '../canonical-access.ts';
import type { Configuration } from '../configuration-schema.ts';
import { SearchAdmission } from '../search-access.ts';
import type { SharedValues } from '../shared-values.ts';
import type { ProjectedStore } from './projected-store.ts';

export interface SearchIndexProps {
  readonly contract: ProjectedContract;
  readonly domainName: string;
  readonly shared: SharedValues;
  readonly configuration: Configuration;
}

/** Of the time in the name of a target that a rebuild made: `20261121t233500123`. */
const STAMP_CHARACTERS = 18;

/** A store's part of the shared domain: its alias and the indexes behind it. The provisioning function makes them. */
export class SearchIndex extends Construct implements ProjectedStore {
  readonly variables: EnvironmentOf<typeof openSearchVariables>;
  readonly placement?: Placement;
  readonly #alias: string;
  /** Absent for an OpenSearch that IAM does not know. */
  readonly #domainArn: string | undefined;
  /** Absent for a domain of yours, whose roles are yours to map. */
  readonly #admission: SearchAdmission | undefined;

  constructor(scope: Construct, id: string, { contract, domainName, shared, configuration }: SearchIndexProps) {
    super(scope, id);
    this.#alias = contract.store_name;
    const { searchUrl, searchDomainArn, searchSecurityGroupId } = configuration;
    if (searchUrl === undefined) {
      this.#domainArn = Stack.of(this).formatArn({ service: 'es', resource: 'domain', resourceName: domainName });
      this.variables = { OPENSEARCH_URL: `https://${shared.read(this, 'searchEndpoint')}` };
      const accessArn = shared.read(this, 'searchAccessArn');
      this.#admission = new SearchAdmission(this, 'Admission', { accessArn, index: this.#alias });
    } else {
      this.#domainArn = searchDomainArn;
      this.variables = { OPENSEARCH_URL: searchUrl };
    }
    const inNetwork = searchUrl === undefined || searchSecurityGroupId !== undefined;
    if (inNetwork) this.placement = privatePlacement(this, shared, 'searchClients');
  }

  allowWrite(fn: BundledFunction): void {
    this.#admission?.add(fn);
    this.#allow(fn, ['Get', 'Post'], this.#generations);
  }

  allowProvision(fn: BundledFunction): void {
    this.allowWrite(fn);
    this.#allow(fn, ['Put'], this.#generations);
    this.#allow(fn, ['Put'], `_index_template/${this.#alias}`);
    this.#allow(fn, ['Get'], `_alias/${this.#alias}`);
    // One request moves the alias in one step; OpenSearch has no address for it that names the store.
    this.#allow(fn, ['Post'], '_aliases');
  }

  /** Searches through the alias, which shows readers the one target that they shall see; a canary is searched by name. */
  allowRead(fn: BundledFunction): void {
    this.#admission?.add(fn);
    this.#allow(fn, ['Post'], `${this.#alias}/_search`);
    for (const generation of ['1', '?'.repeat(STAMP_CHARACTERS)]) {
      // An asterisk takes slashes too; so much after the last dot can be an index, and nothing in one.
      this.#allow(fn, ['Post'], `${this.#generations}.${generation}/_search`);
    }
  }

  /** Targets are made, compared, put before the readers, and removed. */
  allowOperate(fn: BundledFunction): void {
    this.allowProvision(fn);
    this.#allow(fn, ['Delete'], this.#generations);
  }

  /** The index of each target, with everything below it: no store's name holds a dot, so no other store's index matches. */
  get #generations(): string {
    return `${this.#alias}.*`;
  }

  #allow(fn: BundledFunction, methods: readonly string[], path: string): void {
    if (this.#domainArn === undefined) return;
    fn.allow(
      methods.map(method => `es:ESHttp${method}`),
      [`${this.#domainArn}/${path}`],
    );
  }
}

import type { Construct } from 'constructs';
import { type Catalogue, storeNamed } from '../../core/catalogue.ts';
import { DistributaryError } from '../../core/errors.ts';
import { isProtectedContract, type StoreContract } from '../../core/store-contract.ts';
import { Api } from '../api.ts';
import { CanonicalAccess } from '../canonical-access.ts';
import type { Configuration } from '../configuration-schema.ts';
import { addressOf } from '../http-door.ts';
import { readKeys } from '../stores/protection-keys.ts';
import { SearchIndex } from '../stores/search-index.ts';
import { type Blueprint, PipelineStack } from './pipeline-stack.ts';

/** The stores that queries are answered from. */
export const QUERIED = ['case-search', 'case-timeline', 'investigator-worklist', 'case-facts'] as const;

/** Whether the catalogue is one of cases: the API serves these, and a pipeline of something else has its own. */
export const servesCases = ({ projected, stores }: Catalogue): boolean =>
  QUERIED.every(name => projected.some(({ store_name }) => store_name === name)) &&
  ['api-state', 'permission-cache', 'evidence-content'].every(name =>
    stores.some(({ store_name }) => store_name === name),
  );

/** The console shows people of the API's issuer what the API's stores are fed by; an issuer of yours has to know it as a client. */
export const servesConsole = ({ catalogue, configuration }: Pick<Blueprint, 'catalogue' | 'configuration'>): boolean =>
  configuration.console === 'on' &&
  servesCases(catalogue) &&
  (configuration.tokenIssuer === undefined || configuration.consoleClientId !== undefined);

/** Commands and queries over HTTP. */
export class ApiStack extends PipelineStack {
  constructor(scope: Construct, blueprint: Blueprint) {
    super(scope, { ...blueprint, part: 'api', description: 'API of the pipeline: commands and queries' });
    const { catalogue, bundles, configuration, names, preset, shared } = blueprint;
    const contract = catalogue.projected.find(({ store_name }) => store_name === 'case-search')!;
    const { tokenIssuer: issuer, tokenAudience: audience, target, cacheUrl } = configuration;
    const permissions = storeNamed(catalogue, 'permission-cache');
    checkCache(permissions, target, cacheUrl);
    const api = new Api(this, 'Api', {
      ...(issuer !== undefined && audience !== undefined && { issuer: { issuer, audience } }),
      consoleUrl: servesConsole(blueprint) ? addressOf(this, shared.read(this, 'consoleApiId')) : undefined,
      source: new CanonicalAccess(this, 'Source', { shared, configuration }),
      search: new SearchIndex(this, 'Search', { contract, domainName: names.searchDomain, shared, configuration }),
      control: this.control(),
      queried: QUERIED,
      keys: catalogue.projected
        .filter(isProtectedContract)
        .filter(({ store_name }) => QUERIED.some(name => name === store_name))
        .map(contract => readKeys(this, shared, contract)),
      factBucketName: shared.readBucket(this, 'case-facts'),
      contracts: {
        state: storeNamed(catalogue, 'api-state'),
        permissions,
        evidence: storeNamed(catalogue, 'evidence-content'),
      },
      cacheUrl,
      shared,
      alarmTopic: this.alarmTopic(),
      bundles,
      names,
      preset,
    });
    shared.publishBucket(this, 'evidence-content', api.evidenceBucketName);
    const { issuer: tokenIssuer, audience: tokenAudience, stateTableName: apiStateTableName } = api.tokens;
    if (servesConsole(blueprint)) {
      shared.publish(this, { tokenIssuer, tokenAudience, apiStateTableName, apiUrl: api.url });
    }
  }
}

/** What the configuration cannot see alone: which engine the contract asks for. */
function checkCache({ engine }: StoreContract, target: Configuration['target'], cacheUrl: string | undefined): void {
  const isOnValkey = engine === 'valkey';
  if (isOnValkey && target === 'local' && cacheUrl === undefined) {
    const hint = 'add "cacheUrl": an emulator has no engine behind its cache service';
    throw new DistributaryError('configuration-invalid', 'permission-cache is on valkey with target=local', { hint });
  }
  if (!isOnValkey && cacheUrl !== undefined) {
    const hint = 'leave it out, or add "engine: valkey" to contracts/stores/permission-cache.yaml';
    throw new DistributaryError('configuration-invalid', 'cacheUrl means nothing to a cache in a table', { hint });
  }
}

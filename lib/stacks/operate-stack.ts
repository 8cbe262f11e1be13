import type { Construct } from 'constructs';
import { isProtectedContract } from '../../core/store-contract.ts';
import { CanonicalAccess } from '../canonical-access.ts';
import { Console } from '../console.ts';
import { CONSOLE, OPERATE } from '../entry-points.ts';
import { Operations } from '../operations.ts';
import { PurgeSchedule } from '../purge-schedule.ts';
import { readKeys } from '../stores/protection-keys.ts';
import { SearchIndex } from '../stores/search-index.ts';
import { servesCases, servesConsole } from './api-stack.ts';
import { type Blueprint, PipelineStack } from './pipeline-stack.ts';

/** Where Cognito lists somebody's groups. */
const COGNITO_GROUPS = 'cognito:groups';

/**
 * The operations function, and the console before it. A stack of its own and the last one, for it works on what all the others have made; the
 * operations stack comes before them, for they report to it.
 */
export class OperateStack extends PipelineStack {
  constructor(scope: Construct, blueprint: Blueprint) {
    super(scope, { ...blueprint, part: 'operate', description: 'Operations function of the pipeline' });
    const { catalogue, bundles, configuration, names, preset, shared } = blueprint;
    const contracts = catalogue.projected;
    const searches = contracts
      .filter(({ engine }) => engine === 'opensearch')
      .map(contract => {
        const domainName = names.searchDomain;
        return new SearchIndex(this, `Search-${contract.store_name}`, { contract, domainName, shared, configuration });
      });
    const buckets = contracts
      .filter(({ engine }) => engine === 's3' || engine === 's3-object-lock')
      .map(({ store_name }) => [store_name, shared.readBucket(this, store_name)] as const);
    const operations = new Operations(this, 'Operations', {
      contracts,
      source: new CanonicalAccess(this, 'Source', { shared, configuration }),
      databaseUrl: configuration.target === 'local' ? configuration.databaseUrl : undefined,
      searches,
      buckets: Object.fromEntries(buckets),
      keys: contracts.filter(isProtectedContract).map(contract => readKeys(this, shared, contract)),
      controlTableName: shared.read(this, 'controlTableName'),
      topicArn: shared.read(this, 'topicArn'),
      payloadBucketName: shared.read(this, 'payloadBucketName'),
      evidenceBucketName: servesCases(catalogue) ? shared.readBucket(this, 'evidence-content') : undefined,
      bundle: bundles.of(OPERATE),
      names,
      preset,
    });
    const operate = operations.function.lambda;
    new PurgeSchedule(this, 'Purges', { operate, contract: catalogue.outbox, names, alarmTopic: this.alarmTopic() });
    if (servesConsole(blueprint)) this.#console(operations);
  }

  #console({ function: operate }: Operations): void {
    const { catalogue, bundles, configuration, names, preset, shared } = this.blueprint;
    const { consoleClientId, consoleGroupsClaim = COGNITO_GROUPS } = configuration;
    const { url: consoleUrl } = new Console(this, 'Console', {
      apiId: shared.read(this, 'consoleApiId'),
      signIn: {
        issuer: shared.read(this, 'tokenIssuer'),
        client: consoleClientId ?? shared.read(this, 'tokenAudience'),
        groupsClaim: consoleGroupsClaim,
      },
      stateTableName: shared.read(this, 'apiStateTableName'),
      apiUrl: shared.read(this, 'apiUrl'),
      control: this.control(),
      stores: catalogue.projected.map(({ store_name }) => store_name),
      operate,
      bundle: bundles.of(CONSOLE),
      names,
      preset,
    });
    shared.publish(this, { consoleUrl });
  }
}

import { Duration, Stack } from 'aws-cdk-lib';
import { Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { Construct } from 'constructs';
import type { EnvironmentOf, OperatedPlaces, operateVariables } from '../core/environment.ts';
import type { ProjectedContract } from '../core/store-contract.ts';
import { BundledFunction, type Placement } from './bundled-function.ts';
import type { Bundle } from './bundles.ts';
import type { CanonicalAccess } from './canonical-access.ts';
import type { Names } from './names.ts';
import type { Preset } from './presets.ts';
import type { SearchIndex } from './stores/search-index.ts';

export interface OperationsProps {
  readonly contracts: readonly ProjectedContract[];
  readonly source: CanonicalAccess;
  /** A whole URL of the canonical store, where IAM does not log in. @default by IAM, as the reader */
  readonly databaseUrl?: string | undefined;
  /** Every search store's part of the domain. */
  readonly searches: readonly SearchIndex[];
  /** Store's name → its bucket's. */
  readonly buckets: Readonly<Record<string, string>>;
  readonly controlTableName: string;
  readonly bundle: Bundle;
  readonly names: Names;
  readonly preset: Preset;
}

/** Sees whole states by functions of the database, and no table; made by the migrations. */
const DATABASE_USER = 'distributary_reader';
/** The longest a function may run: a backfill goes on for so long at a stretch. */
const TIMEOUT_SECONDS = 900;
/** A whole core: projecting and encoding is what a backfill waits for. */
const MEMORY_MEGABYTES = 1769;
/** Runs of several stores at once, and requests beside them. */
const CONCURRENCY = 8;

/** UTC; when nobody works, where most of us live. */
const COMPARED_AT = { hour: '2', minute: '17' };

/**
 * The function that rebuilds, compares, repairs and redrives: every store's targets, queues and runs are in its hands, and
 * nobody else's. It has no address of its own; who may invoke it may operate the pipeline.
 */
export class Operations extends Construct {
  readonly function: BundledFunction;

  constructor(scope: Construct, id: string, props: OperationsProps) {
    super(scope, id);
    this.function = this.#function(props);
    this.#allowTables(props);
    this.#allowObjects(props);
    this.#allowSearch(props);
    this.#allowQueues(props);
    // Each run goes on where it was; a start that was missed is made up for a minute later.
    this.function.lambda.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: Duration.minutes(1) });
    this.#schedule('EveryMinute', {
      description: 'Goes on with every run that nobody works on',
      schedule: Schedule.rate(Duration.minutes(1)),
      event: { api: 1, operation: 'runs.advance', actor: 'schedule', reason: 'every minute' },
    });
    this.#schedule('EveryNight', {
      description: 'Compares every store with the canonical one, whole',
      schedule: Schedule.cron(COMPARED_AT),
      event: { api: 1, operation: 'drift.sweep', actor: 'schedule', reason: 'every night' },
    });
  }

  #schedule(id: string, { event, ...rule }: { description: string; schedule: Schedule; event: object }): void {
    new Rule(this, id, {
      ...rule,
      targets: [
        new LambdaFunction(this.function.lambda, {
          event: RuleTargetInput.fromObject(event),
          retryAttempts: 0,
          maxEventAge: Duration.minutes(1),
        }),
      ],
    });
  }

  #function({ contracts, source, databaseUrl, searches, buckets, ...props }: OperationsProps): BundledFunction {
    const { controlTableName, bundle, names, preset } = props;
    const places: OperatedPlaces = Object.fromEntries(
      contracts.map(({ store_name: store }) => [
        store,
        {
          standard: names.queue(store, 'standard'),
          failed: names.failedQueue(store),
          place: buckets[store] ?? names.table(store),
        },
      ]),
    );
    const variables: Omit<EnvironmentOf<typeof operateVariables>, keyof ReturnType<CanonicalAccess['variables']>> = {
      CONTROL_TABLE: controlTableName,
      OPERATED_STORES: Stack.of(this).toJsonString(places),
      ...searches[0]?.variables,
    };
    const operate = new BundledFunction(this, 'Operate', {
      bundle,
      functionName: names.function('operate'),
      description: 'Rebuilds, backfills, compares, repairs and redrives stores',
      environment: {
        ...source.variables(DATABASE_USER),
        ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
        ...variables,
      },
      timeoutSeconds: TIMEOUT_SECONDS,
      memoryMegabytes: MEMORY_MEGABYTES,
      reservedConcurrency: CONCURRENCY,
      logDays: preset.logDays,
      placement: placementOf(source.placement, searches[0]?.placement),
    });
    source.allowLogin(operate, DATABASE_USER);
    return operate;
  }

  #allowTables({ contracts, controlTableName, names }: OperationsProps): void {
    const arn = (name: string) =>
      Stack.of(this).formatArn({ service: 'dynamodb', resource: 'table', resourceName: name });
    const actions = (...verbs: string[]) => verbs.map(verb => `dynamodb:${verb}`);
    this.function.allow(actions('GetItem', 'Query', 'PutItem', 'UpdateItem', 'DeleteItem'), [arn(controlTableName)]);
    const tables = contracts.flatMap(({ engine, store_name }) =>
      engine === 'dynamodb' ? [names.table(store_name)] : [],
    );
    if (tables.length === 0) return;
    const life = ['CreateTable', 'DescribeTable', 'ListTagsOfResource', 'TagResource', 'UpdateContinuousBackups'];
    this.function.allow(
      actions('GetItem', 'PutItem', 'Query', 'DeleteTable', ...life),
      tables.flatMap(table => [arn(table), `${arn(table)}.*`]),
    );
  }

  #allowObjects({ buckets }: OperationsProps): void {
    const names = Object.values(buckets);
    if (names.length === 0) return;
    const arn = (resource: string) => Stack.of(this).formatArn({ service: 's3', region: '', account: '', resource });
    this.function.allow(
      ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
      names.map(name => `${arn(name)}/*`),
    );
    this.function.allow(['s3:ListBucket'], names.map(arn));
  }

  #allowSearch({ searches }: OperationsProps): void {
    for (const search of searches) search.allowOperate(this.function);
  }

  /** What has failed is received, sent back and removed. */
  #allowQueues({ contracts, names }: OperationsProps): void {
    const arn = (name: string) => Stack.of(this).formatArn({ service: 'sqs', resource: name });
    const stores = contracts.map(({ store_name }) => store_name);
    const standard = stores.map(store => arn(names.queue(store, 'standard')));
    const failed = stores.map(store => arn(names.failedQueue(store)));
    this.function.allow(['sqs:GetQueueUrl', 'sqs:GetQueueAttributes'], [...standard, ...failed]);
    this.function.allow(['sqs:SendMessage'], standard);
    this.function.allow(['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility'], failed);
  }
}

/** Both let it in: the canonical store and the search domain are in one network. */
function placementOf(source: Placement | undefined, search: Placement | undefined): Placement | undefined {
  if (!source || !search) return source ?? search;
  return { subnetIds: source.subnetIds, securityGroupIds: [...source.securityGroupIds, ...search.securityGroupIds] };
}

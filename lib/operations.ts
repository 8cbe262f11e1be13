import { Duration, Stack } from 'aws-cdk-lib';
import { Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { Construct } from 'constructs';
import type { EnvironmentOf, OperatedPlaces, operateVariables } from '../core/environment.ts';
import type { ProjectedContract } from '../core/store-contract.ts';
import { BundledFunction, type Placement } from './bundled-function.ts';
import type { Bundle } from './bundles.ts';
import type { CanonicalAccess } from './canonical-access.ts';
import { ControlTable } from './control-table.ts';
import type { Names } from './names.ts';
import type { Preset } from './presets.ts';
import { allowOpen, allowSeal, keyVariables, type StoreKeys } from './stores/protection-keys.ts';
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
  /** Of the stores with protected fields. */
  readonly keys: readonly StoreKeys[];
  readonly controlTableName: string;
  /** Whom the changes go to. */
  readonly topicArn: string;
  /** States that travelled by reference. */
  readonly payloadBucketName: string;
  /** The content of evidence. @default there is no API that takes any */
  readonly evidenceBucketName?: string | undefined;
  readonly bundle: Bundle;
  readonly names: Names;
  readonly preset: Preset;
  /** The one store that a team deploys by itself: its function is named after it, and has a hand in no other. @default all */
  readonly only?: string | undefined;
}

/** Sees whole states by functions of the database, and no table; made by the migrations. */
const READER = 'distributary_reader';
/** Besides, erases and moves tenants: of the pipeline's own function. */
const OPERATOR = 'distributary_operator';
/** The longest a function may run: a backfill goes on for so long at a stretch. */
const TIMEOUT_SECONDS = 900;
/** A whole core: projecting and encoding is what a backfill waits for. */
const MEMORY_MEGABYTES = 1769;
/** Runs of several stores at once, and requests beside them. */
const CONCURRENCY = 8;
/** A store has one run at a time, and requests beside it. */
const CONCURRENCY_OF_ONE = 3;

/** How long what an archive took in is in no manifest, at most. */
const SEAL_EVERY_MINUTES = 5;
/** UTC; when nobody works, where most of us live. */
const COMPARED_AT = { hour: '2', minute: '17' };
/** Once the comparisons have used up their time. */
const ERASED_AT = { hour: '3', minute: '17' };

/**
 * The function that rebuilds, compares, repairs and redrives: every store's targets, queues and runs are in its hands, and
 * nobody else's; those of a team's own store are in the hands of a function of that team's. It has no address of its own;
 * who may invoke it may operate the pipeline.
 */
export class Operations extends Construct {
  readonly function: BundledFunction;

  constructor(scope: Construct, id: string, props: OperationsProps) {
    super(scope, id);
    this.function = this.#function(props);
    this.#allowControl(props);
    this.#allowTables(props);
    this.#allowObjects(props);
    if (props.contracts.some(({ engine }) => engine === 's3-object-lock')) this.#seal(props);
    this.#allowSearch(props);
    // Comparisons read what is sealed, backfills and rotations seal it.
    for (const keys of props.keys) {
      allowSeal(this.function, keys);
      allowOpen(this.function, keys);
    }
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
    if (props.evidenceBucketName !== undefined) {
      this.#schedule('Holds', {
        description: 'Brings the legal holds on the content of evidence to those of its cases',
        schedule: Schedule.rate(Duration.minutes(1)),
        event: { api: 1, operation: 'holds.follow', actor: 'schedule', reason: 'every minute' },
      });
    }
    // Who decides how long a case is kept is the pipeline, not a team that shows it.
    if (props.only === undefined) {
      this.#schedule('Retention', {
        description: 'Erases what retention is over for, and the traces of what was purged',
        schedule: Schedule.cron(ERASED_AT),
        // A purge that is under way when the hour comes does not cost the night.
        event: { api: 1, operation: 'retention.run', actor: 'schedule', reason: 'every night', patienceSeconds: 840 },
      });
    }
  }

  /** What an archive took in goes into its manifest, and a purge past its locks; a legal hold nothing passes. */
  #seal({ contracts, buckets }: OperationsProps): void {
    const archives = contracts.filter(({ engine }) => engine === 's3-object-lock');
    const arns = archives.map(({ store_name }) => arnOfBucket(this, buckets[store_name]!));
    this.function.allow(
      [
        ...['s3:PutObjectRetention', 's3:PutObjectLegalHold'],
        ...['s3:DeleteObjectVersion', 's3:BypassGovernanceRetention'],
      ],
      arns.map(arn => `${arn}/*`),
    );
    this.function.allow(['s3:ListBucketVersions'], arns);
    this.#schedule('EveryFiveMinutes', {
      description: 'Seals what archives took in',
      schedule: Schedule.rate(Duration.minutes(SEAL_EVERY_MINUTES)),
      event: { api: 1, operation: 'archive.seal', actor: 'schedule', reason: 'every five minutes' },
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

  #function({ contracts, source, databaseUrl, searches, buckets, keys, ...props }: OperationsProps): BundledFunction {
    const { controlTableName, topicArn, payloadBucketName, evidenceBucketName, bundle, names, preset, only } = props;
    const user = only === undefined ? OPERATOR : READER;
    const places: OperatedPlaces = Object.fromEntries(
      contracts.map(({ store_name: store }) => [
        store,
        {
          standard: names.queue(store, 'standard'),
          priority: names.queue(store, 'priority'),
          failed: names.failedQueue(store),
          place: buckets[store] ?? names.table(store),
        },
      ]),
    );
    const variables: Omit<EnvironmentOf<typeof operateVariables>, keyof ReturnType<CanonicalAccess['variables']>> = {
      CONTROL_TABLE: controlTableName,
      // Who erases is the pipeline: what lies between the stores is in its hands alone.
      ...(only === undefined && { TOPIC_ARN: topicArn, PAYLOAD_BUCKET: payloadBucketName }),
      ...(evidenceBucketName !== undefined && { EVIDENCE_BUCKET: evidenceBucketName }),
      OPERATED_STORES: Stack.of(this).toJsonString(places),
      ...searches[0]?.variables,
      ...keyVariables(this, keys),
    };
    const operate = new BundledFunction(this, 'Operate', {
      bundle,
      functionName: names.operations,
      description: `Rebuilds, backfills, compares, repairs and redrives ${only ?? 'stores'}`,
      environment: {
        ...source.variables(user),
        ...source.readerVariables(),
        ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
        ...variables,
      },
      timeoutSeconds: TIMEOUT_SECONDS,
      memoryMegabytes: MEMORY_MEGABYTES,
      reservedConcurrency: only === undefined ? CONCURRENCY : CONCURRENCY_OF_ONE,
      logDays: preset.logDays,
      placement: placementOf(source.placement, searches[0]?.placement),
    });
    source.allowLogin(operate, user);
    if (only === undefined) operate.allow(['sns:ListSubscriptionsByTopic'], [topicArn]);
    return operate;
  }

  #allowControl({ controlTableName, only }: OperationsProps): void {
    const control = new ControlTable(controlTableName);
    const everything = ['GetItem', 'Query', 'PutItem', 'UpdateItem', 'DeleteItem'] as const;
    if (only === undefined) control.allowAll(this.function, everything);
    else {
      control.allow(this.function, only, everything);
      control.allowReads(this.function, only, ['Query']);
      control.allowAudit(this.function);
    }
  }

  #allowTables({ contracts, names }: OperationsProps): void {
    const arn = (name: string) =>
      Stack.of(this).formatArn({ service: 'dynamodb', resource: 'table', resourceName: name });
    const actions = (...verbs: string[]) => verbs.map(verb => `dynamodb:${verb}`);
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

  /** Every version of what is erased goes, so that none can be brought back. */
  #allowObjects({ buckets, payloadBucketName, evidenceBucketName, only }: OperationsProps): void {
    const facts = Object.values(buckets);
    const arn = (resource: string) => Stack.of(this).formatArn({ service: 's3', region: '', account: '', resource });
    const evidence = evidenceBucketName === undefined ? [] : [evidenceBucketName];
    const all = only === undefined ? [...facts, payloadBucketName, ...evidence] : facts;
    if (all.length === 0) return;
    this.function.allow(['s3:ListBucket', 's3:ListBucketVersions'], all.map(arn));
    this.function.allow(
      ['s3:DeleteObject', 's3:DeleteObjectVersion'],
      all.map(name => `${arn(name)}/*`),
    );
    // Its lock is under governance, for mistakes; a legal hold nothing passes.
    if (evidence.length > 0) {
      this.function.allow(
        ['s3:BypassGovernanceRetention', 's3:GetObjectLegalHold', 's3:PutObjectLegalHold'],
        evidence.map(name => `${arn(name)}/*`),
      );
    }
    if (facts.length === 0) return;
    this.function.allow(
      ['s3:GetObject', 's3:PutObject'],
      facts.map(name => `${arn(name)}/*`),
    );
  }

  #allowSearch({ searches }: OperationsProps): void {
    for (const search of searches) search.allowOperate(this.function);
  }

  /** What has failed is received, sent back and removed. */
  #allowQueues({ contracts, names }: OperationsProps): void {
    const arn = (name: string) => Stack.of(this).formatArn({ service: 'sqs', resource: name });
    const stores = contracts.map(({ store_name }) => store_name);
    const standard = stores.map(store => arn(names.queue(store, 'standard')));
    const priority = stores.map(store => arn(names.queue(store, 'priority')));
    const failed = stores.map(store => arn(names.failedQueue(store)));
    this.function.allow(['sqs:GetQueueUrl', 'sqs:GetQueueAttributes'], [...standard, ...priority, ...failed]);
    // What has failed goes back to its lane, or stays without what is erased.
    this.function.allow(['sqs:SendMessage'], [...standard, ...priority, ...failed]);
    this.function.allow(['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility'], failed);
  }
}

const arnOfBucket = (scope: Construct, resource: string): string =>
  Stack.of(scope).formatArn({ service: 's3', region: '', account: '', resource });

/** Both let it in: the canonical store and the search domain are in one network. */
function placementOf(source: Placement | undefined, search: Placement | undefined): Placement | undefined {
  if (!source || !search) return source ?? search;
  return { subnetIds: source.subnetIds, securityGroupIds: [...source.securityGroupIds, ...search.securityGroupIds] };
}

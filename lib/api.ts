import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { CfnApi } from 'aws-cdk-lib/aws-apigatewayv2';
import { AttributeType, Billing, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { Bucket, ObjectLockRetention } from 'aws-cdk-lib/aws-s3';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { apiCommandVariables, apiQueryVariables, EnvironmentOf } from '../core/environment.ts';
import type { StoreContract } from '../core/store-contract.ts';
import { ApiIssuer, type TokenIssuer } from './api-issuer.ts';
import { allowState } from './api-state.ts';
import { BundledFunction, type Placement } from './bundled-function.ts';
import type { Bundles } from './bundles.ts';
import type { CanonicalAccess } from './canonical-access.ts';
import type { ControlTable } from './control-table.ts';
import { tagWithRole } from './data-role.ts';
import { API_COMMANDS, API_QUERIES } from './entry-points.ts';
import { addressOf, HttpDoor } from './http-door.ts';
import { pipelineMetric } from './metrics.ts';
import type { Names } from './names.ts';
import { PipelineAlarm } from './pipeline-alarm.ts';
import type { Preset } from './presets.ts';
import { PRIVATE_BUCKET } from './private-bucket.ts';
import type { SharedValues } from './shared-values.ts';
import { type AnswerCache, adoptedCache, tableCache } from './stores/answer-cache.ts';
import { allowOpen, keyVariables, type StoreKeys } from './stores/protection-keys.ts';
import type { SearchIndex } from './stores/search-index.ts';
import { ValkeyCache } from './stores/valkey-cache.ts';

export interface ApiProps {
  readonly source: CanonicalAccess;
  readonly search: SearchIndex;
  readonly control: ControlTable;
  /** Stores whose watermarks and targets queries look up. */
  readonly queried: readonly string[];
  /** Of those of them with protected fields. */
  readonly keys: readonly StoreKeys[];
  readonly factBucketName: string;
  /** A Valkey that is there, instead of a cache of its own. @default by the engine of its contract */
  readonly cacheUrl?: string | undefined;
  readonly shared: SharedValues;
  readonly contracts: {
    readonly state: StoreContract;
    readonly permissions: StoreContract;
    readonly evidence: StoreContract;
  };
  /** @default a Cognito user pool of its own */
  readonly issuer?: TokenIssuer | undefined;
  /** Where people come back to once they have signed in, to a pool of its own. @default there is no console */
  readonly consoleUrl?: string | undefined;
  readonly alarmTopic: ITopic;
  readonly bundles: Bundles;
  readonly names: Names;
  readonly preset: Preset;
}

/** Whom the functions log in as, made by the migrations: queries as one that changes nothing. */
const COMMAND_USER = 'distributary_app';
const QUERY_USER = 'distributary_query';
/** HTTP APIs wait for 30 s. */
const TIMEOUT_SECONDS = 25;
const MEMORY_MEGABYTES = 512;
/** Each instance has a connection or two to the canonical store: what it takes, and what is left for others. */
const CONCURRENCY = 20;
/** Of the whole API. Each person has less, in the functions. */
const LIMITS = { requestsPerSecond: 200, burst: 400 };
/** Uploads cannot be undone for so long but by who may bypass governance. */
const LOCK = ObjectLockRetention.governance(Duration.days(30));

/** What one of the two functions has to itself. */
interface Part {
  readonly name: string;
  readonly user: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly placement: Placement | undefined;
}

/** The way in: an HTTP API, a function of commands, a function of queries, and what they need of their own. */
export class Api extends Construct {
  readonly commands: BundledFunction;
  readonly queries: BundledFunction;
  readonly url: string;
  readonly #props: ApiProps;
  readonly #state: TableV2;
  readonly #permissions: AnswerCache;
  readonly #evidence: Bucket;
  readonly #issuer: ApiIssuer;

  constructor(scope: Construct, id: string, props: ApiProps) {
    super(scope, id);
    this.#props = props;
    const { names, contracts } = props;
    this.#state = this.#table('State', names.table('api-state'), contracts.state, 'expiration');
    this.#permissions = this.#cache(contracts.permissions);
    this.#evidence = this.#bucket();
    this.#issuer = new ApiIssuer(this, 'Issuer', { ...props, state: this.#state });
    this.commands = this.#commandsFunction();
    this.queries = this.#queriesFunction();
    this.url = this.#door();
    this.#alarms();
  }

  /** What who wants to know a person has to know: the issuer, its keys, and where sessions may lie. */
  get tokens() {
    const { issuer, audience } = this.#issuer;
    return { issuer, audience, stateTableName: this.#state.tableName };
  }

  get evidenceBucketName(): string {
    return this.#evidence.bucketName;
  }

  #table(id: string, tableName: string, contract: StoreContract, expiry: string): TableV2 {
    const table = new TableV2(this, id, {
      tableName,
      partitionKey: { name: 'id', type: AttributeType.STRING },
      billing: Billing.onDemand(),
      timeToLiveAttribute: expiry,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      removalPolicy: contract.role === 'cache' ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
    });
    tagWithRole(table, contract);
    return table;
  }

  #cache(contract: StoreContract): AnswerCache {
    const { names, cacheUrl } = this.#props;
    if (cacheUrl !== undefined) return adoptedCache(cacheUrl);
    if (contract.engine === 'valkey') return new ValkeyCache(this, 'Cache', { ...this.#props, contract });
    return tableCache(this.#table('Permissions', names.table('permission-cache'), contract, 'expires_at'));
  }

  #bucket(): Bucket {
    const bucket = new Bucket(this, 'Evidence', {
      ...PRIVATE_BUCKET,
      versioned: true,
      objectLockEnabled: true,
      objectLockDefaultRetention: LOCK,
      lifecycleRules: [{ abortIncompleteMultipartUploadAfter: Duration.days(1) }],
    });
    tagWithRole(bucket, this.#props.contracts.evidence);
    return bucket;
  }

  /** What reads goes to the queries, all else to the commands. */
  #door(): string {
    const { names, preset } = this.#props;
    const apiId = new CfnApi(this, 'Http', { name: names.prefix, protocolType: 'HTTP' }).ref;
    const commands = ['POST /{proxy+}', 'PUT /{proxy+}', 'DELETE /{proxy+}'];
    new HttpDoor(this, 'Door', {
      apiId,
      name: names.prefix,
      routed: [
        { name: 'Commands', to: this.commands, routes: commands },
        { name: 'Queries', to: this.queries, routes: ['GET /{proxy+}', 'POST /search'] },
      ],
      limits: LIMITS,
      preset,
    });
    return addressOf(this, apiId);
  }

  #tokens() {
    const { issuer, audience, stateTableName } = this.tokens;
    return { OIDC_ISSUER: issuer, OIDC_AUDIENCE: audience, API_STATE_TABLE: stateTableName };
  }

  #commandsFunction(): BundledFunction {
    const { source } = this.#props;
    const variables: Omit<EnvironmentOf<typeof apiCommandVariables>, keyof ReturnType<CanonicalAccess['variables']>> = {
      ...this.#tokens(),
      EVIDENCE_BUCKET: this.#evidence.bucketName,
    };
    const { placement } = source;
    const commands = this.#function('Commands', { name: API_COMMANDS, user: COMMAND_USER, variables, placement });
    // No store but this and the canonical one.
    allowState(this.#state, commands, 'commands');
    commands.allow(['s3:PutObject'], [this.#evidence.arnForObjects('*')]);
    return commands;
  }

  #queriesFunction(): BundledFunction {
    const { source, search, control, queried, keys, factBucketName, names } = this.#props;
    const variables: Omit<EnvironmentOf<typeof apiQueryVariables>, keyof ReturnType<CanonicalAccess['variables']>> = {
      ...this.#tokens(),
      ...search.variables,
      CONTROL_TABLE: control.tableName,
      ...this.#permissions.variables,
      TIMELINE_TABLE: names.table('case-timeline'),
      FACTS_BUCKET: factBucketName,
      ...keyVariables(this, keys),
    };
    const placement = together(together(source.placement, search.placement), this.#permissions.placement);
    const queries = this.#function('Queries', { name: API_QUERIES, user: QUERY_USER, variables, placement });
    search.allowRead(queries);
    for (const store of queried) {
      control.allow(queries, store, ['GetItem', 'Query']);
      control.allowReads(queries, store, ['GetItem', 'PutItem']);
    }
    allowState(this.#state, queries, 'queries');
    this.#permissions.allowUse(queries);
    const table = (store: string) =>
      Stack.of(this).formatArn({ service: 'dynamodb', resource: 'table', resourceName: names.table(store) });
    queries.allow(this.#actions('GetItem'), [table('case-timeline'), `${table('case-timeline')}.*`]);
    const worklist = table('investigator-worklist');
    queries.allow(this.#actions('Query'), [`${worklist}/index/by-investigator`, `${worklist}.*`]);
    const bucket = Stack.of(this).formatArn({ service: 's3', region: '', account: '', resource: factBucketName });
    queries.allow(['s3:GetObject'], [`${bucket}/*`]);
    for (const each of keys) allowOpen(queries, each);
    return queries;
  }

  #function(id: 'Commands' | 'Queries', { name, user, variables, placement }: Part): BundledFunction {
    const { source, bundles, names, preset } = this.#props;
    const fn = new BundledFunction(this, id, {
      bundle: bundles.of(name),
      functionName: names.function(name),
      description: `${id} of the API`,
      environment: { ...source.variables(user), ...variables },
      timeoutSeconds: TIMEOUT_SECONDS,
      memoryMegabytes: MEMORY_MEGABYTES,
      reservedConcurrency: CONCURRENCY,
      logDays: preset.logDays,
      placement,
    });
    source.allowLogin(fn, user);
    return fn;
  }

  /** A row of a derived store that the canonical store refuses: late by moments, or wrong for good. */
  #alarms(): void {
    const { names, contracts, alarmTopic: topic } = this.#props;
    for (const service of [API_COMMANDS, API_QUERIES]) {
      new PipelineAlarm(this, `Mismatch-${service}`, {
        of: service,
        what: 'mismatch',
        contract: contracts.permissions,
        names,
        metric: pipelineMetric(service, 'authorization_mismatch_count', { statistic: 'Sum' }),
        rings: { above: 0 },
        periods: { bad: 3, of: 5 },
        problem: 'Stores keep showing what the canonical store refuses; the rows were dropped',
        topic,
      });
    }
  }

  #actions(...verbs: readonly string[]): readonly string[] {
    return verbs.map(verb => `dynamodb:${verb}`);
  }
}

/** In the network of both. */
function together(one: Placement | undefined, other: Placement | undefined): Placement | undefined {
  if (!one || !other) return one ?? other;
  return { subnetIds: one.subnetIds, securityGroupIds: [...one.securityGroupIds, ...other.securityGroupIds] };
}

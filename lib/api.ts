import { CustomResource, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { CfnApi, CfnIntegration, CfnRoute, CfnStage } from 'aws-cdk-lib/aws-apigatewayv2';
import { CfnUserPool, CfnUserPoolClient } from 'aws-cdk-lib/aws-cognito';
import { AttributeType, Billing, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { CfnPermission } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectLockRetention } from 'aws-cdk-lib/aws-s3';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { apiCommandVariables, apiKeyVariables, apiQueryVariables, EnvironmentOf } from '../core/environment.ts';
import type { StoreContract } from '../core/store-contract.ts';
import { BundledFunction, type Placement } from './bundled-function.ts';
import type { Bundles } from './bundles.ts';
import type { CanonicalAccess } from './canonical-access.ts';
import type { ControlTable } from './control-table.ts';
import { tagWithRole } from './data-role.ts';
import { API_COMMANDS, API_KEYS, API_QUERIES } from './entry-points.ts';
import { pipelineMetric } from './metrics.ts';
import type { Names } from './names.ts';
import { PipelineAlarm } from './pipeline-alarm.ts';
import type { Preset } from './presets.ts';
import type { SearchIndex } from './stores/search-index.ts';

/** Whose access tokens are accepted. */
export interface TokenIssuer {
  readonly issuer: string;
  readonly audience: string;
}

export interface ApiProps {
  readonly source: CanonicalAccess;
  readonly search: SearchIndex;
  readonly control: ControlTable;
  /** Stores whose watermarks and targets queries look up. */
  readonly queried: readonly string[];
  readonly factBucketName: string;
  readonly contracts: {
    readonly state: StoreContract;
    readonly permissions: StoreContract;
    readonly evidence: StoreContract;
  };
  /** @default a Cognito user pool of its own */
  readonly issuer?: TokenIssuer | undefined;
  readonly alarmTopic: ITopic;
  readonly bundles: Bundles;
  readonly names: Names;
  readonly preset: Preset;
}

/** Commands and queries as one of the bureau's services; made by the migrations. */
const DATABASE_USER = 'distributary_app';
/** HTTP APIs wait for 30 s. */
const TIMEOUT_SECONDS = 25;
const MEMORY_MEGABYTES = 512;
/** Each instance has a connection or two to the canonical store: what it takes, and what is left for others. */
const CONCURRENCY = 20;
/** Of the whole API, at its door. Each person has less, in the functions. */
const REQUESTS_PER_SECOND = 200;
const BURST = 400;
const KEYS_EVERY = Duration.minutes(15);
/** Uploads cannot be undone for so long but by who may bypass governance. */
const LOCK = ObjectLockRetention.governance(Duration.days(30));

/** The way in: an HTTP API, a function of commands, a function of queries, and what they need of their own. */
export class Api extends Construct {
  readonly commands: BundledFunction;
  readonly queries: BundledFunction;
  readonly #props: ApiProps;
  readonly #state: TableV2;
  readonly #permissions: TableV2;
  readonly #evidence: Bucket;
  readonly #issuer: TokenIssuer;

  constructor(scope: Construct, id: string, props: ApiProps) {
    super(scope, id);
    this.#props = props;
    const { names, contracts } = props;
    this.#state = this.#table('State', names.table('api-state'), contracts.state, 'expiration');
    this.#permissions = this.#table(
      'Permissions',
      names.table('permission-cache'),
      contracts.permissions,
      'expires_at',
    );
    this.#evidence = this.#bucket();
    this.#issuer = props.issuer ?? this.#userPool();
    this.commands = this.#commandsFunction();
    this.queries = this.#queriesFunction();
    this.#keysFunction();
    this.#http();
    this.#alarms();
  }

  #table(id: string, tableName: string, contract: StoreContract, expiry: string): TableV2 {
    const table = new TableV2(this, id, {
      tableName,
      partitionKey: { name: 'id', type: AttributeType.STRING },
      billing: Billing.onDemand(),
      timeToLiveAttribute: expiry,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      removalPolicy: RemovalPolicy.DESTROY,
    });
    tagWithRole(table, contract);
    return table;
  }

  #bucket(): Bucket {
    const bucket = new Bucket(this, 'Evidence', {
      enforceSSL: true,
      encryption: BucketEncryption.S3_MANAGED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      versioned: true,
      objectLockEnabled: true,
      objectLockDefaultRetention: LOCK,
      lifecycleRules: [{ abortIncompleteMultipartUploadAfter: Duration.days(1) }],
      removalPolicy: RemovalPolicy.RETAIN,
    });
    tagWithRole(bucket, this.#props.contracts.evidence);
    return bucket;
  }

  /** People are made by an administrator, and sign in with a second factor. Their subject is the user's id. */
  #userPool(): TokenIssuer {
    const pool = new CfnUserPool(this, 'Users', {
      userPoolName: this.#props.names.prefix,
      adminCreateUserConfig: { allowAdminCreateUserOnly: true },
      mfaConfiguration: 'ON',
      enabledMfas: ['SOFTWARE_TOKEN_MFA'],
      policies: {
        passwordPolicy: {
          minimumLength: 14,
          requireLowercase: true,
          requireUppercase: true,
          requireNumbers: true,
          requireSymbols: true,
        },
      },
      userPoolTier: 'PLUS',
      userPoolAddOns: { advancedSecurityMode: 'ENFORCED' },
      deletionProtection: this.#props.preset.deletionProtection ? 'ACTIVE' : 'INACTIVE',
    });
    const client = new CfnUserPoolClient(this, 'Client', {
      userPoolId: pool.ref,
      explicitAuthFlows: ['ALLOW_USER_SRP_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'],
      preventUserExistenceErrors: 'ENABLED',
      enableTokenRevocation: true,
      accessTokenValidity: 15,
      tokenValidityUnits: { accessToken: 'minutes' },
    });
    return { issuer: pool.attrProviderUrl, audience: client.ref };
  }

  #tokens() {
    const { issuer, audience } = this.#issuer;
    return { OIDC_ISSUER: issuer, OIDC_AUDIENCE: audience, API_STATE_TABLE: this.#state.tableName };
  }

  #commandsFunction(): BundledFunction {
    const { source } = this.#props;
    const variables: Omit<EnvironmentOf<typeof apiCommandVariables>, keyof ReturnType<CanonicalAccess['variables']>> = {
      ...this.#tokens(),
      EVIDENCE_BUCKET: this.#evidence.bucketName,
    };
    const commands = this.#function('Commands', API_COMMANDS, 'Commands of the API', variables, source.placement);
    // Requests that were carried out; no store but this and the canonical one.
    commands.allow(this.#actions('GetItem', 'PutItem', 'UpdateItem', 'DeleteItem'), [this.#state.tableArn]);
    commands.allow(['s3:PutObject'], [this.#evidence.arnForObjects('*')]);
    return commands;
  }

  #queriesFunction(): BundledFunction {
    const { source, search, control, queried, factBucketName, names } = this.#props;
    const variables: Omit<EnvironmentOf<typeof apiQueryVariables>, keyof ReturnType<CanonicalAccess['variables']>> = {
      ...this.#tokens(),
      ...search.variables,
      CONTROL_TABLE: control.tableName,
      PERMISSION_TABLE: this.#permissions.tableName,
      TIMELINE_TABLE: names.table('case-timeline'),
      FACTS_BUCKET: factBucketName,
    };
    const placement = together(source.placement, search.placement);
    const queries = this.#function('Queries', API_QUERIES, 'Queries of the API', variables, placement);
    search.allowRead(queries);
    for (const store of queried) control.allow(queries, store, ['GetItem', 'Query']);
    queries.allow(this.#actions('GetItem', 'PutItem'), [this.#state.tableArn]);
    queries.allow(this.#actions('GetItem', 'PutItem', 'DeleteItem'), [this.#permissions.tableArn]);
    const table = (store: string) =>
      Stack.of(this).formatArn({ service: 'dynamodb', resource: 'table', resourceName: names.table(store) });
    queries.allow(this.#actions('GetItem'), [table('case-timeline'), `${table('case-timeline')}.*`]);
    const worklist = table('investigator-worklist');
    queries.allow(this.#actions('Query'), [`${worklist}/index/by-investigator`, `${worklist}.*`]);
    const bucket = Stack.of(this).formatArn({ service: 's3', region: '', account: '', resource: factBucketName });
    queries.allow(['s3:GetObject'], [`${bucket}/*`]);
    return queries;
  }

  #function(
    id: string,
    name: string,
    description: string,
    variables: Readonly<Record<string, string>>,
    placement: Placement | undefined,
  ): BundledFunction {
    const { source, bundles, names, preset } = this.#props;
    const fn = new BundledFunction(this, id, {
      bundle: bundles.of(name),
      functionName: names.function(name),
      description,
      environment: { ...source.variables(DATABASE_USER), ...variables },
      timeoutSeconds: TIMEOUT_SECONDS,
      memoryMegabytes: MEMORY_MEGABYTES,
      reservedConcurrency: CONCURRENCY,
      logDays: preset.logDays,
      placement,
    });
    source.allowLogin(fn, DATABASE_USER);
    return fn;
  }

  /** Outside of the network, for that one leads to no issuer: brings its keys to where the others find them. */
  #keysFunction(): void {
    const { bundles, names, preset } = this.#props;
    const { OIDC_ISSUER, API_STATE_TABLE } = this.#tokens();
    const environment: EnvironmentOf<typeof apiKeyVariables> = { OIDC_ISSUER, API_STATE_TABLE };
    const bundle = bundles.of(API_KEYS);
    const keys = new BundledFunction(this, 'Keys', {
      bundle,
      functionName: names.function(API_KEYS),
      description: "Brings the token issuer's public keys to the API",
      environment,
      timeoutSeconds: TIMEOUT_SECONDS,
      reservedConcurrency: 1,
      logDays: preset.logDays,
    });
    keys.allow(this.#actions('PutItem'), [this.#state.tableArn]);
    const brought = new CustomResource(this, 'KeysBrought', {
      resourceType: 'Custom::IssuerKeys',
      serviceToken: keys.lambda.functionArn,
      serviceTimeout: Duration.seconds(TIMEOUT_SECONDS),
      properties: { Issuer: OIDC_ISSUER, Content: bundle.hash },
    });
    brought.node.addDependency(keys, this.#state);
    keys.lambda.configureAsyncInvoke({ retryAttempts: 2, maxEventAge: Duration.minutes(5) });
    new Rule(this, 'KeysRegularly', {
      description: 'A new key of the issuer is known before it is used',
      schedule: Schedule.rate(KEYS_EVERY),
      targets: [new LambdaFunction(keys.lambda, { retryAttempts: 2, maxEventAge: Duration.minutes(5) })],
    });
  }

  #http(): void {
    const { names, preset } = this.#props;
    const api = new CfnApi(this, 'Http', { name: names.prefix, protocolType: 'HTTP' });
    const targets = { commands: this.#integration(api, 'Commands'), queries: this.#integration(api, 'Queries') };
    const ways = [
      ...(['POST', 'PUT', 'DELETE'] as const).map(method => [method, '/{proxy+}', targets.commands] as const),
      ['GET', '/{proxy+}', targets.queries] as const,
      ['POST', '/search', targets.queries] as const,
    ];
    for (const [method, path, target] of ways) {
      new CfnRoute(this, `Route-${method}${path === '/search' ? '-search' : ''}`, {
        apiId: api.ref,
        routeKey: `${method} ${path}`,
        target: `integrations/${target.ref}`,
      });
    }
    const log = new LogGroup(this, 'AccessLog', {
      logGroupName: `/aws/apigateway/${names.prefix}`,
      retention: preset.logDays as RetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    new CfnStage(this, 'Stage', {
      apiId: api.ref,
      stageName: '$default',
      autoDeploy: true,
      defaultRouteSettings: { throttlingRateLimit: REQUESTS_PER_SECOND, throttlingBurstLimit: BURST },
      accessLogSettings: { destinationArn: log.logGroupArn, format: ACCESS_LOG },
    });
  }

  #integration(api: CfnApi, name: 'Commands' | 'Queries'): CfnIntegration {
    const { lambda } = name === 'Commands' ? this.commands : this.queries;
    new CfnPermission(this, `${name}Called`, {
      action: 'lambda:InvokeFunction',
      functionName: lambda.functionName,
      principal: 'apigateway.amazonaws.com',
      sourceArn: Stack.of(this).formatArn({ service: 'execute-api', resource: api.ref, resourceName: '*' }),
    });
    return new CfnIntegration(this, `${name}Integration`, {
      apiId: api.ref,
      integrationType: 'AWS_PROXY',
      integrationUri: lambda.functionArn,
      payloadFormatVersion: '2.0',
    });
  }

  /** A row of a derived store that the canonical store refuses: late by moments, or wrong for good. */
  #alarms(): void {
    const { names, alarmTopic: topic } = this.#props;
    for (const service of [API_COMMANDS, API_QUERIES]) {
      new PipelineAlarm(this, `Mismatch-${service}`, {
        alarmName: names.alarm(service, 'mismatch'),
        metric: pipelineMetric(service, 'authorization_mismatch_count', { statistic: 'Sum' }),
        rings: { above: 0 },
        periods: { bad: 3, of: 5 },
        problem: 'Stores keep showing what the canonical store refuses; the rows were dropped',
        command: 'distributary drift case-search',
        runbook: 'permission-cache',
        topic,
      });
    }
  }

  #actions(...verbs: readonly string[]): readonly string[] {
    return verbs.map(verb => `dynamodb:${verb}`);
  }
}

/** Who asked what, and what became of it; no address of a case's content is in a path. */
const ACCESS_LOG = JSON.stringify({
  requestId: '$context.requestId',
  time: '$context.requestTimeEpoch',
  route: '$context.routeKey',
  status: '$context.status',
  latency: '$context.responseLatency',
  sourceIp: '$context.identity.sourceIp',
});

/** In the network of both. */
function together(one: Placement | undefined, other: Placement | undefined): Placement | undefined {
  if (!one || !other) return one ?? other;
  return { subnetIds: one.subnetIds, securityGroupIds: [...one.securityGroupIds, ...other.securityGroupIds] };
}

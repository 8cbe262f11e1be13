import { CustomResource, Duration, Stack } from 'aws-cdk-lib';
import { CfnUserPool, CfnUserPoolClient, CfnUserPoolDomain, CfnUserPoolGroup } from 'aws-cdk-lib/aws-cognito';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { Construct } from 'constructs';
import type { apiKeyVariables, EnvironmentOf } from '../core/environment.ts';
import { BundledFunction } from './bundled-function.ts';
import type { Bundles } from './bundles.ts';
import { API_KEYS } from './entry-points.ts';
import type { Names } from './names.ts';
import type { Preset } from './presets.ts';

/** Whose access tokens are accepted. */
export interface TokenIssuer {
  readonly issuer: string;
  readonly audience: string;
}

export interface ApiIssuerProps {
  /** @default a Cognito user pool of its own */
  readonly issuer?: TokenIssuer | undefined;
  /** Where people come back to from a pool of its own. @default nobody signs in with a browser */
  readonly consoleUrl?: string | undefined;
  /** Where the functions of the API find the keys. */
  readonly state: TableV2;
  readonly bundles: Bundles;
  readonly names: Names;
  readonly preset: Preset;
}

/** Roles of functions/operate-http/permitted.ts. */
const CONSOLE_GROUPS = {
  viewer: 'See the console, and change nothing',
  operator: 'Rebuild, compare, repair and redrive stores at the console',
};

const KEYS_EVERY = Duration.minutes(15);
const KEYS_SECONDS = 25;
const KEYS_MAX_AGE = Duration.minutes(5);

/** Who says who somebody is, and the function that brings that issuer's public keys to the API. */
export class ApiIssuer extends Construct implements TokenIssuer {
  readonly issuer: string;
  readonly audience: string;
  readonly #props: ApiIssuerProps;

  constructor(scope: Construct, id: string, props: ApiIssuerProps) {
    super(scope, id);
    this.#props = props;
    const { issuer, audience } = props.issuer ?? this.#userPool();
    this.issuer = issuer;
    this.audience = audience;
    this.#bring(this.#keysFunction());
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
      idTokenValidity: 60,
      tokenValidityUnits: { accessToken: 'minutes', idToken: 'minutes' },
      ...(this.#props.consoleUrl !== undefined && this.#browsers(pool, this.#props.consoleUrl)),
    });
    const { region, urlSuffix } = Stack.of(this);
    return { issuer: `https://cognito-idp.${region}.${urlSuffix}/${pool.ref}`, audience: client.ref };
  }

  /** The pool's own pages for those of the console: the groups that it goes by, and the client's side of it. */
  #browsers(pool: CfnUserPool, consoleUrl: string) {
    const { prefix } = this.#props.names;
    new CfnUserPoolDomain(this, 'Pages', {
      userPoolId: pool.ref,
      // One to a region, whoever has it.
      domain: `${prefix}-${Stack.of(this).account}`,
      managedLoginVersion: 1,
    });
    for (const [role, description] of Object.entries(CONSOLE_GROUPS)) {
      const groupName = `${prefix}-${role}`;
      new CfnUserPoolGroup(this, `Group-${role}`, { userPoolId: pool.ref, groupName, description });
    }
    return {
      supportedIdentityProviders: ['COGNITO'],
      allowedOAuthFlowsUserPoolClient: true,
      allowedOAuthFlows: ['code'],
      allowedOAuthScopes: ['openid', 'profile'],
      // functions/operate-http/issuer-entrance.ts
      callbackUrLs: [`${consoleUrl}/signed-in`],
      logoutUrLs: [`${consoleUrl}/`],
    };
  }

  /** Outside of the network, for that one leads to no issuer. */
  #keysFunction(): BundledFunction {
    const { state, bundles, names, preset } = this.#props;
    const environment: EnvironmentOf<typeof apiKeyVariables> = {
      OIDC_ISSUER: this.issuer,
      API_STATE_TABLE: state.tableName,
    };
    const keys = new BundledFunction(this, 'Keys', {
      bundle: bundles.of(API_KEYS),
      functionName: names.function(API_KEYS),
      description: "Brings the token issuer's public keys to the API",
      environment,
      timeoutSeconds: KEYS_SECONDS,
      reservedConcurrency: 1,
      logDays: preset.logDays,
    });
    keys.allow(['dynamodb:PutItem'], [state.tableArn]);
    keys.lambda.configureAsyncInvoke({ retryAttempts: 2, maxEventAge: KEYS_MAX_AGE });
    return keys;
  }

  #bring(keys: BundledFunction): void {
    const { state, bundles } = this.#props;
    const brought = new CustomResource(this, 'KeysBrought', {
      resourceType: 'Custom::IssuerKeys',
      serviceToken: keys.lambda.functionArn,
      serviceTimeout: Duration.seconds(KEYS_SECONDS),
      properties: { Issuer: this.issuer, Content: bundles.of(API_KEYS).hash },
    });
    brought.node.addDependency(keys, state);
    new Rule(this, 'KeysRegularly', {
      description: 'A new key of the issuer is known before it is used',
      schedule: Schedule.rate(KEYS_EVERY),
      targets: [new LambdaFunction(keys.lambda, { retryAttempts: 2, maxEventAge: KEYS_MAX_AGE })],
    });
  }
}

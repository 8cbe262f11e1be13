import { z } from 'zod';

const text = z.string().min(1, 'is empty');
const id = (prefix: string) => z.string().regex(new RegExp(`^${prefix}-[0-9a-z]+$`), `is no ${prefix}-… id`);
const arn = (service: string) =>
  z.string().regex(new RegExp(`^arn:[\\w-]+:${service}:`), `is no ARN of the service ${service}`);
const url = (protocol: RegExp, message: string) => z.url({ protocol, error: message });
/** Of a volume of gp3 under OpenSearch; how much there may be depends on the instance. */
const LEAST_VOLUME_GIBIBYTES = 10;
/** `-c key=a,b` as well as a list in `cdk.json`. */
const list = (item: z.ZodType<string>) =>
  z.preprocess(value => (typeof value === 'string' ? value.split(',').map(each => each.trim()) : value), z.array(item));

/**
 * What a deployment may be told, in `cdk.json` under `context` or by `-c key=value`: flat keys, so that both look alike.
 * `configuration-rules.ts` says which of them belong together.
 */
export const configurationSchema = z.strictObject({
  /** Begins every physical name, so that two pipelines fit into one account. */
  prefix: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,19}$/, 'is no kebab-case name of 20 characters at most')
    .default('distributary'),
  /** `small` is the cheapest that works; `production` survives the loss of a zone and keeps more. */
  size: z.enum(['small', 'production']).default('small'),
  /**
   * `local` is for an emulator of AWS: no network, no database and no search domain are made (`databaseUrl` and
   * `searchUrl` say where they are), and no alarm over several metrics or alarms.
   */
  target: z.enum(['aws', 'local']).default('aws'),
  /** The relay as a `function` that hands over to its successor, or as a `service`: one long-lived Fargate task. */
  relay: z.enum(['function', 'service']).default('function'),
  /** Who is told of alarms; more may subscribe to the topic. */
  alarmEmail: z.email('is no e-mail address').optional(),

  /** A network of yours, instead of a new one. */
  networkId: id('vpc').optional(),
  /** Its private subnets, one to a zone. */
  networkSubnetIds: list(id('subnet')).optional(),

  /** The writer of an Aurora cluster, or of any PostgreSQL 16 or newer, instead of a new cluster. */
  databaseHost: text.optional(),
  databasePort: z.coerce.number().int().min(1).max(65_535).default(5432),
  databaseName: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,62}$/, 'is no plain name of a database')
    .default('distributary'),
  /** Secret with `username` and `password` of a role that may create roles: it applies the migrations. */
  databaseSecretArn: arn('secretsmanager').optional(),
  /** `cluster-…` or `db-…`, by which IAM knows the database; the relay then logs in without a password. */
  databaseResourceId: z
    .string()
    .regex(/^(cluster|db)-[A-Z0-9]+$/, 'is no resource id of RDS')
    .optional(),
  /**
   * Where IAM is unknown: what the names of the secrets begin with that hold `username` and `password` of the roles, such
   * as `cases/` for `cases/distributary_relay`.
   */
  databaseRoleSecrets: z
    .string()
    .regex(/^[\w/+=.@-]+$/, 'is no beginning of names of secrets')
    .optional(),
  /** The database's security group, which is told to let the pipeline in. */
  databaseSecurityGroupId: id('sg').optional(),
  /** target=local: a whole URL, with the user and password of a role that may create roles. */
  databaseUrl: url(/^postgres(ql)?$/, 'is no postgresql:// URL').optional(),
  /** target=local: the same for the relay. @default databaseUrl */
  relayDatabaseUrl: url(/^postgres(ql)?$/, 'is no postgresql:// URL').optional(),

  /** The volume of each node of a new search domain. @default by the size */
  searchVolumeGibibytes: z.coerce.number().int().min(LEAST_VOLUME_GIBIBYTES).optional(),
  /** An OpenSearch domain, or any OpenSearch, instead of a new domain. */
  searchUrl: url(/^https?$/, 'is no http:// or https:// URL').optional(),
  /** The domain's ARN, for the permissions of what writes to it. */
  searchDomainArn: arn('es').optional(),
  /** The domain's security group, which is told to let the pipeline in; absent for one outside of a network. */
  searchSecurityGroupId: id('sg').optional(),

  /** target=local: a Valkey, or what speaks its protocol, where the contract of `permission-cache` asks for one. */
  cacheUrl: url(/^redis$/, 'is no redis:// URL').optional(),

  /** An OIDC issuer whose access tokens the API takes, instead of a new Cognito user pool. */
  tokenIssuer: url(/^https?$/, 'is no http:// or https:// URL').optional(),
  /** Whom those tokens are for. */
  tokenAudience: text.optional(),

  /** Whether the console is deployed: where there is an API, with people of its issuer. */
  console: z.enum(['on', 'off']).default('on'),
  /** The client of tokenIssuer that the console is: a public one, with the authorization code and PKCE. @default no console */
  consoleClientId: text.optional(),
  /** The claim of tokenIssuer's ID tokens that lists somebody's groups, of which `<prefix>-viewer` and `<prefix>-operator` count. */
  consoleGroupsClaim: text.optional(),
});

export type Configuration = Readonly<z.infer<typeof configurationSchema>>;

import { type Defect, defectAt } from '../core/yaml.ts';
import type { Configuration } from './configuration-schema.ts';
import { PRESETS } from './presets.ts';

/** What no single key can see: keys that need, or rule out, each other. */
export function* configurationRules(configuration: Configuration): Iterable<Defect> {
  yield* configuration.target === 'local' ? ofEmulators(configuration) : ofAws(configuration);
  yield* ofTokens(configuration);
  yield* ofConsole(configuration);
}

function* ofConsole(configuration: Configuration): Iterable<Defect> {
  const { tokenIssuer, consoleClientId, consoleGroupsClaim } = configuration;
  for (const key of ['consoleClientId', 'consoleGroupsClaim'] as const) {
    if (configuration[key] === undefined) continue;
    if (tokenIssuer === undefined)
      yield defectAt([key], `${key} belongs to an issuer of yours`, 'add tokenIssuer, or leave it out');
    else if (configuration.console === 'off')
      yield defectAt([key], `${key} means nothing to console=off`, 'leave one of them out');
  }
  if (consoleClientId !== undefined && consoleGroupsClaim === undefined) {
    const hint = 'name the claim of its ID tokens that lists groups, such as "groups"';
    yield defectAt(['consoleGroupsClaim'], 'consoleGroupsClaim is missing beside consoleClientId', hint);
  }
}

function* ofTokens({ target, tokenIssuer, tokenAudience }: Configuration): Iterable<Defect> {
  for (const [key, value, other] of [
    ['tokenIssuer', tokenIssuer, tokenAudience],
    ['tokenAudience', tokenAudience, tokenIssuer],
  ] as const) {
    const hint = 'give both, or neither for a Cognito user pool';
    if (value === undefined && other !== undefined)
      yield defectAt([key], `${key} is missing beside its other half`, hint);
  }
  if (target === 'aws' && tokenIssuer?.startsWith('http://')) {
    yield defectAt(['tokenIssuer'], `tokenIssuer is ${tokenIssuer}`, 'its keys must come over https://');
  }
}

type Key = keyof Configuration;

/** Of a network, a database or a domain of yours in AWS. */
const AWS_ONLY = [
  ...[
    'networkId',
    'networkSubnetIds',
    'databaseHost',
    'databaseSecretArn',
    'databaseResourceId',
    'databaseRoleSecrets',
  ],
  ...['databaseSecurityGroupId', 'searchVolumeGibibytes', 'searchDomainArn', 'searchSecurityGroupId'],
] as readonly Key[];
/** What only an emulator is told, and what to do instead. */
const PASSWORD = 'a password would stand in the template: give databaseHost and secrets, or "target": "local"';
const LOCAL_ONLY = {
  databaseUrl: PASSWORD,
  relayDatabaseUrl: PASSWORD,
  cacheUrl: 'leave it out: the cache that its contract asks for is made',
} as const satisfies Partial<Record<Key, string>>;

function* ofEmulators(configuration: Configuration): Iterable<Defect> {
  for (const key of ['databaseUrl', 'searchUrl'] as const) {
    const hint = `add "${key}": an emulator has no engine behind its database and search services`;
    if (configuration[key] === undefined) yield defectAt([key], `${key} is missing for target=local`, hint);
  }
  for (const key of AWS_ONLY) {
    const hint = 'leave it out, or choose "target": "aws"';
    if (configuration[key] !== undefined) yield defectAt([key], `${key} means nothing to target=local`, hint);
  }
  if (configuration.relay === 'service') {
    yield defectAt(['relay'], 'relay is "service" for target=local', 'emulators run functions: choose "function"');
  }
}

function* ofAws(configuration: Configuration): Iterable<Defect> {
  for (const [key, hint] of Object.entries(LOCAL_ONLY)) {
    if (configuration[key as Key] !== undefined) yield defectAt([key], `${key} means nothing to target=aws`, hint);
  }
  yield* ofNetwork(configuration);
  yield* ofDatabase(configuration);
  yield* ofSearch(configuration);
}

function* ofNetwork({ networkId, networkSubnetIds, size }: Configuration): Iterable<Defect> {
  const { zones } = PRESETS[size];
  if (networkId === undefined) {
    if (networkSubnetIds) yield defectAt(['networkId'], 'networkId is missing beside networkSubnetIds', 'add it');
  } else if (!networkSubnetIds) {
    yield defectAt(
      ['networkSubnetIds'],
      'networkSubnetIds is missing beside networkId',
      `add ${zones} private subnets`,
    );
  } else if (new Set(networkSubnetIds).size < zones) {
    const message = `networkSubnetIds names ${new Set(networkSubnetIds).size} subnets`;
    yield defectAt(['networkSubnetIds'], message, `size=${size} spreads over ${zones} zones: name one subnet of each`);
  }
}

function* ofDatabase(configuration: Configuration): Iterable<Defect> {
  const { databaseHost, databaseResourceId, databaseRoleSecrets } = configuration;
  if (databaseHost === undefined) {
    const keys = ['databaseSecretArn', 'databaseResourceId', 'databaseRoleSecrets', 'databaseSecurityGroupId'] as const;
    for (const key of keys) {
      if (configuration[key] !== undefined) {
        yield defectAt([key], `${key} belongs to a database of yours`, 'add databaseHost, or leave it out');
      }
    }
    return;
  }
  for (const key of ['networkId', 'databaseSecretArn'] as const) {
    if (configuration[key] === undefined) yield defectAt([key], `${key} is missing beside databaseHost`, 'add it');
  }
  if (databaseResourceId === undefined && databaseRoleSecrets === undefined) {
    const hint = 'add databaseResourceId where IAM authentication is on, else databaseRoleSecrets';
    yield defectAt(['databaseResourceId'], 'nothing says how the relay logs in to databaseHost', hint);
  }
  const wrong = Object.entries(NO_WRITERS).find(([part]) => databaseHost.includes(part));
  if (wrong) yield defectAt(['databaseHost'], `databaseHost is "${databaseHost}": ${wrong[1]}`, 'name the writer');
}

/** Replication connections are for the writer itself (https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.html). */
const NO_WRITERS = {
  '.proxy-': 'RDS Proxy refuses replication connections',
  '.cluster-ro-': 'a reader has no replication slots',
};

/** Domains of AWS, as their addresses end. */
const AWS_DOMAIN = /\.(es\.amazonaws\.com|on\.aws)(\.cn)?$/;

function* ofSearch(configuration: Configuration): Iterable<Defect> {
  const { searchUrl, searchVolumeGibibytes, searchDomainArn, searchSecurityGroupId } = configuration;
  if (searchUrl === undefined) {
    for (const key of ['searchDomainArn', 'searchSecurityGroupId'] as const) {
      if (configuration[key] !== undefined) {
        yield defectAt([key], `${key} belongs to a domain of yours`, 'add searchUrl, or leave it out');
      }
    }
    return;
  }
  if (searchVolumeGibibytes !== undefined) {
    const hint = 'leave it out: whoever runs the domain there sees to its volumes';
    yield defectAt(['searchVolumeGibibytes'], 'searchVolumeGibibytes means nothing beside searchUrl', hint);
  }
  const { hostname, protocol, username } = new URL(searchUrl);
  if (protocol !== 'https:' || username !== '') {
    const message = `searchUrl ${username === '' ? 'is no https:// address' : 'carries a password into the template'}`;
    yield defectAt(['searchUrl'], message, 'plain addresses and passwords are for "target": "local"');
  }
  if (AWS_DOMAIN.test(hostname) && searchDomainArn === undefined) {
    yield defectAt(['searchDomainArn'], 'searchDomainArn is missing beside searchUrl', "add the domain's ARN");
  }
  if (searchSecurityGroupId !== undefined && configuration.networkId === undefined) {
    yield defectAt(['networkId'], 'networkId is missing beside searchSecurityGroupId', "add the domain's network");
  }
}

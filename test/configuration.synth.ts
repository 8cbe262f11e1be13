import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import type { Bundles } from '../lib/bundles.ts';
import { readConfiguration } from '../lib/configuration.ts';
import type { Configuration } from '../lib/configuration-schema.ts';
import { DATABASE, NETWORK, PLAIN_DATABASE, SEARCH } from './adopted-resources.ts';
import { bundled, synthesised, type Templates } from './templates.ts';

const read = (context: Record<string, unknown>, root?: string): Configuration =>
  readConfiguration(new App({ context, analyticsReporting: false }), root);

/** What the app would say of this context. */
function refusal(context: Record<string, unknown>, root?: string): string {
  try {
    read(context, root);
  } catch (error) {
    return (error as { describe(): string }).describe();
  }
  return 'nothing';
}

const ISSUER = { tokenIssuer: 'https://issuer.example', tokenAudience: 'cases' };
const CLIENT = { consoleClientId: 'console', consoleGroupsClaim: 'groups' };
const LOCAL = {
  target: 'local',
  databaseUrl: 'postgresql://admin:secret@127.0.0.1:5432/distributary',
  searchUrl: 'http://127.0.0.1:9200',
};

test('nothing has to be said', () => {
  expect(read({})).toEqual({
    prefix: 'distributary',
    size: 'small',
    target: 'aws',
    relay: 'function',
    databasePort: 5432,
    databaseName: 'distributary',
    console: 'on',
  });
});

test('a console at another issuer is a client of it, and goes by a claim of its tokens', () => {
  expect(refusal({ ...ISSUER, ...CLIENT })).toBe('nothing');
  expect(refusal({ ...ISSUER, console: 'off' })).toBe('nothing');
  expect(refusal(CLIENT)).toMatch(/consoleClientId belongs to an issuer of yours/);
  expect(refusal({ ...ISSUER, consoleClientId: 'console' })).toMatch(/consoleGroupsClaim is missing/);
  expect(refusal({ ...ISSUER, ...CLIENT, console: 'off' })).toMatch(/means nothing to console=off/);
});

test('what comes by -c is text, what stands in the file has its type', () => {
  const { networkSubnetIds, databasePort } = read({ ...DATABASE, databasePort: '5433' });
  expect(networkSubnetIds).toEqual(['subnet-1', 'subnet-2']);
  expect(databasePort).toBe(5433);
  expect(read({ ...DATABASE, networkSubnetIds: ['subnet-1', 'subnet-2'], databasePort: 5433 })).toEqual(
    read({ ...DATABASE, databasePort: '5433' }),
  );
});

test("keys of CDK's own are none of ours", () => {
  expect(refusal({ '@aws-cdk/core:enablePartitionLiterals': true, 'availability-zones:account=1': [] })).toBe(
    'nothing',
  );
});

test.each<[string, Record<string, unknown>, RegExp]>([
  ['a value unknown', { size: 'smal' }, /-c size=smal: unknown size "smal"[\s\S]*did you mean "small"/],
  ['a key unknown', { sise: 'small' }, /unknown key "sise"[\s\S]*did you mean "size"/],
  ['no name', { prefix: 'Very Long' }, /prefix is "Very Long": is no kebab-case name/],
  ['no address', { alarmEmail: 'nobody' }, /alarmEmail is "nobody": is no e-mail address/],
  ['an id of something else', { ...DATABASE, networkId: 'subnet-1' }, /networkId is "subnet-1": is no vpc-… id/],
  ['an emulator without engines', { target: 'local' }, /databaseUrl is missing[\s\S]*searchUrl is missing/],
  ['a cache of yours on AWS', { cacheUrl: 'redis://cache:6379' }, /cacheUrl means nothing to target=aws/],
  ['an emulator with a network', { ...LOCAL, ...NETWORK }, /networkId means nothing to target=local/],
  ['an emulator with a service', { ...LOCAL, relay: 'service' }, /emulators run functions/],
  ['a password in a template', { databaseUrl: LOCAL.databaseUrl }, /a password would stand in the template/],
  ['a password in an address', { searchUrl: 'https://a:b@search.example' }, /carries a password into the template/],
  ['an address without TLS', { searchUrl: 'http://search.example' }, /is no https:\/\/ address/],
  ['a network without subnets', { networkId: 'vpc-1' }, /networkSubnetIds is missing beside networkId/],
  ['a zone too few', { ...NETWORK, size: 'production' }, /names 2 subnets[\s\S]*spreads over 3 zones/],
  ['a database without network', { ...DATABASE, networkId: undefined }, /networkId is missing beside/],
  ['nothing to log in with', { ...DATABASE, databaseResourceId: undefined }, /nothing says how the relay logs in/],
  ['a proxy', { ...DATABASE, databaseHost: 'p.proxy-abc.rds.amazonaws.com' }, /RDS Proxy refuses replication/],
  ['a reader', { ...DATABASE, databaseHost: 'c.cluster-ro-a.rds.amazonaws.com' }, /a reader has no replication slots/],
  ['keys of a database that is not named', { databaseSecurityGroupId: 'sg-1' }, /belongs to a database of yours/],
  ['a volume that is none', { searchVolumeGibibytes: '5' }, /-c searchVolumeGibibytes=5: .*>=10/],
  [
    'a volume of a domain of yours',
    { ...SEARCH, ...NETWORK, searchVolumeGibibytes: 40 },
    /means nothing beside search/,
  ],
  ['a domain that nothing may write to', { ...SEARCH, ...NETWORK, searchDomainArn: undefined }, /add the domain's ARN/],
])('%s is refused, with a hint', (_, context, message) => {
  expect(refusal(context)).toMatch(message);
  expect(refusal(context)).toMatch(/\n {2}hint: \S/);
});

test('what stands in cdk.json is refused at its line', () => {
  const root = mkdtempSync(join(tmpdir(), 'distributary-configuration-'));
  try {
    const context = { prefix: 'cases', size: 'huge', target: 'local' };
    writeFileSync(join(root, 'cdk.json'), JSON.stringify({ app: 'node bin/app.ts', context }, undefined, 2));
    expect(refusal(context, root)).toMatch(/^cdk\.json:5:13: unknown size "huge" \(configuration-invalid\)\n {2}hint/);
    expect(refusal({ ...context, size: 'small' }, root)).toMatch(/^cdk\.json:3:3: databaseUrl is missing/);
    expect(refusal({ ...context, size: 'vast' }, root)).toMatch(/^-c size=vast: unknown size "vast"/);
  } finally {
    rmSync(root, { recursive: true });
  }
});

let bundles: Bundles;
beforeAll(async () => {
  bundles = await bundled();
}, 120_000);
afterAll(() => bundles?.dispose());

const environmentOf = (templates: Templates, name: string) =>
  templates.one('AWS::Lambda::Function', 'FunctionName', `distributary-${name}`).properties.Environment.Variables;

describe('for an emulator', () => {
  let templates: Templates;
  beforeAll(async () => {
    templates = await synthesised(false, LOCAL, bundles);
  });

  test('there is no network, no database, no search domain and no alarm over several metrics', () => {
    const types = new Set(templates.resources.map(({ type }) => type));
    expect([...types].filter(type => /^AWS::(EC2|RDS|OpenSearchService|SecretsManager|ECS)::/.test(type))).toEqual([]);
    expect(types).not.toContain('AWS::CloudWatch::CompositeAlarm');
    expect(templates.of('AWS::CloudWatch::Alarm').filter(({ properties }) => properties.Metrics?.length > 1)).toEqual(
      [],
    );
    for (const { properties } of templates.of('AWS::Lambda::Function')) expect(properties.VpcConfig).toBeUndefined();
  });

  test('functions are told where the engines are', () => {
    expect(environmentOf(templates, 'relay')).toMatchObject({ DATABASE_URL: LOCAL.databaseUrl });
    expect(environmentOf(templates, 'migrate')).toMatchObject({ DATABASE_URL: LOCAL.databaseUrl });
    expect(environmentOf(templates, 'project-case-search')).toMatchObject({ OPENSEARCH_URL: LOCAL.searchUrl });
    expect(environmentOf(templates, 'relay')).not.toHaveProperty('NODE_EXTRA_CA_CERTS');
  });
});

describe('with a network, a database, a domain and an issuer of yours', () => {
  let templates: Templates;
  beforeAll(async () => {
    templates = await synthesised(false, { ...DATABASE, ...SEARCH, ...ISSUER, ...CLIENT }, bundles);
  });

  test('people sign in to the console there, as its client, and no pool is made', () => {
    expect(templates.resources.filter(({ type }) => type.startsWith('AWS::Cognito::'))).toEqual([]);
    const shared = templates.of('AWS::SSM::Parameter').map(({ properties }) => [properties.Name, properties.Value]);
    expect(Object.fromEntries(shared)).toMatchObject({ '/distributary/api/token-issuer': ISSUER.tokenIssuer });
    expect(environmentOf(templates, 'console')).toMatchObject({ OIDC_CLIENT: 'console', GROUPS_CLAIM: 'groups' });
  });

  test('none of the three is made, and each lets in just the pipeline', () => {
    const types = templates.resources.map(({ type }) => type);
    expect(types.filter(type => /::(VPC|Subnet|VPCEndpoint|DBCluster|Domain)$/.test(type))).toEqual([]);
    const ingress = templates.of('AWS::EC2::SecurityGroupIngress').map(({ properties }) => properties);
    expect(ingress.map(({ GroupId, FromPort }) => [GroupId, FromPort]).sort()).toEqual([
      ['sg-1', 5432],
      ['sg-2', 443],
    ]);
    for (const { SourceSecurityGroupId } of ingress) expect(SourceSecurityGroupId['Fn::GetAtt'][0]).toMatch(/^Clients/);
  });

  test('the relay reaches the writer by IAM, and a projector its index by its ARN', () => {
    const shared = templates.of('AWS::SSM::Parameter').map(({ properties }) => [properties.Name, properties.Value]);
    expect(Object.fromEntries(shared)).toMatchObject({
      '/distributary/canonical/database-host': DATABASE.databaseHost,
      '/distributary/canonical/database-reader-host': DATABASE.databaseHost,
      '/distributary/canonical/database-resource-id': DATABASE.databaseResourceId,
    });
    expect(templates.permissionsOf('distributary-relay').map(({ actions }) => actions)).toContainEqual([
      'rds-db:connect',
    ]);
    expect(templates.permissionsOf('distributary-project-case-search')).toContainEqual(
      expect.objectContaining({ resources: [`${SEARCH.searchDomainArn}/case-search.*`] }),
    );
  });
});

test('a PostgreSQL that IAM does not know is entered with a secret; nodes get the volume that was chosen', async () => {
  const context = { ...PLAIN_DATABASE, ...ISSUER, searchVolumeGibibytes: '40' };
  const templates = await synthesised(false, context, bundles);
  const [domain] = templates.of('AWS::OpenSearchService::Domain');
  expect(domain!.properties.EBSOptions).toMatchObject({ VolumeSize: 40 });
  const alarm = templates.one('AWS::CloudWatch::Alarm', 'AlarmName', 'distributary-search-storage');
  expect(alarm.properties).toMatchObject({ Threshold: 10 * 1024, ComparisonOperator: 'LessThanThreshold' });
  expect(environmentOf(templates, 'relay')).toMatchObject({ DATABASE_SECRET_ARN: 'cases/distributary_relay' });
  expect(environmentOf(templates, 'relay')).not.toHaveProperty('DATABASE_USER');
  const permissions = templates.permissionsOf('distributary-relay');
  const [secret] = permissions.filter(({ actions }) => actions.includes('secretsmanager:GetSecretValue'));
  expect(JSON.stringify(secret!.resources)).toContain(':secret:cases/distributary_relay-??????"');
  expect(permissions.flatMap(({ actions }) => actions)).not.toContain('rds-db:connect');
  // And an issuer that knows no console is not asked to be one's.
  expect(templates.resources.filter(({ path }) => path.includes('/Console/'))).toEqual([]);
});

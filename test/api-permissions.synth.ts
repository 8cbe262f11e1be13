import { readCatalogue } from '../lib/contract-files.ts';
import { ROOT, synthesised } from './templates.ts';

/** What the functions of the API, and that of the console, may do on AWS. */

const templates = await synthesised(false);
const { projected } = readCatalogue(ROOT);
const permissionsOf = (name: string) => templates.permissionsOf(`distributary-${name}`);
const variablesOf = (name: string) =>
  templates.one('AWS::Lambda::Function', 'FunctionName', `distributary-${name}`).properties.Environment.Variables;

test('commands may log in to the canonical store, and touch no derived one', () => {
  const permissions = permissionsOf('api-commands');
  const actions = permissions.flatMap(permission => permission.actions);
  expect(actions).toContain('rds-db:connect');
  expect(actions.filter(action => /^(es|sqs|sns|athena|lambda):/.test(action))).toEqual([]);
  const text = JSON.stringify([permissions, variablesOf('api-commands')]);
  for (const { store_name } of projected) expect(text).not.toContain(store_name);
  for (const name of ['controltablename', 'OPENSEARCH', 'bucket-name', 'PermissionsA'])
    expect(text).not.toContain(name);
});

test('queries change no derived store', () => {
  const writes = permissionsOf('api-queries').filter(({ actions }) =>
    actions.some(action => /^(dynamodb:(Put|Update|Delete)|s3:(Put|Delete)|es:ESHttp(Put|Delete|Patch))/.test(action)),
  );
  // What was read when, which is all that they may write of the control table.
  const notes = writes.filter(({ resources }) => JSON.stringify(resources).includes('controltablename'));
  const groups = notes.flatMap(({ condition }) => condition!['ForAllValues:StringEquals']['dynamodb:LeadingKeys']);
  expect(groups.length).toBeGreaterThan(0);
  expect(groups.filter((group: string) => !group.startsWith('reads#'))).toEqual([]);
  const tables = writes
    .filter(write => !notes.includes(write))
    .flatMap(({ resources }) => resources)
    .map(arn => templates.referred('distributary-api', arn).properties.TableName);
  expect([...new Set(tables)].sort()).toEqual(['distributary-api-state', 'distributary-permission-cache']);
  const searches = permissionsOf('api-queries').filter(({ actions }) =>
    actions.some(action => action.startsWith('es:')),
  );
  expect(new Set(searches.flatMap(({ actions }) => actions))).toEqual(new Set(['es:ESHttpPost']));
  const paths = searches.flatMap(({ resources }) => JSON.stringify(resources).match(/distributary-search\/[^"]+/g));
  // A target by its name, for a canary: nothing that a document could be written to matches.
  expect(paths.sort()).toEqual(
    ['case-search.*.1', 'case-search.*.??????????????????', 'case-search'].map(
      index => `distributary-search/${index}/_search`,
    ),
  );
});

test('in the table of the API each function is let at the keys of its own work', () => {
  const stateOf = (name: string) =>
    permissionsOf(name)
      .filter(({ actions }) => actions[0]!.startsWith('dynamodb:'))
      .filter(({ resources }) => {
        const [arn] = resources;
        const table = JSON.stringify(arn).includes('GetAtt') && templates.referred('distributary-api', arn);
        return table && table.properties.TableName === 'distributary-api-state';
      })
      .map(({ actions, condition }) => [
        condition?.['ForAllValues:StringLike']?.['dynamodb:LeadingKeys'].join(),
        actions.map(action => action.replace('dynamodb:', '')).join(' '),
      ])
      .sort();
  const both = [
    ['keys#issuer', 'GetItem'],
    ['rate#*', 'UpdateItem'],
  ];
  expect(stateOf('api-queries')).toEqual([['key#cursor', 'GetItem PutItem'], ...both]);
  expect(stateOf('api-commands')).toEqual([['api#*', 'GetItem PutItem UpdateItem DeleteItem'], ...both]);
});

test('the search route goes to the queries, all other writing methods to the commands', () => {
  const routes = templates.of('AWS::ApiGatewayV2::Route', 'distributary-api').map(({ properties }) => {
    const [, { Ref: id }] = properties.Target['Fn::Join'][1];
    return `${properties.RouteKey} → ${id.replace(/^ApiDoor|Integration.*$/g, '')}`;
  });
  expect(routes.sort()).toEqual([
    'DELETE /{proxy+} → Commands',
    'GET /{proxy+} → Queries',
    'POST /search → Queries',
    'POST /{proxy+} → Commands',
    'PUT /{proxy+} → Commands',
  ]);
  const [stage] = templates.of('AWS::ApiGatewayV2::Stage', 'distributary-api');
  expect(stage!.properties.DefaultRouteSettings).toEqual({ ThrottlingRateLimit: 200, ThrottlingBurstLimit: 400 });
});

test('evidence is under object lock, versioned, and reached over TLS only', () => {
  const buckets = templates.of('AWS::S3::Bucket', 'distributary-api');
  expect(buckets).toHaveLength(1);
  expect(buckets[0]!.properties).toMatchObject({
    ObjectLockEnabled: true,
    ObjectLockConfiguration: { Rule: { DefaultRetention: { Mode: 'GOVERNANCE' } } },
    VersioningConfiguration: { Status: 'Enabled' },
  });
});

describe('the console', () => {
  const [api] = templates.of('AWS::ApiGatewayV2::Api', 'distributary-operations');
  const address = (path: string) => ({
    'Fn::Join': [
      '',
      [
        'https://',
        { Ref: expect.stringMatching(/^SsmParameterValuedistributaryoperationsconsoleapiid/) },
        '.execute-api.',
        { Ref: 'AWS::Region' },
        '.',
        { Ref: 'AWS::URLSuffix' },
        ...(path === '' ? [] : [path]),
      ],
    ],
  });

  test('may ask one function, read metrics and watermarks, and keep sessions: nothing else', () => {
    const permissions = permissionsOf('console').filter(({ actions }) => !/^(logs|xray):/.test(actions[0]!));
    const listed = permissions.map(({ actions, resources, condition }) => {
      const [arn] = resources;
      const where =
        JSON.stringify(arn).match(/OperationsOperateFunction|controltablename|apistatetablename/)?.[0] ?? arn;
      const [keys = []] = Object.values(condition ?? {}).map(value => Object.values(value as object).flat());
      return [...actions, where, ...keys].join(' ');
    });
    expect(listed.sort()).toEqual(
      [
        'cloudwatch:GetMetricData *',
        'dynamodb:GetItem apistatetablename keys#issuer',
        'dynamodb:GetItem dynamodb:PutItem dynamodb:DeleteItem apistatetablename session#*',
        'lambda:InvokeFunction OperationsOperateFunction',
        ...projected.map(({ store_name }) => `dynamodb:Query controltablename store#${store_name}`),
      ].sort(),
    );
    const { properties } = templates.one('AWS::Lambda::Function', 'FunctionName', 'distributary-console');
    expect(properties).not.toHaveProperty('VpcConfig');
    expect(properties.ReservedConcurrentExecutions).toBe(5);
  });

  test('has a limited door of its own, which nothing but API Gateway opens', () => {
    expect(api!.properties).toEqual({ Name: 'distributary-console', ProtocolType: 'HTTP' });
    const routes = templates.of('AWS::ApiGatewayV2::Route', 'distributary-operate');
    expect(routes.map(({ properties }) => properties.RouteKey).sort()).toEqual([
      ...['DELETE /{proxy+}', 'GET /', 'GET /{proxy+}', 'POST /{proxy+}'],
    ]);
    const [stage] = templates.of('AWS::ApiGatewayV2::Stage', 'distributary-operate');
    expect(stage!.properties.DefaultRouteSettings).toEqual({ ThrottlingRateLimit: 50, ThrottlingBurstLimit: 100 });
    expect(templates.of('AWS::Lambda::Url')).toEqual([]);
    const calling = templates
      .of('AWS::Lambda::Permission', 'distributary-operate')
      .filter(({ path }) => path.includes('/Console/'));
    expect(calling.map(({ properties }) => properties.Principal)).toEqual(['apigateway.amazonaws.com']);
    expect(JSON.stringify(calling[0]!.properties.SourceArn)).toContain('consoleapiid');
  });

  test('people come back from the pool to nowhere else, with a code, and are in one of its groups', () => {
    const [client] = templates.of('AWS::Cognito::UserPoolClient');
    expect(client!.properties).toMatchObject({
      AllowedOAuthFlows: ['code'],
      AllowedOAuthScopes: ['openid', 'profile'],
      CallbackURLs: [address('/signed-in')],
      LogoutURLs: [address('/')],
    });
    expect(client!.properties).not.toHaveProperty('GenerateSecret');
    const groups = templates.of('AWS::Cognito::UserPoolGroup').map(({ properties }) => properties.GroupName);
    expect(groups.sort()).toEqual(['distributary-operator', 'distributary-viewer']);
    expect(variablesOf('console')).toMatchObject({
      CONSOLE_URL: address(''),
      GROUPS_CLAIM: 'cognito:groups',
      GROUPS_PREFIX: 'distributary',
    });
  });
});

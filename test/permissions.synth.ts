import { isProtectedContract, type ProjectedContract } from '../core/store-contract.ts';
import type { ControlItems } from '../functions/control-items.ts';
import { controlTargets } from '../functions/control-targets.ts';
import { readCatalogue } from '../lib/contract-files.ts';
import { type Properties, ROOT, synthesised } from './templates.ts';

const { projected } = readCatalogue(ROOT);
const templates = await synthesised(false);

/** Every function's name, without the prefix. */
const functions = templates
  .of('AWS::Lambda::Function')
  .map(({ properties }) => String(properties.FunctionName).replace(/^distributary-/, ''));

const permissionsOf = (name: string) => templates.permissionsOf(`distributary-${name}`);

/** Services in which no resource can be named. */
const WITHOUT_RESOURCES = /^((xray|ec2):|cloudwatch:GetMetricData$)/;

test.each(functions)('%s may do what is listed, with what is named', name => {
  const permissions = permissionsOf(name);
  expect(permissions.length).toBeGreaterThan(0);
  for (const { actions, resources } of permissions) {
    for (const action of actions) expect(action).not.toContain('*');
    if (!actions.every(action => WITHOUT_RESOURCES.test(action))) expect(resources).not.toContain('*');
  }
});

test('no role gets more by a managed policy', () => {
  for (const { properties } of templates.of('AWS::IAM::Role')) {
    expect(properties).not.toHaveProperty('ManagedPolicyArns');
    expect(properties).not.toHaveProperty('Policies');
  }
});

/** Actions that change what a store holds. */
const WRITES = /^(dynamodb:(Put|Update|Delete|Batch|Transact|Create)|s3:(Put|Delete)|es:ESHttp(Put|Post|Delete|Patch))/;
const RUN_FOR_A_STORE = ['project', 'provision', 'compact'];

describe.each(projected)('the functions of $store_name', contract => {
  const store = contract.store_name;
  const own = RUN_FOR_A_STORE.map(work => `${work}-${store}`).filter(name => functions.includes(name));

  test('write their own store, their own items of the control table, and nothing else', () => {
    expect(own.length).toBeGreaterThanOrEqual(2);
    for (const name of own) {
      const written = permissionsOf(name).filter(({ actions }) => actions.some(action => WRITES.test(action)));
      expect(written.length).toBeGreaterThan(0);
      for (const { resources, condition } of written) {
        for (const resource of resources) expect(whatIs(resource, condition, contract)).toBe(`own ${store}`);
      }
    }
  });

  test('send to their own queues only', () => {
    const sent = permissionsOf(`project-${store}`).filter(({ actions }) => actions.includes('sqs:SendMessage'));
    const queues = sent.flatMap(({ resources }) => resources).map(arn => templates.referred(stackOf(store), arn));
    expect(queues.map(({ properties }) => properties.QueueName).sort()).toEqual([
      `distributary-${store}`,
      `distributary-${store}-failed`,
      `distributary-${store}-priority`,
    ]);
  });

  test('read parked states, and write none', () => {
    const touching = permissionsOf(`project-${store}`).filter(({ resources }) =>
      JSON.stringify(resources).includes('payloadbucketname'),
    );
    expect(touching.flatMap(({ actions }) => actions)).toEqual(['s3:GetObject', 's3:ListBucket']);
  });
});

test('the items of a store that its functions may touch are those that they ask for', async () => {
  const asked: string[] = [];
  const items = { read: async (group: string) => void asked.push(group) } as unknown as ControlItems;
  await controlTargets(items, Date.now).readTargets('case-search');
  const conditions = permissionsOf('project-case-search')
    .map(({ condition }) => condition)
    .filter(Boolean);
  expect(conditions).toEqual([{ 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': asked } }]);
});

test("a store's permissions do not match a store whose name begins with its name", () => {
  for (const { store_name, engine } of projected) {
    const patterns = JSON.stringify(permissionsOf(`project-${store_name}`).flatMap(({ resources }) => resources));
    if (engine === 'opensearch') expect(patterns).toContain(`/${store_name}.*`);
    expect(patterns).not.toContain(`${store_name}*`);
    expect(patterns).not.toContain(`${store_name}-*`);
  }
});

/** Each with what it may see and do in the database, which the migrations say. */
const ROLES: Readonly<Record<string, string>> = {
  relay: 'distributary_relay',
  guardian: 'distributary_guardian',
  operate: 'distributary_operator',
  'api-commands': 'distributary_app',
  'api-queries': 'distributary_query',
};

test('each function logs in to the canonical store as the role made for it, only the migrations know its password', () => {
  const logins = functions.flatMap(name =>
    permissionsOf(name)
      .filter(({ actions }) => actions.includes('rds-db:connect'))
      .map(({ resources }) => [name, /\/(distributary_\w+)"/.exec(JSON.stringify(resources))?.[1]]),
  );
  expect(Object.fromEntries(logins)).toMatchObject(ROLES);
  expect(new Set(logins.map(([, role]) => role)).size).toBe(logins.length);
  expect(functions.filter(name => permits(name, 'secretsmanager:GetSecretValue'))).toEqual(['migrate']);
});

test("OpenSearch's own roles admit each store's functions to its own indexes, and one function administers them", () => {
  const [{ properties: domain }] = templates.of('AWS::OpenSearchService::Domain') as [Properties];
  const administrator = domain.AdvancedSecurityOptions.MasterUserOptions.MasterUserARN;
  const access = templates.one('AWS::Lambda::Function', 'FunctionName', 'distributary-search-access');
  expect(administrator).toEqual(access.properties.Role);
  expect(functions.filter(name => JSON.stringify(permissionsOf(name)).includes('_plugins'))).toEqual(['search-access']);
  for (const { store_name } of projected.filter(({ engine }) => engine === 'opensearch')) {
    const [admission] = templates.of('Custom::SearchAccess', stackOf(store_name));
    const wearing = ['project', 'provision'].map(
      work =>
        templates.one('AWS::Lambda::Function', 'FunctionName', `distributary-${work}-${store_name}`).properties.Role,
    );
    expect(admission!.properties).toMatchObject({ Index: store_name, Role: `${stackOf(store_name)}-${store_name}` });
    expect(admission!.properties.Members).toEqual(wearing);
  }
});

test('a sealed value is opened by who shows or compares it, sealed by who writes it, under keys of its own store', () => {
  const sealed = projected.filter(isProtectedContract);
  expect(sealed.length).toBeGreaterThan(0);
  const may = (action: string) => functions.filter(name => permits(name, action)).sort();
  expect(may('kms:GenerateDataKey')).toEqual(
    ['operate', ...sealed.map(({ store_name }) => `project-${store_name}`)].sort(),
  );
  expect(may('kms:Decrypt')).toEqual(['api-queries', 'operate']);
  for (const { store_name, protection } of sealed) {
    const keys = templates.of('AWS::KMS::Key', stackOf(store_name));
    expect(keys).toHaveLength(protection.keys.length);
    for (const { properties } of keys) expect(properties.EnableKeyRotation).toBe(true);
    const own = permissionsOf(`project-${store_name}`).filter(({ actions }) => actions[0]!.startsWith('kms:'));
    expect(own.map(({ resources }) => resources.map(arn => templates.referred(stackOf(store_name), arn).id))).toEqual([
      [keys[0]!.id],
    ]);
  }
  const onKeys = functions.flatMap(permissionsOf).filter(({ actions }) => actions.some(action => /^kms:/.test(action)));
  for (const { condition } of onKeys) {
    expect(sealed.map(({ store_name }) => store_name)).toContain(condition.StringEquals['kms:EncryptionContext:store']);
  }
});

test('only the relay publishes', () => {
  expect(functions.filter(name => permits(name, 'sns:Publish'))).toEqual(['relay']);
});

test('the private network has a way to each service that a function in it calls, and no other way', () => {
  const inside = templates.of('AWS::Lambda::Function').filter(({ properties }) => properties.VpcConfig);
  expect(inside.length).toBeGreaterThanOrEqual(4);
  const actions = inside.flatMap(({ properties }) =>
    templates.permissionsOf(properties.FunctionName).flatMap(permission => permission.actions),
  );
  const called = new Set(
    actions.map(action => action.split(':')[0]!).filter(service => !WITHOUT_ENDPOINT.has(service)),
  );
  // How CloudFormation tells that a custom resource is done.
  called.add('s3');
  const ways = templates.of('AWS::EC2::VPCEndpoint').map(({ properties }) => serviceOf(properties.ServiceName));
  expect(ways.sort()).toEqual([...called].sort());
});

/** What Lambda itself does in a function's name, and what lies in the network. */
const WITHOUT_ENDPOINT = new Set(['ec2', 'es', 'logs', 'rds-db', 'xray']);
const serviceOf = (name: Properties): string =>
  (typeof name === 'string' ? name : name['Fn::Join'][1].at(-1)).split('.').at(-1);

const permits = (name: string, action: string): boolean =>
  permissionsOf(name).some(({ actions }) => actions.includes(action));
const stackOf = (store: string): string => `distributary-${store}`;

/** Says `own <store>` of a resource that is this store's and no other's. */
function whatIs(resource: Properties, condition: Properties, { store_name, engine }: ProjectedContract): string {
  const text = JSON.stringify(resource);
  const leading = condition?.['ForAllValues:StringEquals']?.['dynamodb:LeadingKeys'];
  if (text.includes('controltablename') && leading?.join() === `store#${store_name}`) return `own ${store_name}`;
  if (engine === 'opensearch') {
    const path = text.match(/:domain\/distributary-search\/([^"]*)"/)?.[1];
    // Moving an alias in one step has no address that names the store.
    if ([`${store_name}.*`, `_index_template/${store_name}`, '_aliases'].includes(path!)) return `own ${store_name}`;
    return `index ${path}`;
  }
  const target = templates.referred(stackOf(store_name), resource['Fn::Join']?.[1][0] ?? resource);
  return target.path.startsWith(`${stackOf(store_name)}/Store/`) ? `own ${store_name}` : target.path;
}

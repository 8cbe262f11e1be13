import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { App, IPolicyValidationContext } from 'aws-cdk-lib';
import { readPrices } from '../bin/cost/cost-files.ts';
import { estimate } from '../core/cost.ts';
import { alarmsOf, runbook } from '../core/governance/runbook.ts';
import { VALKEY_ACCESS } from '../core/permission-keys.ts';
import { dollarsOf, type Measured } from '../core/prices.ts';
import { parseStoreContract } from '../core/store-contract-rules.ts';
import { type Bundles, bundleFunctions } from '../lib/bundles.ts';
import { ContractChecks } from '../lib/contract-checks.ts';
import { readCatalogue } from '../lib/contract-files.ts';
import { entryPoints } from '../lib/entry-points.ts';
import { nagPacks } from '../lib/nag.ts';
import { synthesise } from '../lib/pipeline-app.ts';
import { ROOT, Templates } from './templates.ts';
import { rootOnValkey } from './valkey-root.ts';

/** The app whose contract of the cache says `engine: valkey`, checked by all rules. */

const folder = mkdtempSync(join(tmpdir(), 'distributary-valkey-'));
const root = rootOnValkey(join(folder, 'root'));
const catalogue = readCatalogue(root);
const contract = catalogue.stores.find(({ store_name }) => store_name === 'permission-cache')!;
const STACK = 'distributary-api';
/** Node reads it at each cold start. */
const MAX_BYTES = 3 * 2 ** 20;
let bundles: Bundles;
let templates: Templates;
let app: App;

beforeAll(async () => {
  bundles = await bundleFunctions(catalogue, root);
  const outdir = join(folder, 'out');
  app = await synthesise({ root, outdir, bundles, checkTemplates: false });
  templates = new Templates(outdir);
}, 120_000);
afterAll(() => {
  bundles?.dispose();
  rmSync(folder, { recursive: true });
});

const only = (type: string) => {
  const found = templates.of(type, STACK);
  expect(found).toHaveLength(1);
  return found[0]!;
};
const queries = () => templates.one('AWS::Lambda::Function', 'FunctionName', 'distributary-api-queries');

test('neither the rules of cdk-nag nor those of contracts find anything in it', () => {
  const context = { appConstruct: app } as unknown as IPolicyValidationContext;
  const checks = [...nagPacks(), new ContractChecks(catalogue)];
  expect(checks.flatMap(check => check.validate(context).violations)).toEqual([]);
});

test('the cache is a serverless Valkey with a key of its own and limits, and no table is left of the other engine', () => {
  const { properties, deletionPolicy } = only('AWS::ElastiCache::ServerlessCache');
  expect(properties).toMatchObject({
    Engine: 'valkey',
    CacheUsageLimits: { DataStorage: { Maximum: 1, Unit: 'GB' }, ECPUPerSecond: { Maximum: 1000 } },
  });
  expect(properties).not.toHaveProperty('SnapshotRetentionLimit');
  expect(deletionPolicy).toBe('Delete');
  const key = templates.referred(STACK, properties.KmsKeyId);
  expect(key.properties.EnableKeyRotation).toBe(true);
  const tables = templates.of('AWS::DynamoDB::GlobalTable', STACK).map(table => table.properties.TableName);
  expect(tables).toEqual(['distributary-api-state']);
});

test('it is entered by IAM, as one user with three commands on the keys of permissions, by queries alone', () => {
  const user = only('AWS::ElastiCache::User');
  const { UserId, UserName, AuthenticationMode, AccessString } = user.properties;
  expect({ AuthenticationMode, AccessString }).toEqual({
    AuthenticationMode: { Type: 'iam' },
    AccessString: VALKEY_ACCESS,
  });
  // Of IAM's users the service wants it so.
  expect(UserId).toBe(UserName);
  const group = only('AWS::ElastiCache::UserGroup');
  expect(group.properties.UserIds).toEqual([{ Ref: user.id }]);
  const cache = only('AWS::ElastiCache::ServerlessCache');
  expect(cache.properties.UserGroupId).toEqual({ Ref: group.id });
  const functions = templates.of('AWS::Lambda::Function').map(({ properties }) => properties.FunctionName);
  const entering = functions.filter(name => JSON.stringify(templates.permissionsOf(name)).includes('elasticache:'));
  expect(entering).toEqual(['distributary-api-queries']);
  const connect = templates.permissionsOf(entering[0]!).find(({ actions }) => actions.includes('elasticache:Connect'))!;
  expect(connect.actions).toEqual(['elasticache:Connect']);
  expect(connect.resources.map(arn => templates.referred(STACK, arn).id).sort()).toEqual([cache.id, user.id].sort());
  const { VALKEY_URL, VALKEY_CACHE, VALKEY_USER } = queries().properties.Environment.Variables;
  expect(JSON.stringify(VALKEY_URL)).toContain('rediss://');
  expect([VALKEY_CACHE, VALKEY_USER]).toEqual([cache.properties.ServerlessCacheName, UserName]);
});

test('nothing reaches it but who wears its clients group, at its one port, and nothing leaves it', () => {
  const groups = templates.of('AWS::EC2::SecurityGroup', STACK);
  const [clients, nodes] = ['Clients', 'Nodes'].map(
    name => groups.find(({ path }) => path.includes(`/Cache/${name}/`))!,
  );
  const [ingress, ...others] = templates.of('AWS::EC2::SecurityGroupIngress', STACK);
  expect(others).toEqual([]);
  expect(ingress!.properties).toMatchObject({
    GroupId: { 'Fn::GetAtt': [nodes!.id, 'GroupId'] },
    SourceSecurityGroupId: { 'Fn::GetAtt': [clients!.id, 'GroupId'] },
    ...{ IpProtocol: 'tcp', FromPort: 6379, ToPort: 6379 },
  });
  expect(nodes!.properties).not.toHaveProperty('SecurityGroupIngress');
  expect(nodes!.properties.SecurityGroupEgress).toEqual([expect.objectContaining({ CidrIp: '255.255.255.255/32' })]);
  const worn = templates
    .of('AWS::Lambda::Function')
    .filter(({ properties }) => JSON.stringify(properties.VpcConfig ?? {}).includes(clients!.id));
  expect(worn.map(({ properties }) => properties.FunctionName)).toEqual(['distributary-api-queries']);
});

test('for an emulator it is one that is there already, and has to be named', async () => {
  const context = { target: 'local', databaseUrl: 'postgresql://a@b/c', searchUrl: 'http://127.0.0.1:9200' };
  const emulated = (more: object) => {
    const outdir = join(folder, 'emulated');
    return synthesise({ root, outdir, bundles, context: { ...context, ...more }, checkTemplates: false });
  };
  await expect(emulated({})).rejects.toMatchObject({
    code: 'configuration-invalid',
    hint: expect.stringContaining('cacheUrl'),
  });
  const cacheUrl = 'redis://127.0.0.1:6379';
  await emulated({ cacheUrl });
  const made = new Templates(join(folder, 'emulated'));
  expect(made.resources.filter(({ type }) => type.startsWith('AWS::ElastiCache'))).toEqual([]);
  const fn = made.one('AWS::Lambda::Function', 'FunctionName', 'distributary-api-queries');
  expect(fn.properties.Environment.Variables).toMatchObject({ VALKEY_URL: cacheUrl });
  await expect(synthesise({ root: ROOT, bundles, context: { ...context, cacheUrl } })).rejects.toMatchObject({
    hint: expect.stringContaining('engine: valkey'),
  });
});

test('each of its alarms has a section in its runbook', () => {
  const alarms = templates
    .of('AWS::CloudWatch::Alarm', STACK)
    .map(({ properties }) => properties.AlarmName.replace('distributary-', ''));
  expect(alarms.filter((name: string) => name.startsWith('permission-cache-')).sort()).toEqual(
    ['evictions', 'full', 'throttled', 'unreachable'].map(what => `permission-cache-${what}`),
  );
  expect(
    alarmsOf(contract)
      .map(({ alarm }) => alarm)
      .sort(),
  ).toEqual(alarms.sort());
  for (const name of alarms) expect(runbook(contract)).toContain(`\n### ${name}\n`);
});

test('its client is in the bundle of queries, and not without the engine in the contract', () => {
  const isClient = (path: string) => path.startsWith('node_modules/iovalkey/');
  const withClient = bundles.all.filter(({ inputs }) => inputs.some(isClient));
  expect(withClient.map(({ name }) => name)).toEqual(['api-queries']);
  const { bytes } = bundles.of('api-queries');
  expect(bytes).toBeLessThan(MAX_BYTES);
  const standard = entryPoints(readCatalogue(ROOT), ROOT).get('api-queries')!;
  expect(standard).toContain('engines/dynamodb-cache.ts');
  expect(standard).not.toContain('valkey');
});

test('a month of it is what the service bills at least, and its requests', () => {
  const prices = dollarsOf(readPrices(ROOT));
  const measured: Measured = {
    ...{ measured_on: '2026-01-01', command: 'by hand', changes: 1, changes_per_second: 1, parts: {} },
  };
  const sizing = { zones: 2, capacityUnits: 1, databaseInstances: 1, searchNodes: 1, searchNodeHour: 1 };
  const costs = estimate(catalogue, prices, measured, { ...sizing, searchVolumeGigabytes: 1 });
  const { lines, dollars } = costs.find(({ store }) => store === 'permission-cache')!;
  expect(lines.find(({ unit }) => unit === 'GB hours')).toMatchObject({ quantity: 73, dollars: 73 * 0.084 });
  // 5 million reads, 500,000 entries claimed and written.
  expect(lines.find(({ what }) => what === 'units of requests')).toMatchObject({ quantity: 6, dollars: 6 * 0.0023 });
  expect(dollars).toBeLessThan(10);
});

test('what has to last is not kept in it', () => {
  const text = `store_name: letters
role: canonical
engine: valkey
owner_team: identity
served_use_cases: [letters]
authority_rules: { may_execute_commands: true, must_rehydrate_before_sensitive_action: false }
rebuild: { supported: false }
security: { contains_pii: false, authorization_filter_required: false, field_masking_required: false }
schema_evolution: { versioned_document: false, backward_compatible_indexer_required: false }
observability: { metrics: [api_error_count] }
`;
  expect(() => parseStoreContract(text, 'contracts/stores/letters.yaml')).toThrow('engine valkey with role canonical');
});

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { synthesise } from '../lib/pipeline-app.ts';
import { bundled, type Properties, ROOT, Templates } from './templates.ts';

/** The relay as a container: synthesised without Docker, with the function's permissions and the function's code. */

const folder = mkdtempSync(join(tmpdir(), 'distributary-relay-service-'));
let service: Templates;
let ordinary: Templates;
beforeAll(async () => {
  const bundles = await bundled();
  // The service adds a Dockerfile to its bundle, so it comes last.
  await synthesise({ root: ROOT, outdir: join(folder, 'function'), checkTemplates: false, bundles });
  await synthesise({
    root: ROOT,
    outdir: join(folder, 'service'),
    context: { relay: 'service' },
    checkTemplates: false,
    bundles,
  });
  bundles.dispose();
  service = new Templates(join(folder, 'service'));
  ordinary = new Templates(join(folder, 'function'));
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const container = (): Properties => service.of('AWS::ECS::TaskDefinition')[0]!.properties.ContainerDefinitions[0];

test('one property makes a service of the function, and nothing else changes in its stack', () => {
  const count = (templates: Templates) => {
    const types = templates.resources.filter(({ stack }) => stack === 'distributary-relay').map(({ type }) => type);
    return types.filter(type => !/::(ECS|Lambda|Events|IAM|Logs)::/.test(type)).sort();
  };
  expect(count(service)).toEqual(count(ordinary));
  const relays = service.of('AWS::Lambda::Function').filter(({ stack }) => stack === 'distributary-relay');
  expect(relays).toEqual([]);
  expect(service.of('AWS::ECS::Service')).toHaveLength(1);
  expect(ordinary.resources.filter(({ type }) => type.startsWith('AWS::ECS::'))).toEqual([]);
});

test('the image is the bundle of the function, with nothing that names this machine', () => {
  const tag = /:([0-9a-f]{64})$/.exec(container().Image['Fn::Sub'])![1]!;
  const asset = readdirSync(join(folder, 'service')).find(name => name === `asset.${tag}`)!;
  expect(readdirSync(join(folder, 'service', asset)).sort()).toEqual(['Dockerfile', 'index.mjs']);
  const bundle = readFileSync(join(folder, 'service', asset, 'index.mjs'), 'utf8');
  const bundles = readdirSync(join(folder, 'function')).map(name => join(folder, 'function', name, 'index.mjs'));
  expect(bundles.some(path => existsSync(path) && readFileSync(path, 'utf8') === bundle)).toBe(true);
});

test('its task may do what the function may', () => {
  const role = service.of('AWS::ECS::TaskDefinition')[0]!.properties.TaskRoleArn['Fn::GetAtt'][0];
  const allowed = service
    .of('AWS::IAM::Policy', 'distributary-relay')
    .filter(({ properties }) => properties.Roles.some(({ Ref }: Properties) => Ref === role))
    .flatMap(({ properties }) => properties.PolicyDocument.Statement.map(({ Action }: Properties) => Action));
  const ofFunction = ordinary.permissionsOf('distributary-relay').flatMap(({ actions }) => actions);
  const runtime = /^(ec2|logs|xray):/;
  expect(allowed.flat().sort()).toEqual(ofFunction.filter(action => !runtime.test(action)).sort());
});

test('a deployment starts the next one before it stops this one, in the private network, without a public address', () => {
  expect(service.of('AWS::ECS::Service')[0]!.properties).toMatchObject({
    DesiredCount: 1,
    DeploymentConfiguration: { MinimumHealthyPercent: 100, MaximumPercent: 200 },
    NetworkConfiguration: { AwsvpcConfiguration: { AssignPublicIp: 'DISABLED' } },
  });
  expect(container()).toMatchObject({ ReadonlyRootFilesystem: true, StopTimeout: 30 });
});

test('the network lets images and logs through only where containers run', () => {
  const ways = (templates: Templates) => JSON.stringify(templates.of('AWS::EC2::VPCEndpoint'));
  for (const way of ['.ecr.api', '.ecr.dkr', '.logs']) {
    expect(ways(service)).toContain(way);
    expect(ways(ordinary)).not.toContain(way);
  }
});

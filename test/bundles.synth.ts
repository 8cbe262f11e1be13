import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isProtectedContract } from '../core/store-contract.ts';
import { bundleFunctions } from '../lib/bundles.ts';
import { readCatalogue } from '../lib/contract-files.ts';
import { ROOT, synthesised } from './templates.ts';

const catalogue = readCatalogue(ROOT);
const bundles = await bundleFunctions(catalogue, ROOT);
// Made once more, into another folder.
const templates = await synthesised(false);
afterAll(() => bundles.dispose());

/** The packages that only one part of the pipeline has a use for. */
const CLIENTS = {
  keys: 'node_modules/@aws-crypto/client-node/',
  opensearch: 'node_modules/@opensearch-project/opensearch/',
  parquet: 'node_modules/hyparquet-writer/',
  postgres: 'node_modules/pg/',
  s3: 'node_modules/@aws-sdk/client-s3/',
} as const;
/** A function is loaded at its cold start, so what it does not use costs every one of them. */
const MAX_BYTES = 3 * 2 ** 20;
/** It has every engine, and keys; no change and no reader waits for its start. */
const MAX_OPERATE_BYTES = 3.5 * 2 ** 20;

const clientsIn = (inputs: readonly string[]): string[] =>
  Object.entries(CLIENTS)
    .filter(([, folder]) => inputs.some(input => input.includes(folder)))
    .map(([name]) => name);

test.each(catalogue.projected)('the projector of $store_name carries its own engine only', contract => {
  const { store_name, engine } = contract;
  const { inputs } = bundles.of(`project-${store_name}`);
  // Every projector fetches parked states from S3.
  const expected = {
    opensearch: ['opensearch', 's3'],
    dynamodb: ['s3'],
    s3: ['parquet', 's3'],
    's3-object-lock': ['s3'],
  }[engine];
  const keys = isProtectedContract(contract) ? ['keys'] : [];
  expect(clientsIn(inputs)).toEqual([...keys, ...expected]);
});

test('the relay carries the client of PostgreSQL and no store', () => {
  expect(clientsIn(bundles.of('relay').inputs)).toEqual(['postgres', 's3']);
});

test('no bundle carries CDK, a test or local mode', () => {
  for (const { inputs } of bundles.all) {
    expect(
      inputs.filter(input => /^(local|lib|test|bin)\/|node_modules\/(aws-cdk-lib|esbuild|jest)\//.test(input)),
    ).toEqual([]);
  }
});

test('no bundle has Node call back for each promise', () => {
  const hooked = bundles.all.filter(({ inputs }) => inputs.some(input => /\/(cls-hooked|async-hook-jl)\//.test(input)));
  expect(hooked.map(({ name }) => name)).toEqual([]);
});

test('every bundle is small enough to start fast', () => {
  const sizes = bundles.all.map(({ name, bytes }) => ({ name, bytes }));
  expect(sizes.filter(({ name, bytes }) => bytes > (name === 'operate' ? MAX_OPERATE_BYTES : MAX_BYTES))).toEqual([]);
});

test('the same sources make the same bundles, wherever they are put', () => {
  const [migrated] = templates.of('Custom::CanonicalMigrations');
  expect(migrated!.properties.Content).toBe(bundles.of('migrate').hash);
  for (const { properties } of templates.of('Custom::StoreTarget')) {
    expect(properties.Content).toBe(bundles.of(`provision-${properties.Store}`).hash);
  }
});

test('every bundle starts with the variables that its template sets, and exports a handler', () => {
  const functions = templates.of('AWS::Lambda::Function').map(({ properties }) => ({
    name: properties.FunctionName.replace('distributary-', ''),
    variables: Object.keys(properties.Environment.Variables),
  }));
  expect(functions.map(({ name }) => name).sort()).toEqual(bundles.all.map(({ name }) => name).sort());
  expect(handlersOf(functions)).toEqual(functions.map(({ name }) => `${name} function`));
});

test('each invocation leaves a segment in the trace of its event', () => {
  const name = 'project-case-facts';
  const { properties } = templates.one('AWS::Lambda::Function', 'FunctionName', `distributary-${name}`);
  const traces = ['1-aaaaaaaa-000000000000000000000001', '1-aaaaaaaa-000000000000000000000002'];
  const segments = segmentsOf({ name, variables: Object.keys(properties.Environment.Variables) }, traces);
  expect(segments).toEqual(traces.map(trace => `## index.handler in ${trace}`));
});

const PLACE = { standard: 'x', priority: 'x', failed: 'x', place: 'x' };
const VALUES: Record<string, string> = {
  CONSOLE_URL: 'https://console.example',
  HEARTBEAT_SECONDS: '10',
  OPENSEARCH_URL: 'https://search.example',
  PROTECTION_KEYS: JSON.stringify(
    Object.fromEntries(
      catalogue.projected
        .filter(isProtectedContract)
        .map(({ store_name, protection: { keys } }) => [store_name, keys.map(name => ({ name, kms: 'x' }))]),
    ),
  ),
  WATCHED_QUEUES: JSON.stringify({
    parked: 'x',
    stores: Object.fromEntries(
      catalogue.projected.map(({ store_name }) => [store_name, { standard: 'x', priority: 'x', failed: 'x' }]),
    ),
  }),
  OPERATED_STORES: JSON.stringify(Object.fromEntries(catalogue.projected.map(({ store_name }) => [store_name, PLACE]))),
};

interface Loaded {
  readonly name: string;
  readonly variables: readonly string[];
}

const environmentOf = ({ variables }: Loaded): object => ({
  ...Object.fromEntries(variables.map(variable => [variable, VALUES[variable] ?? 'x'])),
  AWS_REGION: 'eu-central-1',
});
const fileOf = ({ name }: Loaded): URL => pathToFileURL(join(bundles.of(name).folder, 'index.mjs'));

/** Loads each bundle as Lambda does, alone and with its own variables, and says what its handler is. */
function handlersOf(functions: readonly Loaded[]): string[] {
  const script = functions.map(
    loaded => `
      process.env = ${JSON.stringify(environmentOf(loaded))};
      console.log('${loaded.name}', typeof (await import('${fileOf(loaded)}')).handler);`,
  );
  return linesOf(script.join(''));
}

/** Invokes the handler once in each trace, with nothing to do, and listens as the X-Ray daemon does. */
function segmentsOf(loaded: Loaded, traces: readonly string[]): string[] {
  return linesOf(`
    const socket = (await import('node:dgram')).createSocket('udp4');
    await new Promise(resolve => socket.bind(0, '127.0.0.1', resolve));
    const runtime = { AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x', LAMBDA_TASK_ROOT: '/var/task', _HANDLER: 'index.handler' };
    const AWS_XRAY_DAEMON_ADDRESS = '127.0.0.1:' + socket.address().port;
    process.env = { ...${JSON.stringify(environmentOf(loaded))}, ...runtime, AWS_XRAY_DAEMON_ADDRESS };
    const { handler } = await import('${fileOf(loaded)}');
    for (const trace of ${JSON.stringify(traces)}) {
      process.env._X_AMZN_TRACE_ID = 'Root=' + trace + ';Parent=bbbbbbbbbbbbbbbb;Sampled=1';
      const sent = new Promise(resolve => socket.once('message', resolve));
      await handler({ Records: [] }, { getRemainingTimeInMillis: () => 1000 });
      const { name, trace_id } = JSON.parse(String(await sent).split('\\n')[1]);
      console.log(name + ' in ' + trace_id);
    }`);
}

/** What a script says, in a process that no test has touched. */
function linesOf(script: string): string[] {
  const args = ['--input-type=module', '-e', `${script}\nprocess.exit();`];
  return execFileSync(process.execPath, args, { encoding: 'utf8', cwd: tmpdir(), stdio: 'pipe' }).trim().split('\n');
}

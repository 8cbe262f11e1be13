import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
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
  opensearch: 'node_modules/@opensearch-project/opensearch/',
  parquet: 'node_modules/hyparquet-writer/',
  postgres: 'node_modules/pg/',
  s3: 'node_modules/@aws-sdk/client-s3/',
} as const;
/** A function is loaded at its cold start, so what it does not use costs every one of them. */
const MAX_BYTES = 3 * 2 ** 20;

const clientsIn = (inputs: readonly string[]): string[] =>
  Object.entries(CLIENTS)
    .filter(([, folder]) => inputs.some(input => input.includes(folder)))
    .map(([name]) => name);

test.each(catalogue.projected)('the projector of $store_name carries its own engine only', ({ store_name, engine }) => {
  const { inputs } = bundles.of(`project-${store_name}`);
  // Every projector fetches parked states from S3.
  const expected = { opensearch: ['opensearch', 's3'], dynamodb: ['s3'], s3: ['parquet', 's3'] }[engine];
  expect(clientsIn(inputs)).toEqual(expected);
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

test('every bundle is small enough to start fast', () => {
  const sizes = bundles.all.map(({ name, bytes }) => ({ name, bytes }));
  expect(sizes.filter(({ bytes }) => bytes > MAX_BYTES)).toEqual([]);
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

const VALUES: Record<string, string> = { HEARTBEAT_SECONDS: '10', OPENSEARCH_URL: 'https://search.example' };

/** Loads each bundle as Lambda does, alone and with its own variables, and says what its handler is. */
function handlersOf(functions: readonly { name: string; variables: readonly string[] }[]): string[] {
  const script = functions.map(({ name, variables }) => {
    const file = pathToFileURL(join(bundles.of(name).folder, 'index.mjs'));
    const env = Object.fromEntries(variables.map(variable => [variable, VALUES[variable] ?? 'x']));
    return `
      process.env = ${JSON.stringify({ ...env, AWS_REGION: 'eu-central-1' })};
      console.log('${name}', typeof (await import('${file}')).handler);`;
  });
  const args = ['--input-type=module', '-e', `${script.join('')}\nprocess.exit();`];
  return execFileSync(process.execPath, args, { encoding: 'utf8', cwd: tmpdir() }).trim().split('\n');
}

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { DistributaryError } from '../../core/errors.ts';
import { readCatalogue } from '../../lib/contract-files.ts';
import { RELAY } from '../../lib/entry-points.ts';
import { LOCAL_AUDIENCE } from '../../local/issuer.ts';
import { awsVariables, bootstrap, type Deployment, deploy, ROOT } from './deployment.ts';
import {
  ACCOUNT,
  CREDENTIALS,
  EMULATORS,
  type Emulator,
  type EmulatorName,
  type EmulatorOptions,
  REGION,
} from './emulator.ts';
import { startLocalStack } from './localstack.ts';
import { startMiniStack } from './ministack.ts';
import { endpointsOf, NAMES, PLACES_VARIABLE, writePlaces } from './places.ts';
import { type Surroundings, startSurroundings } from './surroundings.ts';

/**
 * `npm run test:aws`: an emulator of AWS, the deployment that users make, and the `.aws` tests against it.
 * `-- --emulator=localstack` takes the other emulator; what else is said goes to Jest. Exits 1 when a test fails, 2 when it
 * does not come to that. Whatever it starts ends with it, however it ends.
 */

const STARTS: Readonly<Record<EmulatorName, (options: EmulatorOptions) => Promise<Emulator>>> = {
  ministack: startMiniStack,
  localstack: startLocalStack,
};

const began = Date.now();
const say = (line: string): void => console.log(`${((Date.now() - began) / 1000).toFixed(1).padStart(6)} s  ${line}`);

type Undo = (() => unknown)[];
const undo: Undo = [];
async function takeBack(): Promise<void> {
  for (let step = undo.pop(); step; step = undo.pop()) await step();
}

async function started(name: EmulatorName, folder: string): Promise<[Emulator, Surroundings]> {
  const parts = await Promise.allSettled([
    STARTS[name]({ folder, onLog: say }).then(emulator => {
      undo.push(() => emulator.stop());
      return emulator;
    }),
    startSurroundings(say).then(surroundings => {
      undo.push(() => surroundings.stop());
      return surroundings;
    }),
  ]);
  for (const part of parts) if (part.status === 'rejected') throw part.reason;
  return parts.map(part => part.status === 'fulfilled' && part.value) as [Emulator, Surroundings];
}

/** Where there are no HTTP APIs, there is no door to a console. */
const CONSOLE_ON: Readonly<Record<EmulatorName, Readonly<Record<string, string>>>> = {
  ministack: { consoleClientId: LOCAL_AUDIENCE, consoleGroupsClaim: 'cognito:groups' },
  localstack: { console: 'off' },
};

async function deployed(
  name: EmulatorName,
  folder: string,
  emulator: Emulator,
  surroundings: Surroundings,
): Promise<Deployment> {
  const { databaseUrl, relayDatabaseUrl, search, issuerUrl } = surroundings;
  const deployment = {
    environment: awsVariables(emulator.endpoint, REGION, CREDENTIALS),
    account: ACCOUNT,
    region: REGION,
    context: {
      target: 'local',
      databaseUrl,
      relayDatabaseUrl,
      searchUrl: search.url,
      tokenIssuer: issuerUrl,
      tokenAudience: LOCAL_AUDIENCE,
      ...CONSOLE_ON[name],
    },
    folder,
  };
  await bootstrap(deployment);
  say('bootstrapped');
  await deploy(deployment, ROOT);
  return deployment;
}

/** As the schedule does within the minute: tests need not wait for that. */
async function startRelay(endpoint: string): Promise<void> {
  const lambda = new LambdaClient({ endpoint, region: REGION, credentials: { ...CREDENTIALS } });
  await lambda.send(new InvokeCommand({ FunctionName: NAMES.function(RELAY), InvocationType: 'Event' }));
  lambda.destroy();
}

/** Jest in a process of its own; yields its exit code. */
async function tests({ folder, environment }: Deployment, args: readonly string[]): Promise<number> {
  const jest = join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js');
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  // What a test that failed has left open does not hold up the end.
  const jestFlags = ['--forceExit', '--testMatch', '<rootDir>/test/**/*.aws.ts'];
  const child = spawn(process.execPath, [...flags, jest, ...jestFlags, ...args], {
    cwd: ROOT,
    stdio: 'inherit',
    // What opens protected fields asks KMS by the SDK's own variables.
    env: { ...process.env, ...environment, [PLACES_VARIABLE]: folder },
  });
  undo.push(() => child.kill('SIGTERM'));
  return new Promise((answered, failed) => child.once('error', failed).once('close', code => answered(code ?? 2)));
}

async function main(name: EmulatorName, args: readonly string[]): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'distributary-aws-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  const [emulator, surroundings] = await started(name, folder);
  say(`${name} at ${emulator.endpoint}; ${surroundings.description}`);
  const deployment = await deployed(name, folder, emulator, surroundings);
  say('deployed');
  await startRelay(emulator.endpoint);
  const endpoints = await endpointsOf(emulator, surroundings, readCatalogue(ROOT));
  writePlaces({ emulator: name, endpoints, deployment, folder });
  return tests(deployment, args);
}

const EMULATOR = '--emulator=';

const args = process.argv.slice(2);
const wanted = args.find(arg => arg.startsWith(EMULATOR))?.slice(EMULATOR.length) ?? 'ministack';
const name = EMULATORS.find(known => known === wanted);
if (!name) {
  console.error(`${EMULATOR}${wanted}: choose ${EMULATORS.join(' or ')}`);
  process.exit(2);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void takeBack().finally(() => process.exit(2)));
}
try {
  const forJest = args.filter(arg => !arg.startsWith(EMULATOR));
  process.exitCode = await main(name, forJest);
} catch (error) {
  console.error(error instanceof DistributaryError ? error.describe() : error);
  process.exitCode = 2;
} finally {
  await takeBack();
  say('all taken down');
}

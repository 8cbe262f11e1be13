import { spawn } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { endWithParent } from '../../local/process-life.ts';

/** The repository. */
export const ROOT = resolve(import.meta.dirname, '..', '..');
const BIN = join(ROOT, 'node_modules', '.bin');
/** The app as local mode runs it: CI checks the templates against CloudFormation's rules elsewhere. */
const APP = `node ${join(ROOT, 'bin', 'app.ts')} --unchecked`;
/** A deployment of all stacks takes half a minute on a quiet machine. */
const WITHIN_MS = 5 * 60_000;
const LINES_SHOWN = 30;
const AT_ONCE = 3;

/** Where and what the CDK CLI deploys. */
export interface Deployment {
  /** Variables of the AWS SDK: the endpoint, the credentials, the region. */
  readonly environment: Readonly<Record<string, string>>;
  readonly account: string;
  readonly region: string;
  /** What the app is told by `-c`. */
  readonly context: Readonly<Record<string, string>>;
  /** For templates, logs and what the CLI remembers. */
  readonly folder: string;
}

/** What any client of AWS needs to speak to an emulator. S3 is named apart, since the SDK derives its addresses otherwise. */
export const awsVariables = (
  endpoint: string,
  region: string,
  credentials: { readonly accessKeyId: string; readonly secretAccessKey: string },
): Readonly<Record<string, string>> => ({
  AWS_ENDPOINT_URL: endpoint,
  AWS_ENDPOINT_URL_S3: endpoint,
  AWS_ACCESS_KEY_ID: credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  AWS_REGION: region,
  AWS_DEFAULT_REGION: region,
});

export const bootstrap = (deployment: Deployment): Promise<void> =>
  cdk(deployment, ROOT, ['bootstrap', `aws://${deployment.account}/${deployment.region}`]);

/** Synthesises the app of `root`, a folder with `contracts/`, and deploys these stacks, or all. */
export const deploy = (deployment: Deployment, root: string, stacks: readonly string[] = ['--all']): Promise<void> =>
  cdk(deployment, root, [
    'deploy',
    ...stacks,
    ...Object.entries(deployment.context).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
    ...['--app', APP, '--output', join(deployment.folder, 'cdk.out')],
    ...['--require-approval', 'never', '--concurrency', String(AT_ONCE)],
  ]);

/** The stock CLI, in a process group of its own that ends with us. Throws with the end of what it said. */
async function cdk(deployment: Deployment, cwd: string, args: readonly string[]): Promise<void> {
  const { environment, folder } = deployment;
  const logFile = join(folder, `cdk-${args[0]}-${Date.now()}.log`);
  const log = createWriteStream(logFile);
  const child = spawn(join(BIN, 'cdk'), [...args, '--no-color', '--no-notices'], {
    cwd,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: [BIN, process.env.PATH].join(delimiter),
      HOME: folder,
      CDK_HOME: join(folder, 'cdk-home'),
      CDK_DISABLE_CLI_TELEMETRY: 'true',
      ...environment,
    },
  });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const withdraw = endWithParent(-child.pid!, 'SIGKILL', {});
  const timer = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), WITHIN_MS);
  const code = await new Promise((answered, failed) => child.once('error', failed).once('close', answered));
  clearTimeout(timer);
  withdraw();
  await new Promise(closed => log.end(closed));
  if (code === 0) return;
  const said = readFileSync(logFile, 'utf8').trim().split('\n').slice(-LINES_SHOWN).join('\n');
  throw new Error(`cdk ${args[0]} ended with ${code}:\n${said}`);
}

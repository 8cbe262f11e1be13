import { join } from 'node:path';
import { DistributaryError } from '../../core/errors.ts';
import { findDynamoParts, jarsOf } from '../../local/dynamodb-local.ts';
import { type Emulator, type EmulatorOptions, freePort, HOST, startProcess } from './emulator.ts';
import { type PythonPackages, pythonWith } from './python.ts';

/** The last version whose code asks for no token, with what its dependencies were when it was published. */
const PACKAGES: PythonPackages = {
  name: 'localstack-core-2026.3.0',
  python: { oldest: 13, newest: 13 },
  packages: ['localstack-core[runtime]==2026.3.0'],
  before: '2026-04-10',
  plugin: join(import.meta.dirname, 'localstack-executor'),
};
/** Eight seconds on a quiet machine. */
const READY_WITHIN_MS = 120_000;

/** LocalStack's core without containers: our plug-in runs functions of Node, and brings DynamoDB Local. */
export async function startLocalStack(options: EmulatorOptions): Promise<Emulator> {
  const { folder, onLog } = options;
  const python = await pythonWith(PACKAGES, onLog);
  const parts = await findDynamoParts(process.env);
  if ('missing' in parts) throw new DistributaryError('tool-missing', `DynamoDB Local cannot start: ${parts.missing}`);
  const jars = await jarsOf(parts, onLog);
  const port = await freePort();
  return startProcess({
    ...options,
    name: 'localstack',
    python,
    args: ['-m', 'localstack.runtime.main'],
    port,
    env: {
      GATEWAY_LISTEN: `${HOST}:${port}`,
      LOCALSTACK_HOST: `${HOST}:${port}`,
      // Otherwise a queue's region comes before the host, which is an address here and no name.
      SQS_ENDPOINT_STRATEGY: 'path',
      FILESYSTEM_ROOT: folder,
      // It takes some machines for a container, and then writes to /var/lib.
      OVERRIDE_IN_DOCKER: '0',
      DISABLE_EVENTS: '1',
      SKIP_SSL_CERT_DOWNLOAD: '1',
      LAMBDA_RUNTIME_EXECUTOR: 'process',
      LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC: '0.1',
      DYNAMODB_LOCAL_JAVA: parts.java.java,
      DYNAMODB_LOCAL_JARS: jars,
    },
    ready: /Ready\./,
    readyWithinMs: READY_WITHIN_MS,
  });
}

import { type Emulator, type EmulatorOptions, freePort, HOST, startProcess } from './emulator.ts';
import { type PythonPackages, pythonWith } from './python.ts';

const PACKAGES: PythonPackages = {
  name: 'ministack-1.5.33',
  python: { oldest: 10, newest: 13 },
  packages: ['ministack==1.5.33', 'cryptography==50.0.2'],
  before: '2026-11-21',
};
/** Half a second on a quiet machine. */
const READY_WITHIN_MS = 60_000;

/** MiniStack: one process that runs functions of Node as its children by itself. */
export async function startMiniStack(options: EmulatorOptions): Promise<Emulator> {
  const python = await pythonWith(PACKAGES, options.onLog);
  const port = await freePort();
  return startProcess({
    ...options,
    name: 'ministack',
    python,
    args: ['-m', 'ministack'],
    port,
    env: {
      // It listens everywhere unless it is told otherwise.
      BIND_HOST: HOST,
      MINISTACK_HOST: HOST,
      GATEWAY_PORT: String(port),
      // Doors with fixed ports that nobody here uses.
      IOT_MTLS_ENABLED: '0',
      SFTP_ENABLED: '0',
    },
    ready: /Running on http/,
    readyWithinMs: READY_WITHIN_MS,
  });
}

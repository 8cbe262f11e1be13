import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { launch, type ServerProcess } from './server-process.ts';

/** Node starts in 0.1 s; a busy machine may need many times that. */
const READY_WITHIN_MS = 30_000;
const STOP_WITHIN_MS = 5_000;

/** Starts the embedded engine in a process of its own, so that it can be killed like the real one. */
export async function startEmbedded(options: {
  dataDir: string;
  port: number;
}): Promise<{ url: string; server: ServerProcess }> {
  const { dataDir, port } = options;
  mkdirSync(dataDir, { recursive: true });
  const mark = `--data=${dataDir}`;
  const { server, ready } = await launch({
    name: 'the embedded search engine',
    command: process.execPath,
    args: [
      '--disable-warning=ExperimentalWarning',
      join(import.meta.dirname, 'embedded', 'server.ts'),
      mark,
      `--port=${port}`,
    ],
    cwd: dataDir,
    env: { PATH: process.env.PATH },
    runAs: {},
    logFile: join(dataDir, 'engine.log'),
    pidFile: join(dataDir, 'engine.pid'),
    mark,
    ready: /listening at (http:\S+)/,
    readyWithinMs: READY_WITHIN_MS,
    stopWithinMs: STOP_WITHIN_MS,
  });
  return { url: ready[1] as string, server };
}

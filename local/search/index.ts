import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DistributaryError } from '../../core/errors.ts';
import { OPENSEARCH_VERSION } from './distribution.ts';
import { startEmbedded } from './embedded.ts';
import { findRealParts, type RealParts, startReal } from './real.ts';
import type { Exit } from './server-process.ts';

export type SearchChoice = 'auto' | 'real' | 'embedded';

export interface SearchOptions {
  /** The engine's own folder; its documents survive in it. */
  readonly dataDir: string;
  readonly choice: SearchChoice;
  /** @default a free one */
  readonly port?: number;
  readonly onLog: (line: string) => void;
}

export interface Search {
  readonly url: string;
  /** `external`: OPENSEARCH_URL, which we neither start nor stop. `embedded`: the stand-in. */
  readonly kind: 'external' | 'real' | 'embedded';
  readonly version: string;
  /** One line for the log: why this engine, and that it is a stand-in if it is one. */
  readonly reason: string;
  readonly pid?: number;
  stop(): Promise<void>;
  /** Ends it as a power cut would. Absent where there is no process of ours. */
  kill9?(): Promise<void>;
  /** Resolves when the process is gone; never for an external engine. */
  readonly exited: Promise<Exit>;
}

/**
 * Starts the search engine of local mode. `auto` takes OPENSEARCH_URL, else real OpenSearch when this machine has what it
 * needs, else the embedded stand-in; `real` and `embedded` insist.
 */
export async function startSearch(options: SearchOptions): Promise<Search> {
  const { choice, onLog } = options;
  const external = process.env.OPENSEARCH_URL;
  if (choice === 'auto' && external) return attach(external);
  if (choice === 'embedded') return standIn(options, 'asked for');
  const parts = await findRealParts(process.env);
  if ('missing' in parts) {
    if (choice === 'auto') return standIn(options, parts.missing);
    throw new DistributaryError('tool-missing', `real OpenSearch cannot start: ${parts.missing}`);
  }
  try {
    return await real(options, parts);
  } catch (error) {
    if (choice === 'real' || !(error instanceof DistributaryError) || error.code !== 'tool-missing') throw error;
    onLog(error.describe());
    return standIn(options, error.message);
  }
}

async function attach(url: string): Promise<Search> {
  const answer = await fetch(url).catch(cause => {
    throw new DistributaryError('store-unavailable', `OPENSEARCH_URL ${url} does not answer: ${cause.cause ?? cause}`, {
      hint: 'start it, or unset OPENSEARCH_URL',
      cause,
    });
  });
  const info = (await answer.json().catch(() => ({}))) as { version?: { number?: string } };
  const version = info.version?.number;
  if (!version) {
    throw new DistributaryError('store-unavailable', `OPENSEARCH_URL ${url} answers, but not as OpenSearch does`, {
      hint: 'point it at the HTTP port of an OpenSearch node, with user and password in the URL if it asks',
    });
  }
  const reason = `OpenSearch ${version} at OPENSEARCH_URL`;
  return { url, kind: 'external', version, reason, stop: async () => {}, exited: new Promise(() => {}) };
}

async function real(options: SearchOptions, parts: RealParts): Promise<Search> {
  const dataDir = ownFolder(options, 'real');
  const { url, server } = await startReal(parts, { dataDir, port: options.port ?? 0, onLog: options.onLog });
  const reason = `OpenSearch ${OPENSEARCH_VERSION} on Java ${parts.jdk.version}`;
  return { url, kind: 'real', version: OPENSEARCH_VERSION, reason, ...server };
}

async function standIn(options: SearchOptions, why: string): Promise<Search> {
  const dataDir = ownFolder(options, 'embedded');
  const { url, server } = await startEmbedded({ dataDir, port: options.port ?? 0 });
  return { url, kind: 'embedded', version: OPENSEARCH_VERSION, reason: `stand-in: ${why}`, ...server };
}

/**
 * Each engine has its folder. The other's copy misses what is written from now on, so it goes: whoever finds no index
 * behind an alias has to fill it anew, which is what a change of engine asks for.
 */
function ownFolder({ dataDir, onLog }: SearchOptions, kind: 'real' | 'embedded'): string {
  const other = join(dataDir, kind === 'real' ? 'embedded' : 'real');
  if (existsSync(other)) {
    onLog(`the search engine changed: removing ${other}`);
    rmSync(other, { recursive: true, force: true });
  }
  return join(dataDir, kind);
}

import { createHash } from 'node:crypto';
import {
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import { DistributaryError } from '../core/errors.ts';
import { runApp } from './app-run.ts';
import { isAlive } from './process-life.ts';

/** All that templates and bundles are made of. */
const SOURCES = [
  'bin/app.ts',
  'canonical/**/*',
  'cdk.json',
  'console/**/*',
  'contracts/**/*',
  'core/**/*',
  'functions/**/*',
  'lib/**/*',
  'package-lock.json',
];
/** The newest are kept for those who go back and forth between branches. */
const KEPT_SYNTHESES = 3;
/** One that was used not long ago may still be running: its functions are loaded from it. */
const KEPT_MS = 24 * 60 * 60_000;
const READY = 'manifest.json';

export interface SynthesisOptions {
  /** The repository. */
  readonly root: string;
  /** Where syntheses are kept, each in a folder named by the hash of its sources. */
  readonly cache: string;
  readonly onLog: (line: string) => void;
  /** Nobody wants it any more: what was begun is ended and removed. */
  readonly signal: AbortSignal;
}

/**
 * The folder of the app's templates and bundles, synthesised when the sources have changed since. The app is run as the
 * CDK CLI runs it, without the CLI's own seconds.
 */
export async function synthesised({ root, cache, onLog, signal }: SynthesisOptions): Promise<string> {
  removeLeftDrafts(cache);
  const folder = join(cache, hashSources(root));
  if (existsSync(join(folder, READY))) {
    utimesSync(folder, new Date(), new Date());
    return folder;
  }
  onLog('synthesising the templates');
  const draft = `${folder}.${process.pid}`;
  mkdirSync(draft, { recursive: true });
  try {
    await synthesise(root, draft, signal);
    // Another start may have been faster with the same.
    if (!existsSync(folder)) renameSync(draft, folder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  prune(cache, folder);
  return folder;
}

function hashSources(root: string): string {
  const hash = createHash('sha256').update(process.version);
  for (const path of SOURCES.flatMap(pattern => globSync(pattern, { cwd: root })).sort()) {
    const file = join(root, path);
    if (statSync(file).isFile()) hash.update(`\0${path}\0`).update(readFileSync(file));
  }
  return hash.digest('hex').slice(0, 16);
}

async function synthesise(root: string, outDir: string, signal: AbortSignal): Promise<void> {
  const configured = JSON.parse(readFileSync(join(root, 'cdk.json'), 'utf8')).context ?? {};
  // There are no containers here; the function runs the same code.
  const context = { ...configured, relay: 'function' };
  const { code, said } = await runApp({
    command: [process.execPath, join(root, 'bin', 'app.ts'), '--unchecked'],
    cwd: root,
    env: { ...process.env, CDK_OUTDIR: outDir, CDK_CONTEXT_JSON: JSON.stringify(context) },
    signal,
  });
  if (code !== 0) throw new DistributaryError('synthesis-failed', `the templates cannot be made:\n${said}`);
}

/** Of processes that were ended before they could remove them. */
function removeLeftDrafts(cache: string): void {
  mkdirSync(cache, { recursive: true });
  for (const name of readdirSync(cache)) {
    const [, pid] = /^[0-9a-f]+\.(\d+)$/.exec(name) ?? [];
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(cache, name), { recursive: true, force: true });
  }
}

function prune(cache: string, current: string): void {
  const folders = readdirSync(cache).map(name => join(cache, name));
  const old = folders
    .filter(folder => folder !== current)
    // Another start may be renaming its own at this moment.
    .map(folder => ({ folder, at: statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Date.now() }))
    .sort((a, b) => b.at - a.at)
    .slice(KEPT_SYNTHESES - 1)
    .filter(({ at }) => Date.now() - at > KEPT_MS);
  for (const { folder } of old) rmSync(folder, { recursive: true, force: true });
}

import { spawn } from 'node:child_process';
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
}

/**
 * The folder of the app's templates and bundles, synthesised when the sources have changed since. The app is run as the
 * CDK CLI runs it, without the CLI's own seconds.
 */
export async function synthesised({ root, cache, onLog }: SynthesisOptions): Promise<string> {
  const folder = join(cache, hashSources(root));
  if (existsSync(join(folder, READY))) {
    utimesSync(folder, new Date(), new Date());
    return folder;
  }
  onLog('synthesising the templates');
  const draft = `${folder}.${process.pid}`;
  mkdirSync(draft, { recursive: true });
  try {
    await runApp(root, draft);
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

async function runApp(root: string, outDir: string): Promise<void> {
  const configured = JSON.parse(readFileSync(join(root, 'cdk.json'), 'utf8')).context ?? {};
  // There are no containers here; the function runs the same code.
  const context = { ...configured, relay: 'function' };
  const child = spawn(process.execPath, [join(root, 'bin', 'app.ts'), '--unchecked'], {
    cwd: root,
    env: { ...process.env, CDK_OUTDIR: outDir, CDK_CONTEXT_JSON: JSON.stringify(context) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => said.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) =>
    child.once('close', resolve).once('error', reject),
  );
  if (code === 0) return;
  const text = Buffer.concat(said).toString().trim();
  throw new DistributaryError('synthesis-failed', `the templates cannot be made:\n${text}`);
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

import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { type BuildFailure, type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';
import type { Catalogue } from '../core/catalogue.ts';
import { DistributaryError } from '../core/errors.ts';
import { FileDefects } from '../core/yaml.ts';
import { entryPoints, MIGRATE, PACKAGE, packageFile } from './entry-points.ts';

/** One function's code, ready to be packed. */
export interface Bundle {
  readonly name: string;
  /** Holds `index.mjs`, which exports `handler`, its source map, and what the function reads beside them. */
  readonly folder: string;
  /** Of the content, so that a function is updated only when its code changed. */
  readonly hash: string;
  /** Of `index.mjs`. */
  readonly bytes: number;
  /** The files it was made of, relative to the package. */
  readonly inputs: readonly string[];
}

export interface Bundles {
  readonly all: readonly Bundle[];
  of(name: string): Bundle;
  /** Removes the folders, once everything has been copied from them. */
  dispose(): void;
}

const HANDLER = 'index.mjs';
/** Node shows the line on which it failed; one line of the whole bundle would bury everything else. */
const MAX_LINE_CHARACTERS = 300;
/** CommonJS dependencies such as `pg` call `require`, which an ES module does not have. */
const REQUIRE_SHIM =
  "import { createRequire as createRequireForBundle } from 'node:module';const require = createRequireForBundle(import.meta.url);";

/** Of every bundle, whoever makes it. */
export const OPTIONS = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  mainFields: ['module', 'main'],
  alias: { 'cls-hooked/context': packageFile('functions/trace-context.ts') },
  banner: { js: REQUIRE_SHIM },
  minifySyntax: true,
  minifyWhitespace: true,
  lineLimit: MAX_LINE_CHARACTERS,
  sourcemap: true,
  sourcesContent: false,
  legalComments: 'none',
  metafile: true,
  logLevel: 'silent',
} as const satisfies BuildOptions;

/**
 * Bundles every function of the catalogue in one run of esbuild, each with its dependencies and nothing of the others':
 * a projector of a table carries no search client. Throws `FileDefects` for sources that cannot be built.
 */
export async function bundleFunctions(catalogue: Catalogue, root: string): Promise<Bundles> {
  const folder = mkdtempSync(join(tmpdir(), 'distributary-bundles-'));
  const dispose = () => rmSync(folder, { recursive: true, force: true });
  try {
    const entries = entryPoints(catalogue, root);
    const metafile = await bundle(entries, folder);
    cpSync(join(PACKAGE, 'canonical'), join(folder, MIGRATE, 'canonical'), { recursive: true });
    const all = [...entries.keys()].map(name => describe(name, join(folder, name), metafile));
    return { all, of: name => all.find(found => found.name === name)!, dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

async function bundle(entries: ReadonlyMap<string, string>, outdir: string): Promise<Metafile> {
  try {
    const { metafile } = await build({
      entryPoints: [...entries.keys()].map(name => ({ in: `${ENTRY}${name}`, out: `${name}/index` })),
      plugins: [entryPlugin(entries)],
      outdir,
      outExtension: { '.js': '.mjs' },
      absWorkingDir: PACKAGE,
      ...OPTIONS,
    });
    return metafile;
  } catch (error) {
    throw unbuildable(error);
  }
}

const ENTRY = 'entry:';
/** Entry points that exist as text only, so that a bundle does not depend on where it was made. */
const entryPlugin = (entries: ReadonlyMap<string, string>): Plugin => ({
  name: 'entries',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^entry:/ }, ({ path }) => ({ path: path.slice(ENTRY.length), namespace: 'entry' }));
    onLoad({ filter: /.*/, namespace: 'entry' }, ({ path }) => ({
      contents: entries.get(path)!,
      loader: 'ts',
      resolveDir: PACKAGE,
    }));
  },
});

/** What esbuild says, each message at its place in the source. */
export function unbuildable(error: unknown): unknown {
  const { errors } = error as Partial<BuildFailure>;
  const [first, ...others] = (errors ?? []).map(({ text, location }) => {
    const place = location && { file: location.file, line: location.line, column: location.column + 1 };
    return new DistributaryError('function-unbuildable', text, { ...(place && { place }), cause: error });
  });
  return first ? new FileDefects([first, ...others]) : error;
}

export function describe(name: string, folder: string, { outputs }: Metafile): Bundle {
  const output = Object.entries(outputs).find(([path]) => path.endsWith(`/${name}/${HANDLER}`))![1];
  return { name, folder, hash: hashOf(folder), bytes: output.bytes, inputs: Object.keys(output.inputs) };
}

/** Source maps are left out: they name paths of the machine. */
function hashOf(folder: string): string {
  const hash = createHash('sha256');
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile());
  const paths = files.map(({ parentPath, name }) => join(parentPath, name)).filter(path => !path.endsWith('.map'));
  for (const path of paths.sort()) {
    hash.update(relative(folder, path)).update('\0').update(readFileSync(path)).update('\0');
  }
  return hash.digest('hex');
}

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');
const INSTALLED = join(ROOT, 'node_modules');
/** What was installed with the repository, as npm's scripts see it. */
const PATH = `${join(INSTALLED, '.bin')}:${process.env.PATH}`;

export interface Ran {
  readonly status: number | null;
  /** Both streams. */
  readonly said: string;
}

/** Runs a program in a folder, without what this test runner has put into the environment. */
export function run(cwd: string, program: string, args: readonly string[], environment: object = {}): Ran {
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, JEST_WORKER_ID: ___, ...own } = process.env;
  const env = { ...own, PATH, FORCE_COLOR: '0', ...environment };
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, env, encoding: 'utf8' });
  if (error) throw error;
  return { status, said: `${stdout}${stderr}` };
}

/** The package as npm would publish it, and repositories that have nothing of ours but that. */
export class PackedPackage {
  readonly folder = mkdtempSync(join(tmpdir(), 'distributary-packed-'));
  readonly #unpacked = join(this.folder, 'package');

  constructor() {
    const packed = run(ROOT, 'npm', ['pack', '--pack-destination', this.folder, '--silent']);
    if (packed.status !== 0) throw new Error(`npm pack: ${packed.said}`);
    const tarball = join(this.folder, packed.said.trim().split('\n').at(-1)!);
    run(this.folder, 'tar', ['-xzf', tarball]);
  }

  /** A new folder, empty or with the content of `from`. */
  repository(name: string, from?: string): string {
    const folder = join(this.folder, name);
    if (from === undefined) mkdirSync(folder);
    else cpSync(from, folder, { recursive: true, filter: path => !path.includes('node_modules') });
    return folder;
  }

  /**
   * What `npm install` would do, from what is on this machine: the package unpacked, and only what it or the repository
   * itself depends on beside it, so that a dependency nobody has declared is missing.
   */
  install(repository: string): void {
    const modules = join(repository, 'node_modules');
    mkdirSync(modules);
    cpSync(this.#unpacked, join(modules, 'distributary'), { recursive: true });
    const theirs = dependenciesOf(repository, ['dependencies', 'devDependencies']);
    const ours = dependenciesOf(this.#unpacked, ['dependencies', 'peerDependencies']);
    for (const name of new Set([...theirs, ...ours])) {
      if (name === 'distributary') continue;
      mkdirSync(dirname(join(modules, name)), { recursive: true });
      symlinkSync(join(INSTALLED, name), join(modules, name));
    }
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function dependenciesOf(folder: string, kinds: readonly string[]): readonly string[] {
  const content = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return kinds.flatMap(kind => Object.keys(content[kind] ?? {}));
}

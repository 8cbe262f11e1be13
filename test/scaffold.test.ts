import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { PROJECTED_ENGINES } from '../core/store-contract.ts';
import { run } from './team-repository.ts';

const ROOT = resolve(import.meta.dirname, '..');
/** What checks a projector: everything but the servers, the commands and the tests. */
const ROOMS = ['contracts', 'core', 'functions', 'lib', 'testing'];
const FILES = [
  'biome.json',
  'jest.config.js',
  'package.json',
  'tsconfig.json',
  'test/strip-types.cjs',
  'test/temporary-folder.ts',
];
const TEST_MS = 180_000;

const repository = mkdtempSync(join(tmpdir(), 'distributary-scaffold-'));
beforeAll(() => {
  mkdirSync(join(repository, 'test'));
  for (const path of [...ROOMS, ...FILES]) cpSync(join(ROOT, path), join(repository, path), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(repository, 'node_modules'));
});
afterAll(() => rmSync(repository, { recursive: true, force: true }));

const scaffold = (...args: readonly string[]) =>
  run(repository, 'node', [join(ROOT, 'bin/distributary.ts'), 'new', 'projector', ...args]);

test(
  'what is scaffolded for each engine within the pipeline passes lint, types and its tests at once',
  () => {
    const stores = PROJECTED_ENGINES.map(engine => `new-${engine}`);
    for (const engine of PROJECTED_ENGINES) {
      const { status, said } = scaffold(`new-${engine}`, '--engine', engine, '--owner', 'newsroom');
      // Its pages are held fresh by a test of the pipeline's.
      expect([status, said]).toEqual([0, expect.stringMatching(/^npm run generate .*\nnpm test -- .*\nnpm start$/m)]);
    }
    const written = stores.flatMap(store => [`functions/projectors/${store}.ts`, `test/${store}.test.ts`]);
    expect(run(repository, 'biome', ['check', '--vcs-enabled=false', ...written])).toMatchObject({ status: 0 });
    const types = run(repository, 'tsc', ['--noEmit']).said.split('\n');
    expect(types.filter(line => written.some(path => line.startsWith(path)))).toEqual([]);
    const jest = ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js'];
    const tests = run(repository, 'node', [...jest, '--rootDir', repository, ...stores]);
    expect(tests).toEqual({ status: 0, said: expect.stringContaining(`Test Suites: ${stores.length} passed`) });
  },
  TEST_MS,
);

test.each<[string, readonly string[], RegExp]>([
  ['a name that is none', ['Headlines!'], /"Headlines!" is no name of a store[\s\S]*kebab-case/],
  ['a name that is taken', ['case-search'], /contracts\/stores\/case-search\.yaml is there already/],
  [
    "a name that another store's queue has",
    ['case-search-failed'],
    /the name distributary-case-search-failed is taken/,
  ],
  ['an aggregate that there is not', ['x', '--aggregate', 'kase'], /unknown aggregate kase[\s\S]*did you mean "case"/],
  ['an engine that there is not', ['x', '--engine', 'redis'], /Allowed choices are opensearch, dynamodb, s3/],
])('%s is refused, and nothing is written', (_, args, message) => {
  const before = readdirSync(join(repository, 'contracts/stores'));
  const { status, said } = scaffold(...args);
  expect([status, said]).toEqual([2, expect.stringMatching(message)]);
  expect(readdirSync(join(repository, 'contracts/stores'))).toEqual(before);
});

test('outside of a pipeline a repository must be named', () => {
  const { status, said } = run(tmpdir(), 'node', [join(ROOT, 'bin/distributary.ts'), 'new', 'projector', 'headlines']);
  expect([status, said]).toEqual([
    2,
    expect.stringMatching(/is no repository of a pipeline[\s\S]*--repository FOLDER/),
  ]);
  expect(existsSync(join(tmpdir(), 'contracts'))).toBe(false);
});

test('a name that the pipeline has is refused to a team, and nothing is written', () => {
  // Not all of them have queues; some are names of tables and buckets only.
  for (const name of ['case-search', 'permission-cache']) {
    const { status, said } = scaffold(name, '--repository', join(repository, 'taken'));
    const why = `contracts/stores/${name}.yaml:1: a store of the pipeline has this name`;
    expect([status, said]).toEqual([2, expect.stringContaining(why)]);
  }
  expect(existsSync(join(repository, 'taken'))).toBe(false);
});

test('the example is what is scaffolded, but for its own content', () => {
  const own = ['README.md', 'contracts', 'docs', 'functions'];
  const fresh = join(repository, 'fresh');
  expect(scaffold('case-headlines', '--repository', fresh)).toMatchObject({ status: 0 });
  const example = join(ROOT, 'examples', 'team-projector');
  const files = readdirSync(fresh).filter(name => !own.includes(name) && name !== 'test');
  for (const file of [...files, 'test/case-headlines.test.ts']) {
    expect([file, readFileSync(join(example, file), 'utf8')]).toEqual([file, readFileSync(join(fresh, file), 'utf8')]);
  }
  for (const folder of [fresh, example]) {
    const page = readFileSync(join(folder, 'docs/generated/runbooks/case-headlines.md'), 'utf8');
    expect(page).toContain('### case-headlines-stale');
  }
});

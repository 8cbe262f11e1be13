import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECTED_ENGINES } from '../core/store-contract.ts';
import { PROJECTOR_PROMISES } from '../testing/projector-promises.ts';
import { scheduledOperations, strayPermissions } from './own-operations.ts';
import { PackedPackage, run } from './team-repository.ts';
import { ROOT, Templates } from './templates.ts';

/** Packing compiles; each repository then checks, tests and synthesises itself, on a machine that may be busy. */
const PACK_MS = 180_000;
const REPOSITORY_MS = 180_000;

let packed: PackedPackage;
beforeAll(() => {
  packed = new PackedPackage();
}, PACK_MS);
afterAll(() => packed?.dispose());

const CLI = ['node_modules/distributary/bin/distributary.js'];
const EXAMPLE = join(ROOT, 'examples', 'team-projector');

/** All that a team's CI does; yields what was synthesised. */
function everything(repository: string, stores: number): Templates {
  expect(run(repository, 'biome', ['check', '.'])).toEqual({ status: 0, said: expect.anything() });
  expect(run(repository, 'tsc', ['--noEmit'])).toEqual({ status: 0, said: '' });
  const pass = expect.stringContaining(`pass ${stores * PROJECTOR_PROMISES.length}\n`);
  expect(run(repository, 'node', ['--test'])).toEqual({ status: 0, said: pass });
  expect(run(repository, 'cdk', ['synth', '--quiet'])).toMatchObject({ status: 0 });
  return new Templates(join(repository, 'cdk.out'));
}

test(
  'the example builds, passes its tests and synthesises with nothing of ours but the package',
  () => {
    const repository = packed.repository('example', EXAMPLE);
    packed.install(repository);
    const templates = everything(repository, 1);
    expect([...templates.stacks.keys()]).toEqual(['distributary-case-headlines']);
    const [stack] = templates.stacks.values();
    const read = Object.values(stack!.Parameters ?? {}).map(({ Default }) => Default);
    expect(read).toEqual(
      expect.arrayContaining(['/distributary/relay/topic-arn', '/distributary/operations/control-table-name']),
    );
    const filters = templates.of('AWS::SNS::Subscription').map(({ properties }) => properties.FilterPolicy);
    expect(filters.map(({ aggregate }) => aggregate)).toEqual([
      ['case', 'heartbeat'],
      ['case', 'heartbeat'],
    ]);
    expect(strayPermissions(templates, 'case-headlines')).toEqual([]);
    expect([...scheduledOperations(templates, 'case-headlines')].sort()).toEqual(['drift.sweep', 'runs.advance']);
    const { AlarmDescription } = templates.one(
      ...(['AWS::CloudWatch::Alarm', 'AlarmName', 'distributary-case-headlines-stale'] as const),
    ).properties;
    expect(AlarmDescription).toContain('Next: distributary doctor --function distributary-operate-case-headlines. ');
    const { status, said } = run(repository, 'node', [...CLI, 'dev']);
    expect(said).toContain('an installed package runs no local mode');
    expect(said).toMatch(/hint: type there: npm start -- --with \S+\/example\n/);
    expect(status).toBe(2);
  },
  REPOSITORY_MS,
);

test(
  'what is scaffolded for each engine in a repository of its own passes lint, types and tests at once, and synthesises',
  () => {
    // The command itself comes out of the package too.
    const from = packed.repository('from', EXAMPLE);
    packed.install(from);
    const repository = join(packed.folder, 'fresh');
    const added = PROJECTED_ENGINES.map(engine => {
      const args = ['new', 'projector', `my-${engine}`, '--engine', engine, '--repository', repository];
      const { status, said } = run(from, 'node', [...CLI, ...args]);
      expect(status).toBe(0);
      return said.match(/new TeamProjection\(app, .*/)?.[0] ?? '';
    });
    appendFileSync(join(repository, 'app.ts'), `${added.filter(Boolean).join('\n')}\n`);
    packed.install(repository);
    const templates = everything(repository, PROJECTED_ENGINES.length);
    expect([...templates.stacks.keys()].sort()).toEqual(
      PROJECTED_ENGINES.map(engine => `distributary-my-${engine}`).sort(),
    );
    const strays = PROJECTED_ENGINES.flatMap(engine => strayPermissions(templates, `my-${engine}`));
    expect(strays).toEqual([]);
    const type = (...words: string[]) => run(repository, 'node', [...CLI, ...words]);
    expect(type('cost')).toEqual({ status: 0, said: expect.stringMatching(/^my-s3 /m) });
    // The page that its alarms name was written with it.
    const page = readFileSync(join(repository, 'docs/generated/runbooks/my-s3.md'), 'utf8');
    expect(type('contract', 'runbook', 'my-s3')).toEqual({ status: 0, said: page });
    const again = run(from, 'node', [...CLI, 'new', 'projector', 'my-s3', '--repository', repository]);
    expect(again).toEqual({ status: 2, said: expect.stringContaining('contracts/stores/my-s3.yaml is there already') });
  },
  REPOSITORY_MS,
);

/** The environment in which the CDK CLI runs an app. */
const synthesising = (repository: string) => ({
  CDK_OUTDIR: join(repository, 'cdk.out'),
  CDK_CONTEXT_JSON: JSON.stringify(JSON.parse(readFileSync(join(repository, 'cdk.json'), 'utf8')).context),
});

describe('what cannot work is refused at synthesis, at its line', () => {
  const PROJECTOR = 'functions/projectors/case-headlines.ts';
  const CONTRACT = 'contracts/stores/case-headlines.yaml';
  let repository: string;
  beforeAll(() => {
    repository = packed.repository('refused', EXAMPLE);
    packed.install(repository);
  });

  test.each<[string, string, (text: string) => string, RegExp]>([
    [
      'a contract with an unknown role',
      CONTRACT,
      text => text.replace(': projection', ': projektion'),
      /contracts\/stores\/case-headlines\.yaml:3:7: unknown role "projektion".*\n +hint: did you mean "projection"/m,
    ],
    [
      'an aggregate that there is not',
      CONTRACT,
      text => text.replace('[case]', '[kase]'),
      /yaml:\d+:\d+: unknown aggregate kase[\s\S]*did you mean "case"/,
    ],
    [
      'an index over nothing',
      CONTRACT,
      text => text.replace('partition: company', 'partition: firm'),
      /yaml:\d+:\d+: unknown field firm/,
    ],
    [
      'a field that the contract lacks',
      PROJECTOR,
      text => text.replace('headline:', 'heading:'),
      /functions\/projectors\/case-headlines\.ts:10:3: fields not in the contract: heading.*\n +hint: fields of contracts\/stores\/case-headlines\.yaml: headline, company/m,
    ],
    [
      'a projector that throws on what the contract allows',
      PROJECTOR,
      text => text.replace('kase.received_on', 'kase.received_on!.slice(0, 4)'),
      /case-headlines\.ts:10:3: projector threw TypeError: Cannot read properties of null.*\n +hint: look at what may be null/,
    ],
    [
      'a projector of another store',
      PROJECTOR,
      text => text.replace("store: 'case-headlines'", "store: 'case-heads'"),
      /case-headlines\.ts:8:3: unknown store "case-heads"/,
    ],
    [
      'a projector on another aggregate',
      PROJECTOR,
      text => text.replace("on: 'case'", "on: 'party'"),
      /case-headlines\.ts:9:3: unknown aggregate "party"[\s\S]*allowed aggregates of case-headlines: case/,
    ],
    [
      'a module without a projector',
      PROJECTOR,
      text => text.replace('export default', 'export const projector ='),
      /case-headlines\.ts:1:?\d*: the default export lacks/,
    ],
    [
      'a module that does not build',
      PROJECTOR,
      text => `${text}const const = 1;\n`,
      /case-headlines\.ts:\d+:7: Expected identifier.*function-unbuildable/,
    ],
    [
      'a prefix that cannot be',
      'cdk.json',
      text => text.replace('"distributary"', '"Not A Prefix"'),
      /prefix is "Not A Prefix".*configuration-invalid/,
    ],
    [
      'a store without a contract',
      'app.ts',
      text => text.replace("'case-headlines'", "'case-headline'"),
      /contracts\/stores\/case-headline\.yaml: store case-headline has no contract[\s\S]*did you mean "case-headlines"/,
    ],
  ])(
    '%s',
    (_, file, change, message) => {
      const path = join(repository, file);
      const before = readFileSync(path, 'utf8');
      expect(change(before)).not.toBe(before);
      try {
        writeFileSync(path, change(before));
        const { status, said } = run(repository, 'node', ['app.ts'], synthesising(repository));
        expect(said).toMatch(message);
        expect(said).not.toMatch(/^ +at /m);
        expect(status).toBe(1);
      } finally {
        writeFileSync(path, before);
      }
    },
    REPOSITORY_MS,
  );

  test(
    'what keeps data without a contract, and a contract that fails the checklist, by checks that nobody has asked for',
    () => {
      const app = join(repository, 'app.ts');
      const contract = join(repository, CONTRACT);
      const before = [app, contract].map(path => [path, readFileSync(path, 'utf8')] as const);
      const bucket = "new Bucket(new Stack(app, 'exports'), 'CaseExports');";
      const imports = "import { App, Stack } from 'aws-cdk-lib';\nimport { Bucket } from 'aws-cdk-lib/aws-s3';";
      const undriven = before[1]![1].replace(/ *- drift_\w+\n/, '');
      expect(undriven).not.toBe(before[1]![1]);
      try {
        writeFileSync(app, `${before[0]![1].replace(/import { App .*/, imports)}${bucket}\n`);
        writeFileSync(contract, undriven);
        const { status, said } = run(repository, 'node', ['app.ts'], synthesising(repository));
        expect(said).toContain('AWS::S3::Bucket at exports/CaseExports/Resource keeps data without a contract');
        expect(said).toMatch(/contracts\/stores\/case-headlines\.yaml:\d+:\d+: nothing tells when it departs/);
        expect(status).toBe(1);
      } finally {
        for (const [path, text] of before) writeFileSync(path, text);
      }
    },
    REPOSITORY_MS,
  );

  test(
    'a name that the pipeline has',
    () => {
      const taken = packed.repository('taken', EXAMPLE);
      packed.install(taken);
      const text = readFileSync(join(taken, CONTRACT), 'utf8').replaceAll('case-headlines', 'case-search');
      writeFileSync(join(taken, 'contracts/stores/case-search.yaml'), text);
      const { status, said } = run(taken, 'node', ['app.ts'], synthesising(taken));
      expect([status, said]).toEqual([
        1,
        expect.stringMatching(/case-search\.yaml:1: a store of the pipeline has this name/),
      ]);
    },
    REPOSITORY_MS,
  );
});

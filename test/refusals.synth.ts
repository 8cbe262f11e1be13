import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, AspectPriority, Aspects, Stack } from 'aws-cdk-lib';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { AttributeType, Table, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { storeNamed } from '../core/catalogue.ts';
import { DistributaryError } from '../core/errors.ts';
import { readCatalogue } from '../lib/contract-files.ts';
import { DataRoles, tagWithRole } from '../lib/data-role.ts';
import { Names } from '../lib/names.ts';
import { ROOT } from './templates.ts';

const catalogue = readCatalogue(ROOT);

/** Runs the app as the CDK CLI does, on this repository with one file changed. */
function runApp(file: string, change: (text: string) => string) {
  const root = mkdtempSync(join(tmpdir(), 'distributary-refusal-'));
  try {
    cpSync(join(ROOT, 'contracts'), join(root, 'contracts'), { recursive: true });
    cpSync(join(ROOT, 'functions', 'projectors'), join(root, 'functions', 'projectors'), { recursive: true });
    writeFileSync(join(root, file), change(readFileSync(join(root, file), 'utf8')));
    const env = { ...process.env, CDK_OUTDIR: join(root, 'cdk.out') };
    return spawnSync(process.execPath, [join(ROOT, 'bin/app.ts')], { cwd: root, env, encoding: 'utf8' });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

test('a defect in a contract ends the synthesis with its place, the value and a hint, and no stack trace', () => {
  const file = 'contracts/stores/case-search.yaml';
  const { status, stderr } = runApp(file, text => text.replace('role: projection', 'role: projektion'));
  expect(status).toBe(1);
  expect(stderr).toBe(
    'contracts/stores/case-search.yaml:2:7: unknown role "projektion" (contract-invalid)\n' +
      '  hint: did you mean "projection"? allowed values: canonical, projection, cache, analytics, integration, archive\n',
  );
});

test('a projector that cannot be built ends it at the line', () => {
  const { status, stderr } = runApp('functions/projectors/case-timeline.ts', text => `${text}\nconst const = 1;\n`);
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /functions\/projectors\/case-timeline\.ts:\d+:7: Expected identifier .*\(function-unbuildable\)/,
  );
  expect(stderr).not.toMatch(/^ +at /m);
});

/** An app of one stack that somebody wrote by hand. */
function handmade(build: (stack: Stack) => void) {
  const app = new App({ analyticsReporting: false, builtinCloudFormationValidation: false });
  const stack = new Stack(app, 'team');
  build(stack);
  const roles = new DataRoles(catalogue);
  Aspects.of(app).add(roles, { priority: AspectPriority.READONLY });
  return { stack, roles };
}

test('a resource that keeps data without a contract fails, named by its path, with the file to add', () => {
  const { stack, roles } = handmade(scope => void new Bucket(scope, 'Exports'));
  const message = 'AWS::S3::Bucket at team/Exports/Resource keeps data without a contract (contract-missing)';
  Annotations.fromStack(stack).hasError('/team/Exports/Resource', Match.stringLikeRegexp(literally(message)));
  expect(roles.defects).toHaveLength(1);
  expect(roles.defects[0]!.hint).toContain('contracts/stores/<store>.yaml');
});

test('a table is found in either of its forms', () => {
  const key = { partitionKey: { name: 'id', type: AttributeType.STRING } };
  const { stack, roles } = handmade(scope => {
    new Table(scope, 'Old', key);
    new TableV2(scope, 'New', key);
  });
  Annotations.fromStack(stack).hasNoWarning('*', Match.anyValue());
  expect(roles.defects.map(({ message }) => message.split(' ')[2]).sort()).toEqual([
    'team/New/Resource',
    'team/Old/Resource',
  ]);
});

test('a contract that does not exist, and a role that nobody knows, fail too', () => {
  const contract = { ...storeNamed(catalogue, 'case-search'), store_name: 'case-archive' };
  const invented = { ...storeNamed(catalogue, 'case-search'), role: 'warehouse' as 'analytics' };
  const { stack, roles } = handmade(scope => {
    tagWithRole(new Bucket(scope, 'Archive'), contract);
    tagWithRole(new Bucket(scope, 'Facts'), invented);
  });
  Annotations.fromStack(stack).hasNoWarning('*', Match.anyValue());
  expect(roles.defects.map(defect => defect.describe())).toEqual([
    expect.stringMatching(/store case-archive, which has none[\s\S]*contracts\/stores\/case-archive\.yaml/),
    expect.stringMatching(/has role "warehouse"[\s\S]*roles: canonical, projection/),
  ]);
});

test('what belongs to a contract passes, and so does what keeps nothing', () => {
  const { stack, roles } = handmade(scope => {
    tagWithRole(new Bucket(scope, 'Facts'), storeNamed(catalogue, 'case-facts'));
    new Topic(scope, 'News');
  });
  Annotations.fromStack(stack).hasNoError('*', Match.anyValue());
  expect(roles.defects).toEqual([]);
});

test('names that cannot be, or are taken, are refused before AWS refuses them', () => {
  const names = new Names('distributary');
  expect(() => names.function(`project-${'x'.repeat(60)}`)).toThrow(/has 81 characters, Lambda takes 64/);
  expect(() => names.check(['cases', 'cases-failed'])).toThrow('the name distributary-cases-failed is taken');
  expect(() => names.check(['control'])).toThrow(DistributaryError);
  expect(() => names.check(['cases', 'parties'])).not.toThrow();
});

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

import { App, type PolicyViolation, Stack, Validations } from 'aws-cdk-lib';
import { AttributeType, Table, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { storeNamed } from '../core/catalogue.ts';
import { ContractChecks } from '../lib/contract-checks.ts';
import { readCatalogue } from '../lib/contract-files.ts';
import { tagWithRole } from '../lib/data-role.ts';
import { ROOT } from './templates.ts';

const catalogue = readCatalogue(ROOT);

interface Report {
  /** What ends a synthesis. */
  readonly violations: readonly PolicyViolation[];
  readonly warnings: readonly PolicyViolation[];
  /** What whoever synthesises reads; empty when nothing ended it. */
  readonly report: string;
}

/** What a synthesis says of an app of one stack that somebody wrote by hand. */
function reportOf(build: (stack: Stack) => void, contracts = catalogue): Report {
  const app = new App({ analyticsReporting: false, builtinCloudFormationValidation: false });
  build(new Stack(app, 'team'));
  const checks = new ContractChecks(contracts);
  const found = { violations: [] as PolicyViolation[], warnings: [] as PolicyViolation[] };
  Validations.of(app).addPlugins({
    name: checks.name,
    validate(context) {
      const result = checks.validate(context);
      for (const violation of result.violations) {
        found[violation.severity === 'warning' ? 'warnings' : 'violations'].push(violation);
      }
      return result;
    },
  });
  try {
    app.synth();
    return { ...found, report: '' };
  } catch (error) {
    return { ...found, report: (error as Error).message };
  }
}

test('a resource that keeps data without a contract ends the synthesis, with its path and the file to add', () => {
  const { violations, report } = reportOf(scope => void new Bucket(scope, 'CaseExports'));
  expect(violations).toHaveLength(1);
  expect(report).toContain('AWS::S3::Bucket at team/CaseExports/Resource keeps data without a contract');
  expect(report).toContain('add contracts/stores/case-exports.yaml and call tagWithRole(construct, contract)');
});

test('nobody can acknowledge a database without a contract away', () => {
  const { report } = reportOf(scope => {
    Validations.of(scope).acknowledge({ id: 'distributary::contract-missing', reason: 'we are in a hurry' });
    new Bucket(scope, 'Exports');
  });
  expect(report).toContain('team/Exports/Resource keeps data without a contract');
});

test('a table is found in either of its forms', () => {
  const key = { partitionKey: { name: 'id', type: AttributeType.STRING } };
  const { violations } = reportOf(scope => {
    new Table(scope, 'Old', key);
    new TableV2(scope, 'New', key);
  });
  const places = violations.flatMap(({ violatingResources }) => violatingResources);
  expect(places.map(({ constructPath }) => constructPath).sort()).toEqual(['team/New/Resource', 'team/Old/Resource']);
});

test('a contract that does not exist, and a role that nobody knows, fail too', () => {
  const contract = { ...storeNamed(catalogue, 'case-search'), store_name: 'case-vault' };
  const invented = { ...storeNamed(catalogue, 'case-search'), role: 'warehouse' as 'analytics' };
  const { violations } = reportOf(scope => {
    tagWithRole(new Bucket(scope, 'Archive'), contract);
    tagWithRole(new Bucket(scope, 'Facts'), invented);
  });
  expect(violations.map(({ description, fix }) => `${description}; ${fix}`)).toEqual([
    expect.stringMatching(/store case-vault, which has none; add contracts\/stores\/case-vault\.yaml/),
    expect.stringMatching(/has role "warehouse"; roles: canonical, projection.*contracts\/stores\/case-search\.yaml/),
  ]);
});

test('what belongs to a contract passes, and so does what keeps nothing', () => {
  const { violations, report } = reportOf(scope => {
    tagWithRole(new Bucket(scope, 'Facts'), storeNamed(catalogue, 'case-facts'));
    new Topic(scope, 'News');
  });
  expect({ violations, report }).toEqual({ violations: [], report: '' });
});

/** The catalogue with a part of a store's contract said otherwise. */
const saying = (store: string, part: object) => ({
  ...catalogue,
  stores: catalogue.stores.map(contract => (contract.store_name === store ? { ...contract, ...part } : contract)),
});

test('a contract that fails the checklist ends the synthesis at its line', () => {
  const contracts = saying('case-search', { observability: { metrics: ['indexing_lag_seconds'] } });
  const { violations, report } = reportOf(scope => void new Topic(scope, 'News'), contracts);
  expect(violations.map(({ ruleName }) => ruleName)).toEqual(['contract-drift-detection']);
  expect(report).toMatch(/contracts\/stores\/case-search\.yaml:\d+:\d+: nothing tells when it departs from its source/);
  expect(report).toContain('add drift_sample_mismatch_count');
});

test('a question that nobody has answered yet is a warning', () => {
  const { violations, warnings } = reportOf(
    scope => void new Topic(scope, 'News'),
    saying('case-search', { governance: undefined }),
  );
  expect(violations).toEqual([]);
  expect(warnings.map(({ description }) => description)).toContainEqual(
    expect.stringMatching(/^contracts\/stores\/case-search\.yaml leaves open: .*exit-strategy/),
  );
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { COMMANDS } from '../bin/commands/all.ts';
import { alarmsOf, runbook } from '../core/governance/runbook.ts';
import { readCatalogue } from '../lib/contract-files.ts';
import { ROOT, synthesised } from './templates.ts';

const { stores } = readCatalogue(ROOT);
const templates = await synthesised(false);
const PREFIX = 'distributary';
/** What the runbooks have somebody type, by those who find it there. */
const typed = [
  ...new Set(stores.flatMap(store => [...runbook(store).matchAll(/`((?:distributary|aws|npx) [^`]+)`/g)])),
].map(([, line]) => line!.replaceAll('PREFIX', PREFIX));

test('every alarm that is deployed names the runbook that has its section, and what is to be typed first there', () => {
  const alarms = templates.of('AWS::CloudWatch::Alarm');
  expect(alarms.length).toBeGreaterThan(20);
  for (const { properties } of alarms) {
    const { AlarmName, AlarmDescription } = properties;
    const [, next, store] =
      /\. Next: (.+)\. Runbook: docs\/generated\/runbooks\/([\w-]+)\.md$/.exec(AlarmDescription) ?? [];
    const contract = stores.find(({ store_name }) => store_name === store);
    expect([AlarmName, contract?.store_name]).toEqual([AlarmName, store]);
    const [, section = ''] = runbook(contract!).split(`\n### ${AlarmName.slice(PREFIX.length + 1)}\n`);
    const [, first] = /^\| 1 \| `(.+?)` \|/m.exec(section) ?? [];
    const onAws = first?.startsWith('distributary ') ? `${first} --function ${PREFIX}-operate` : first;
    expect([AlarmName, next]).toEqual([AlarmName, onAws?.replaceAll('PREFIX', PREFIX)]);
  }
  expect(templates.one('AWS::Lambda::Function', 'FunctionName', `${PREFIX}-operate`)).toBeDefined();
});

test('a runbook has no section for an alarm that there is not', () => {
  const names = new Set(templates.of('AWS::CloudWatch::Alarm').map(({ properties }) => properties.AlarmName));
  const sections = stores.flatMap(store => alarmsOf(store).map(({ alarm }) => `${PREFIX}-${alarm}`));
  expect(sections.filter(name => !names.has(name))).toEqual([]);
});

test('what a runbook says to type is a command that there is, with its options, and that a deployment answers', () => {
  const lines = typed.filter(line => line.startsWith('distributary '));
  expect(lines.length).toBeGreaterThan(10);
  for (const line of lines) {
    const [, name, ...words] = line.split(' ');
    const command = COMMANDS.find(({ usage }) => usage.split(' ')[0] === name);
    const options = command?.options.map(({ long }) => long);
    const wanted = ['--function', ...words.filter(word => word.startsWith('--'))];
    expect([line, wanted.filter(option => !options?.includes(option))]).toEqual([line, []]);
  }
});

test('what it says to deploy, invoke and read is deployed', () => {
  const found = (pattern: RegExp) => [
    ...new Set(typed.flatMap(line => pattern.exec(line)?.slice(1) ?? []).filter(name => name !== '')),
  ];
  const stacks = found(/^npx cdk deploy ?(.*)$/);
  const logs = found(/^aws logs tail (\S+) /);
  const functions = found(/^aws lambda invoke --function-name (\S+) /);
  expect([stacks.length, logs.length, functions.length]).toEqual([2, 2, 1]);
  expect(stacks.filter(name => !templates.stacks.has(name))).toEqual([]);
  for (const name of logs) expect(templates.one('AWS::Logs::LogGroup', 'LogGroupName', name)).toBeDefined();
  for (const name of functions) expect(templates.one('AWS::Lambda::Function', 'FunctionName', name)).toBeDefined();
});

test('stacks, parameters and resources that docs/deploy.md names are deployed', () => {
  const page = readFileSync(join(ROOT, 'docs/deploy.md'), 'utf8');
  const rows = [...page.matchAll(/^\| `([\w-]+)` \|/gm)].map(([, name]) => name!);
  const projected = stores.flatMap(({ store_name }) =>
    templates.stacks.has(`${PREFIX}-${store_name}`) ? [store_name] : [],
  );
  const named = rows.flatMap(name =>
    name === `${PREFIX}-STORE` ? projected.map(store => `${PREFIX}-${store}`) : [name],
  );
  expect(named.sort()).toEqual([...templates.stacks.keys()].sort());
  const parameters = new Set(templates.of('AWS::SSM::Parameter').map(({ properties }) => properties.Name));
  const asked = [...page.matchAll(/--name ([\w/-]+)/g)].map(([, name]) => name!);
  expect(asked).toHaveLength(3);
  expect(asked.filter(name => !parameters.has(name))).toEqual([]);
  const database = {
    DBClusterIdentifier: `${PREFIX}-canonical`,
    DatabaseName: PREFIX,
    MasterUsername: expect.anything(),
  };
  expect(templates.of('AWS::RDS::DBCluster')).toMatchObject([{ stack: `${PREFIX}-canonical`, properties: database }]);
  expect(templates.of('AWS::SecretsManager::Secret').map(({ stack }) => stack)).toEqual([`${PREFIX}-canonical`]);
  expect(templates.of('AWS::Cognito::UserPoolGroup').map(({ properties }) => properties.GroupName)).toContain(
    `${PREFIX}-operator`,
  );
});

import { COMMANDS } from '../bin/commands/all.ts';
import { alarmsOf, runbook } from '../core/governance/runbook.ts';
import { readCatalogue } from '../lib/contract-files.ts';
import { ROOT, synthesised } from './templates.ts';

const { stores } = readCatalogue(ROOT);
const templates = await synthesised(false);
const PREFIX = 'distributary-';

test('every alarm that is deployed has its section in the runbook that it links to', () => {
  const alarms = templates.of('AWS::CloudWatch::Alarm');
  expect(alarms.length).toBeGreaterThan(20);
  const lost = alarms.filter(({ properties: { AlarmName, AlarmDescription } }) => {
    const [, store] = /Runbook: docs\/generated\/runbooks\/([\w-]+)\.md/.exec(AlarmDescription) ?? [];
    const contract = stores.find(({ store_name }) => store_name === store);
    return !contract || !runbook(contract).includes(`\n### ${AlarmName.slice(PREFIX.length)}\n`);
  });
  expect(lost.map(({ properties }) => [properties.AlarmName, properties.AlarmDescription])).toEqual([]);
});

test('a runbook has no section for an alarm that there is not', () => {
  const names = new Set(templates.of('AWS::CloudWatch::Alarm').map(({ properties }) => properties.AlarmName));
  const sections = stores.flatMap(store => alarmsOf(store).map(({ alarm }) => `${PREFIX}${alarm}`));
  expect(sections.filter(name => !names.has(name))).toEqual([]);
});

test('what a runbook says to type is a command that there is', () => {
  const known = COMMANDS.map(({ usage }) => usage.split(' ')[0]);
  const typed = stores.flatMap(store =>
    [...runbook(store).matchAll(/`distributary ([\w-]+)/g)].map(([, name]) => name),
  );
  expect([...new Set(typed)].filter(name => !known.includes(name))).toEqual([]);
});

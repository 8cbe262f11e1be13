import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseCatalogue, type SourceFile, storeNamed } from '../core/catalogue.ts';
import { DistributaryError } from '../core/errors.ts';
import { isProjected } from '../core/store-contract.ts';
import { readCatalogue } from '../lib/contract-files.ts';

const ROOT = resolve(import.meta.dirname, '..');
const read = (folder: string): SourceFile[] =>
  readdirSync(join(ROOT, folder))
    .filter(name => name.endsWith('.yaml'))
    .map(name => ({ file: `${folder}/${name}`, text: readFileSync(join(ROOT, folder, name), 'utf8') }));
const stores = read('contracts/stores');
const aggregates = read('contracts/aggregates');

/** What is said of this repository's contracts after one of them has been changed. */
function refusal(name: string, change: (text: string) => string): string {
  const file = `contracts/stores/${name}.yaml`;
  const changed = stores.map(source => (source.file === file ? { file, text: change(source.text) } : source));
  expect(changed).not.toEqual(stores);
  return describeFailure(() => parseCatalogue({ stores: changed, aggregates }));
}

function describeFailure(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    if (error instanceof DistributaryError) return error.describe();
    throw error;
  }
  return 'nothing is wrong';
}

test("this repository's contracts make a catalogue", () => {
  const catalogue = readCatalogue(ROOT);
  expect(catalogue.canonical.role).toBe('canonical');
  expect(catalogue.outbox.canonical_source).toBe(catalogue.canonical.store_name);
  expect(catalogue.projected.every(isProjected)).toBe(true);
  expect(catalogue.aggregates).toHaveLength(aggregates.length);
});

test('a store made from one that does not exist is refused at its line', () => {
  const said = refusal('case-search', text => text.replace('case-service-postgres', 'case-service-postgress'));
  expect(said).toMatch(/^contracts\/stores\/case-search\.yaml:\d+:\d+: unknown store case-service-postgress/);
  expect(said).toContain('did you mean "case-service-postgres"?');
});

test('a store made from another derived store is refused', () => {
  const said = refusal('case-search', text => text.replace('case-service-postgres', 'case-timeline'));
  expect(said).toContain('store case-timeline has role projection');
});

test('an aggregate that nobody has described is refused, with the file to add', () => {
  const said = refusal('case-timeline', text => text.replace('aggregates: [case]', 'aggregates: [cases]'));
  expect(said).toMatch(/case-timeline\.yaml:\d+:\d+: unknown aggregate cases/);
  expect(said).toContain('add contracts/aggregates/cases.yaml');
});

test('an aggregate that the canonical store does not hold is refused', () => {
  const said = refusal('case-service-postgres', text => text.replace('aggregates: [case, ', 'aggregates: ['));
  expect(said).toContain('case-service-postgres has no aggregate case');
});

test('a file that is not called as its store is refused', () => {
  const said = refusal('case-search', text => text.replace('store_name: case-search', 'store_name: case-find'));
  expect(said).toContain('case-find in file case-search.yaml');
  expect(said).toContain('name the file case-find.yaml');
});

test.each([
  ['batch_packs: 50', '50 packs at once without a batch_window'],
  ['batch_window: 10_minutes', 'a batch_window of 600 s'],
  ['batch_window: 20_seconds', 'waiting 20 s cannot keep freshness_contract.normal_p95'],
  ['timeout: 1_hour', 'a timeout of 3600 s'],
])('a delivery of %s is refused', (line, message) => {
  const said = refusal('case-search', text => `${text.replace(/^delivery:\n( .*\n)+/m, '')}\ndelivery:\n  ${line}\n`);
  expect(said).toContain(message);
});

test('an index whose key no table can hold is refused', () => {
  const said = refusal('investigator-worklist', text =>
    text.replace(/^fields:\n/m, 'fields:\n  flags: { type: boolean }\n').replace(/partition: \w+/, 'partition: flags'),
  );
  expect(said).toMatch(
    /investigator-worklist\.yaml:\d+:\d+: store investigator-worklist, index .*: field flags cannot be a key/,
  );
});

test.each([
  ['from: parties.name', 'from: parties.nam', /no state has parties\.nam\b[\s\S]*did you mean "parties\.name"/],
  ['from: parties.name, list: true', 'from: parties.name', /parties\.name is a list, and field party_names is not/],
])('a field whose source is changed from %s to %s is refused at its line', (right, wrong, message) => {
  const said = refusal('case-search', text => text.replace(right, wrong));
  expect(said).toMatch(/case-search\.yaml:\d+:\d+: /);
  expect(said).toMatch(message);
});

test('each index that no table can have is refused at its own line', () => {
  const said = refusal('investigator-worklist', text =>
    text.replace('indexes:\n', 'indexes:\n  x: { partition: status }\n  by-flag: { partition: restricted }\n'),
  );
  const lines = said.split('\n').filter(line => line.includes('(contract-invalid)'));
  expect(lines).toEqual([
    expect.stringContaining('name too short'),
    expect.stringContaining('field restricted cannot'),
  ]);
  expect(new Set(lines.map(line => line.split(':')[1])).size).toBe(2);
});

test.each([
  ['control', '"control" is a part of the pipeline itself'],
  ['case-timeline-failed', '"case-timeline-failed" is a queue of store case-timeline'],
])('a store called %s is refused at its line', (name, message) => {
  const source = stores.find(({ file }) => file.includes('case-search'))!;
  const renamed = {
    file: `contracts/stores/${name}.yaml`,
    text: source.text.replace('store_name: case-search', `store_name: ${name}`),
  };
  const said = describeFailure(() => parseCatalogue({ stores: [...stores, renamed], aggregates }));
  expect(said).toContain(`contracts/stores/${name}.yaml:1:13: ${message}`);
});

test('everything wrong with every file is said at once', () => {
  const broken = stores.map(({ file, text }) => ({ file, text: text.replace('owner_team:', 'owner_taem:') }));
  const said = describeFailure(() => parseCatalogue({ stores: broken, aggregates }));
  for (const { file } of stores) expect(said).toContain(`${file}:`);
});

test('a pipeline without a canonical store, or with two, is refused', () => {
  const without = stores.filter(({ file }) => !file.includes('case-service-postgres') && !isDerived(file));
  const said = describeFailure(() => parseCatalogue({ stores: without, aggregates }));
  expect(said).toContain('contracts of role canonical on postgresql: none');

  const first = stores.find(({ file }) => file.includes('case-service-postgres'))!;
  const rename = (text: string) => text.replace('case-service-postgres', 'other-postgres');
  const second = { file: rename(first.file), text: rename(first.text) };
  const saidOfTwo = describeFailure(() => parseCatalogue({ stores: [...stores, second], aggregates }));
  expect(saidOfTwo).toContain('contracts of role canonical on postgresql: case-service-postgres, other-postgres');
});

test('a store that has no contract is missed with the name of its file', () => {
  expect(describeFailure(() => storeNamed(readCatalogue(ROOT), 'case-serch'))).toMatch(
    /store case-serch has no contract[\s\S]*contracts\/stores\/case-serch\.yaml; did you mean "case-search"/,
  );
});

const isDerived = (file: string): boolean =>
  stores.find(source => source.file === file)!.text.includes('canonical_source');

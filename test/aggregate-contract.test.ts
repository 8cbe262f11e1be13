import { readdirSync, readFileSync } from 'node:fs';
import { type AggregateContract, laneOf, parseAggregateContract } from '../core/aggregate-contract.ts';
import { schemaOf, stateValidator, upcast } from '../core/aggregate-state.ts';
import type { JsonObject } from '../core/change.ts';
import type { DistributaryError } from '../core/errors.ts';
import { FileDefects } from '../core/yaml.ts';

const folder = new URL('../contracts/aggregates/', import.meta.url);
const textOf = (name: string) => readFileSync(new URL(`${name}.yaml`, folder), 'utf8');
const contractOf = (name: string) => parseAggregateContract(textOf(name), `contracts/aggregates/${name}.yaml`);
const names = readdirSync(folder).map(file => file.replace('.yaml', ''));
const party = contractOf('party');

const defectsOf = (text: string): readonly DistributaryError[] => {
  try {
    parseAggregateContract(text, 'party.yaml');
  } catch (error) {
    if (error instanceof FileDefects) return error.defects;
    throw error;
  }
  return [];
};

test.each(names)('the contract of %s parses, is named as its file, and its schema compiles', name => {
  const contract = contractOf(name);
  expect(contract.aggregate).toBe(name);
  expect(stateValidator(contract)({})).not.toEqual([]);
});

test.each(names)('every older version of %s has an example that upcasts to the current one', name => {
  const contract = contractOf(name);
  for (const { number, example } of contract.versions.slice(0, -1)) {
    const state = upcast(contract, example as JsonObject, number);
    expect(stateValidator(contract)(state)).toEqual([]);
  }
});

test('deletions, restrictions, holds, permissions and tenants take the priority lane', () => {
  const lanes = (name: string, changes: string[]) => changes.map(change => laneOf(contractOf(name), change));
  for (const name of names) expect(laneOf(contractOf(name), 'deleted')).toBe('priority');
  expect(new Set(lanes('case', ['restricted', 'unrestricted', 'hold-placed', 'hold-released']))).toEqual(
    new Set(['priority']),
  );
  for (const name of ['membership', 'tenant']) {
    const own = contractOf(name).changes.filter(({ when }) => when !== 'reference');
    expect(own.map(({ lane }) => lane)).toEqual(own.map(() => 'priority'));
  }
  expect(lanes('case', ['updated', 'reference-updated'])).toEqual(['standard', 'standard']);
  expect(() => laneOf(party, 'renmaed')).toThrow(expect.objectContaining({ code: 'change-malformed' }));
});

test('an upcast moves, translates, drops and fills in, and leaves its input alone', () => {
  const old = { display_name: 'Acme', type: 'organisation', email: 'a@b.example', zip: null, fax: '1' };
  const before = structuredClone(old);
  expect(upcast(party, old, 1)).toEqual({
    name: 'Acme',
    kind: 'company',
    contact: { email: 'a@b.example', zip: null, us_state: null },
    created_at: null,
  });
  expect(old).toEqual(before);
});

test('a state of the current version is passed on as it is', () => {
  const state = { name: 'Acme' };
  expect(upcast(party, state, 2)).toBe(state);
});

test.each([
  [3, 'schema-newer'],
  [0, 'schema-unsupported'],
] as const)('no way leads from version %i: %s', (number, code) => {
  expect(() => upcast(party, {}, number)).toThrow(expect.objectContaining({ code }));
});

describe('a fault of a state', () => {
  const validate = stateValidator(party);
  const good = upcast(party, party.versions[0]!.example as JsonObject, 1);
  const faultsOf = (more: JsonObject) => validate({ ...good, ...more });

  test('quotes what is public', () => {
    expect(faultsOf({ kind: 'ghost' })).toEqual([
      { pointer: '/kind', message: 'must be equal to one of the allowed values ("ghost")' },
    ]);
  });

  test.each([
    ['/name', { name: 4711 }],
    ['/contact/email', { contact: { email: 4711, zip: null, us_state: null } }],
    ['/nickname', { nickname: '4711' }],
    ['/contact', { contact: '4711' }],
  ] as [string, JsonObject][])('at %s never quotes what is personal or unknown', (pointer, more) => {
    const faults = faultsOf(more);
    expect(faults.map(fault => fault.pointer)).toContain(pointer);
    expect(JSON.stringify(faults)).not.toContain('4711');
  });

  test('within the rows of a case is at its row, and quotes no text of the case', () => {
    const faults = stateValidator(contractOf('case'))({
      parties: [{ id: 'x', role: 'bystander', name: 5555, kind: 'company' }],
      narrative: 5555,
    });
    const at = (pointer: string) => faults.find(fault => fault.pointer === pointer)?.message;
    expect(at('/parties/0/role')).toContain('"bystander"');
    expect(at('/parties/0/id')).toContain('must match format "uuid"');
    expect(at('/narrative')).toBe('must be string,null');
    expect(JSON.stringify(faults)).not.toContain('5555');
  });
});

test('a schema is closed, complete and keeps the classes of its fields', () => {
  const schema = schemaOf(party, 1) as { required: string[]; additionalProperties: boolean; properties: JsonObject };
  expect(schema).toMatchObject({ additionalProperties: false, $id: 'urn:distributary:party:1' });
  expect(schema.required).toEqual(Object.keys(schema.properties));
  expect(schema.properties.email).toEqual({ type: ['string', 'null'], pii: 'personal' });
});

test.each<[string, (text: string) => string, RegExp, RegExp]>([
  ['an unknown key', text => text.replace('owner:', 'ownr:'), /unknown key "ownr"/, /"owner"/],
  ['an unknown lane', text => text.replace('lane: standard', 'lane: express'), /unknown lane "express"/, /priority/],
  [
    'a slow deletion',
    text => text.replace('deleted, lane: priority', 'deleted, lane: standard'),
    /deletion on lane standard/,
    /priority/,
  ],
  [
    'nothing for inserts',
    text => text.replace(/ {2}created: .*\n/, ''),
    /no change is for "when: inserted"/,
    /add one/,
  ],
  [
    'two for inserts',
    text => text.replace('when: { changes: [name] }', 'when: inserted'),
    /two changes are for "when: inserted"/,
    /keep one/,
  ],
  [
    'a leaf of unknown class',
    text => text.replace(', pii: personal', ''),
    /pii is missing/,
    /none, personal, sensitive/,
  ],
  ['a misspelt class', text => text.replace('pii: personal', 'pii: secret'), /unknown pii "secret"/, /sensitive/],
  [
    'a version without its upcast',
    text => text.replace(/ {4}upcast:\n( {6}-.*\n)+/, ''),
    /no upcast to version 2/,
    /list the steps/,
  ],
  ['an unknown step', text => text.replace('- drop:', '- erase:'), /"erase"/, /drop|move/],
  [
    'an old version without an example',
    text => text.replace(/ {4}example:.*\n/, ''),
    /no example of version 1/,
    /one state/,
  ],
  ['a gap between versions', text => text.replace('  2:\n', '  3:\n'), /version 3 comes after 1/, /./],
])('%s is refused with its line and a hint', (_, spoil, message, hint) => {
  const text = spoil(textOf('party'));
  const found = defectsOf(text).filter(defect => message.test(defect.message));
  expect(found).toHaveLength(1);
  expect(found[0]!.hint).toMatch(hint);
  expect(found[0]!.place?.line).toBeGreaterThan(0);
});

test('children and changes must know each other', () => {
  const text = textOf('case');
  expect(
    defectsOf(text.replace('when: { child: tasks }', 'when: { child: taks }')).map(({ message }) => message),
  ).toEqual(['no change is for any change of tasks', 'unknown child taks']);
});

test('the case tells what search, timeline and worklist need', () => {
  const { properties }: AggregateContract['current'] = contractOf('case').current;
  expect(Object.keys(properties)).toEqual(
    expect.arrayContaining([
      'title',
      'parties',
      'timeline',
      'due_on',
      'priority',
      'investigator_id',
      'company',
      'on_hold',
    ]),
  );
  expect(properties.narrative?.pii).toBe('sensitive');
  expect(properties.tags?.pii).toBe('sensitive');
});

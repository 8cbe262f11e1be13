import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseAggregateContract } from '../core/aggregate-contract.ts';
import type { JsonObject, StateChange } from '../core/change.ts';
import { type Definition, projection } from '../core/projection.ts';
import type { AnyProjector } from '../core/projector.ts';
import type { ProjectedContract } from '../core/store-contract.ts';
import { parseStoreContract } from '../core/store-contract-rules.ts';
import type { AggregateId, TenantId, Version } from '../core/version.ts';
import caseSearch from '../functions/projectors/case-search.ts';
import caseTimeline from '../functions/projectors/case-timeline.ts';
import worklist from '../functions/projectors/investigator-worklist.ts';

const CONTRACTS = resolve(import.meta.dirname, '..', 'contracts');
const read = (path: string) => readFileSync(join(CONTRACTS, path), 'utf8');
const aggregate = parseAggregateContract(read('aggregates/case.yaml'), 'case.yaml');

function definition(store: string, projectors: readonly AnyProjector[] = []): Definition {
  const contract = parseStoreContract(read(`stores/${store}.yaml`), `${store}.yaml`) as ProjectedContract;
  return { contract, aggregates: [aggregate], projectors };
}

const INVESTIGATOR = '00000000-0000-4000-8000-0000000000b1';

const KASE: JsonObject = {
  title: 'Incorrect information on your report',
  reference: '7523056',
  status: 'under-review',
  status_since: '2023-08-25T00:00:00.000Z',
  outcome: null,
  priority: 'high',
  restricted: false,
  on_hold: false,
  product: 'Credit reporting',
  sub_product: null,
  issue: 'Incorrect information on your report',
  sub_issue: null,
  narrative: 'They never answered.',
  tags: ['Older American'],
  us_state: 'FL',
  zip: '33009',
  consent: null,
  submitted_via: 'Web',
  company: 'EQUIFAX, INC.',
  company_response: null,
  company_public_response: null,
  timely: true,
  disputed: null,
  received_on: '2023-08-25',
  sent_on: null,
  due_on: '2023-10-24',
  closed_at: null,
  retain_until: null,
  created_at: '2023-08-25T00:00:00.000Z',
  investigator_id: INVESTIGATOR,
  investigator_name: 'Ada',
  assigned_ids: [INVESTIGATOR],
  open_task_count: 1,
  parties: [
    { id: '00000000-0000-4000-8000-0000000000c1', role: 'respondent', name: 'EQUIFAX, INC.', kind: 'company' },
    { id: '00000000-0000-4000-8000-0000000000c2', role: 'witness', name: 'Grace', kind: 'person' },
  ],
  evidence: [],
  decisions: [{ id: '00000000-0000-4000-8000-0000000000d1', kind: 'finding', decided_at: '2023-08-27T00:00:00.000Z' }],
  timeline: [
    { at: '2023-08-25T00:00:00.000Z', from: null, to: 'received', by: 'import', reason: null },
    { at: '2023-08-28T00:00:00.000Z', from: 'received', to: 'under-review', by: INVESTIGATOR, reason: null },
  ],
};

const change = (state: JsonObject, schemaVersion = 1): StateChange => ({
  kind: 'state',
  id: 'x',
  aggregate: 'case',
  change: 'updated',
  key: '00000000-0000-4000-8000-000000000001' as AggregateId,
  tenant: '00000000-0000-4000-8000-000000000002' as TenantId,
  version: 7 as Version,
  digest: 9,
  lane: 'standard',
  schemaVersion,
  committedAt: 1,
  state,
});

const documentOf = (made: Definition, state: JsonObject) => projection(made)(change(state)).document;

test('what is searched has the names of all parties, and a draft stays with intake', () => {
  const search = definition('case-search', [caseSearch]);
  expect(documentOf(search, KASE)).toMatchObject({
    title: KASE.title,
    party_names: ['EQUIFAX, INC.', 'Grace'],
    decisions: ['finding'],
  });
  expect(documentOf(search, { ...KASE, status: 'draft' })).toBeNull();
});

test('a timeline has transitions and decisions in the order of their time', () => {
  const document = documentOf(definition('case-timeline', [caseTimeline]), KASE);
  const entries = document?.entries as JsonObject[];
  expect(entries.map(({ at, kind }) => `${at} ${kind}`)).toEqual([
    '2023-08-25T00:00:00.000Z transition',
    '2023-08-27T00:00:00.000Z decision',
    '2023-08-28T00:00:00.000Z transition',
  ]);
});

test('a worklist holds open cases that have an investigator, the most urgent first', () => {
  const made = definition('investigator-worklist', [worklist]);
  expect(documentOf(made, KASE)).toMatchObject({ investigator_id: INVESTIGATOR, urgency: '1#2023-10-24' });
  expect(documentOf(made, { ...KASE, due_on: null })).toMatchObject({ urgency: '1#9999-12-31' });
  expect(documentOf(made, { ...KASE, investigator_id: null })).toBeNull();
  expect(documentOf(made, { ...KASE, status: 'closed' })).toBeNull();
});

test('without a function of its own a store gets the fields of its contract, and no others', () => {
  const facts = definition('case-facts');
  expect(Object.keys(documentOf(facts, KASE) ?? {}).sort()).toEqual(Object.keys(facts.contract.fields).sort());
});

const refusal = (made: Definition, made_of: StateChange): unknown => {
  try {
    return projection(made)(made_of);
  } catch (error) {
    return error;
  }
};

test.each<[string, AnyProjector | undefined, StateChange, string, RegExp]>([
  [
    'a projector that throws',
    { ...caseSearch, project: () => JSON.parse('secret') },
    change(KASE),
    'projector-threw',
    /^projector threw SyntaxError$/,
  ],
  [
    'a field that is in no contract',
    { ...caseSearch, project: () => ({ ssn: 'secret' }) },
    change(KASE),
    'document-invalid',
    /fields not in the contract: ssn/,
  ],
  [
    'a document that is none',
    { ...caseSearch, project: () => ['secret'] as never },
    change(KASE),
    'document-invalid',
    /returned an array/,
  ],
  [
    'a state that breaks its schema',
    undefined,
    change({ ...KASE, narrative: { secret: 1 } }),
    'state-invalid',
    /^\/narrative must be string,null$/,
  ],
  ['a newer schema version', undefined, change(KASE, 99), 'schema-newer', /case has schema version 99/],
  [
    'an aggregate of another store',
    undefined,
    { ...change(KASE), aggregate: 'party' },
    'change-malformed',
    /does not project party/,
  ],
])('%s is refused for good, without a word of the content', (_, projector, made_of, code, message) => {
  const error = refusal(definition('case-search', projector ? [projector] : []), made_of);
  expect(error).toMatchObject({ code, retry: 'never', message: expect.stringMatching(message) });
  expect((error as Error).message).not.toContain('secret');
});

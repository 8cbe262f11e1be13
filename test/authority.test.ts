import { authorityFindings, authorityMap } from '../core/governance/authority.ts';
import { isProblem } from '../core/governance/finding.ts';
import { responsibilityMatrix } from '../core/governance/responsibility-matrix.ts';
import { contractsWith, type Edits, shippedContracts } from './contract-sources.ts';

const map = authorityMap(shippedContracts());
const fact = (name: string) => map.facts.find(row => row.fact === name);

test('a fact is decided once, by the aggregate whose column it is, and every copy of it is named', () => {
  expect(fact('case.status')).toEqual({
    fact: 'case.status',
    kept: 'cases.status',
    decidedBy: { aggregate: 'case', team: 'case-platform', where: 'case-service-postgres' },
    repeatedIn: [],
    copies: [
      ...['case-archive.status', 'case-facts.status', 'case-search.status', 'case-timeline.status'],
      'investigator-worklist.status',
    ],
  });
});

test("what a state repeats of another aggregate is that aggregate's, under whatever name", () => {
  const name = fact('party.name');
  expect(name?.decidedBy?.aggregate).toBe('party');
  expect(name?.repeatedIn).toEqual(['case.company', 'case.parties.name']);
  expect(name?.copies).toEqual(expect.arrayContaining(['case-search.company', 'case-search.party_names']));
  expect(fact('evidence.title')).toMatchObject({
    decidedBy: { team: 'evidence' },
    repeatedIn: ['case.evidence.title'],
  });
});

test('what is decided outside is said to be, and what is computed is its aggregate’s', () => {
  expect(fact('users.display_name')).toMatchObject({ decidedBy: { team: 'identity', where: 'user directory' } });
  expect(fact('case.on_hold')).toMatchObject({
    kept: expect.stringMatching(/^exists \(/),
    decidedBy: { aggregate: 'case' },
  });
  expect(map.made).toContainEqual({ field: 'case-timeline.entries', of: ['case'] });
});

test('no fact is listed twice, and none without somebody who decides it', () => {
  expect(new Set(map.facts.map(({ kept, fact }) => `${fact} ${kept}`)).size).toBe(map.facts.length);
  expect(map.facts.filter(({ decidedBy }) => !decidedBy)).toEqual([]);
});

const replace =
  (from: string | RegExp, to: string) =>
  (text: string): string =>
    text.replace(from, to);

const CONTESTED: readonly (readonly [string, Edits, RegExp])[] = [
  [
    'two aggregates with one root table',
    { 'aggregates/decision': replace('table: decisions', 'table: evidence') },
    /evidence has two writers: .*says decision.* and .*says evidence|evidence has two writers/,
  ],
  [
    'rows of another aggregate, claimed as a child',
    { 'aggregates/case': replace('key: case_id, aggregate: evidence', 'key: case_id') },
    /evidence has two writers: case-platform .*says case.* and evidence .*says evidence/,
  ],
  [
    'a column that two teams are said to decide',
    { 'aggregates/assignment': replace('by: identity', 'by: case-platform') },
    /users\.display_name has two writers/,
  ],
  [
    'an aggregate in two canonical stores',
    { 'stores/pipeline-control': text => `${text}aggregates: [tenant]\n` },
    /case-service-postgres and pipeline-control both decide tenant/,
  ],
  [
    'a column that nobody is said to decide',
    { 'aggregates/case': replace('  tables: [case_transitions]\n', '') },
    /nobody is said to decide case_transitions\.at, which timeline\.at repeats/,
  ],
  [
    'a child of an aggregate whose root is another table',
    { 'aggregates/case': replace('aggregate: decision', 'aggregate: party') },
    /rows of decisions are said to be aggregate party, whose root is parties/,
  ],
  [
    'an aggregate without authority',
    { 'aggregates/tenant': replace(/authority:\n( .*\n)+/, '') },
    /authority is not there/,
  ],
];

test.each(CONTESTED)('%s is found', (_, edits, message) => {
  const problems = authorityFindings(contractsWith(edits)).filter(isProblem);
  expect(problems.map(({ message: said }) => said).join('\n')).toMatch(message);
  for (const { place } of problems)
    expect(place).toMatchObject({ file: expect.stringMatching(/^contracts\/aggregates\//), line: expect.any(Number) });
});

test('the matrix has a row for each aggregate at its owner, and one for each other store', () => {
  const rows = responsibilityMatrix(shippedContracts());
  expect(rows.find(({ responsibility }) => responsibility === 'evidence')).toMatchObject({
    owner: 'evidence',
    store: 'case-service-postgres',
    consistency: 'strong',
    rebuildable: 'no: canonical',
  });
  expect(rows.find(({ store }) => store === 'case-search')).toMatchObject({
    storeType: 'projection (opensearch)',
    consistency: 'seconds: under 10 s, alarm at 1 min',
    rebuildable: 'yes: from canonical case tables and outbox, in 4 h',
  });
});

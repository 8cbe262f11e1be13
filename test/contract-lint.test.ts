import type { Catalogue } from '../core/catalogue.ts';
import { CHECKLIST } from '../core/governance/checklist.ts';
import { lintContracts } from '../core/governance/contract-lint.ts';
import { type Finding, isProblem } from '../core/governance/finding.ts';
import { JUSTIFICATION } from '../core/governance/justification.ts';
import { contractsWith, type Edits, REQUIRED_EXAMPLE, shippedContracts } from './contract-sources.ts';

const shown = ({ result, rule, subject, key }: Finding): string => `${result} ${rule} of ${subject} at ${key}`;
const problems = (catalogue: Catalogue): readonly Finding[] => lintContracts(catalogue).filter(isProblem);

test("this repository's contracts answer every question", () => {
  expect(problems(shippedContracts()).map(shown)).toEqual([]);
});

test('every store is asked each of the 18 items of the checklist and the 8 of the justification', () => {
  expect([CHECKLIST.length, JUSTIFICATION.length]).toEqual([18, 8]);
  const catalogue = shippedContracts();
  const findings = lintContracts(catalogue);
  for (const { store_name } of catalogue.stores) {
    const rules = findings.filter(({ subject }) => subject === store_name).map(({ rule }) => rule);
    expect(rules).toEqual([...CHECKLIST, ...JUSTIFICATION].map(({ rule }) => rule));
  }
});

test('a contract that says no more than the first draft of one is told each missing sentence, with file and key', () => {
  const catalogue = contractsWith({ 'stores/case-search-index': () => REQUIRED_EXAMPLE });
  const found = problems(catalogue).filter(({ subject }) => subject === 'case-search-index');
  expect(found.map(shown)).toEqual([
    'missing workload-gap of case-search-index at governance.decision.capability_gap',
    'missing limitations-tested of case-search-index at governance.decision.alternatives',
    'missing write-owner of case-search-index at governance.ownership.writes',
    'missing consistency-contract of case-search-index at governance.consistency.contract',
    'missing lifecycle-propagation of case-search-index at governance.lifecycle.retention',
    'missing schema-evolution of case-search-index at governance.schema_change',
    'missing no-dual-writes of case-search-index at governance.integration.pattern',
    'missing repetition-safe of case-search-index at governance.integration.repetition',
    'missing runbook of case-search-index at governance.ownership.operations',
    'missing cost-model of case-search-index at governance.cost.engineering',
    'missing exit-strategy of case-search-index at governance.decision.exit_plan',
    'missing capability-gap of case-search-index at governance.decision.capability_gap',
    'missing invariant-boundary of case-search-index at governance.invariants',
    'missing staleness of case-search-index at governance.consistency.contract',
    'missing three-in-the-morning of case-search-index at governance.ownership.operations',
    'missing approvals of case-search-index at governance.approvals.schema',
    'missing lifecycle-cost of case-search-index at governance.cost.engineering',
  ]);
  for (const { place, hint } of found) {
    expect(place.file).toBe('contracts/stores/case-search-index.yaml');
    expect(hint).toMatch(/\w{3}/);
  }
});

const replace =
  (from: string | RegExp, to: string) =>
  (text: string): string =>
    text.replace(from, to);

/** What is made wrong → what is said, and the line that it is said of. */
const WRONG: readonly (readonly [string, Edits, string, RegExp])[] = [
  [
    'a gap without a figure',
    { 'stores/case-search': replace(/capability_gap: >-\n( {6}.*\n)+/, 'capability_gap: We need more scale.\n') },
    'fail capability-gap of case-search at governance.decision.capability_gap',
    /We need more scale/,
  ],
  [
    'a measurement without a figure',
    { 'stores/case-timeline': replace(/measured: .*/, 'measured: It was too slow for us.') },
    'fail limitations-tested of case-timeline at governance.decision.alternatives.0.measured',
    /It was too slow/,
  ],
  [
    'alternatives that nobody tried',
    { 'stores/case-timeline': replace(/\n +measured: .*/, '') },
    'missing limitations-tested of case-timeline at governance.decision.alternatives',
    /alternatives:|- option/,
  ],
  [
    'a copy less sensitive than its source',
    { 'stores/case-search': replace('narrative: { type: text, pii: sensitive', 'narrative: { type: text, pii: none') },
    'fail security-model of case-search at fields.narrative.pii',
    /narrative: .*pii: none/,
  ],
  [
    'personal data in a store that masks nothing',
    { 'stores/case-timeline': replace('field_masking_required: true', 'field_masking_required: false') },
    'fail security-model of case-timeline at security.field_masking_required',
    /field_masking_required: false/,
  ],
  [
    'a copy that does not filter as its source does',
    { 'stores/case-facts': replace('authorization_filter_required: true', 'authorization_filter_required: false') },
    'fail security-model of case-facts at security.authorization_filter_required',
    /authorization_filter_required: false/,
  ],
  [
    'sensitive data shown without asking the canonical store',
    {
      'stores/case-search': replace(
        'must_rehydrate_before_sensitive_action: true',
        'must_rehydrate_before_sensitive_action: false',
      ),
    },
    'fail security-model of case-search at authority_rules.must_rehydrate_before_sensitive_action',
    /must_rehydrate_before_sensitive_action: false/,
  ],
  [
    'a canonical store of personal data that says it has none',
    { 'stores/case-service-postgres': replace('contains_pii: true', 'contains_pii: false') },
    'fail security-model of case-service-postgres at security.contains_pii',
    /contains_pii: false/,
  ],
  [
    'a derived store that nothing compares',
    { 'stores/case-search': replace('    - drift_sample_mismatch_count\n', '') },
    'fail drift-detection of case-search at observability.metrics',
    /indexing_lag_seconds/,
  ],
  [
    'an integration store that nobody can tell the lag of',
    { 'stores/case-outbox': replace('    - relay_lag_seconds\n', '') },
    'fail freshness-metric of case-outbox at observability.metrics',
    /relay_parked_count/,
  ],
  [
    'documents without a version',
    { 'stores/case-facts': replace('versioned_document: true', 'versioned_document: false') },
    'fail schema-evolution of case-facts at schema_evolution.versioned_document',
    /versioned_document: false/,
  ],
  [
    'a projection said to be strongly consistent',
    { 'stores/case-search': replace('contract: seconds', 'contract: strong') },
    'fail staleness of case-search at governance.consistency.contract',
    /contract: strong/,
  ],
  [
    'seconds that may be minutes',
    { 'stores/case-search': replace('maximum_before_alert: 60_seconds', 'maximum_before_alert: 10_minutes') },
    'fail staleness of case-search at governance.consistency.contract',
    /contract: seconds/,
  ],
  [
    'restrictions on the standard lane',
    {
      'aggregates/case': replace(
        'restricted: { when: { becomes: { restricted: true } }, lane: priority',
        'restricted: { when: { becomes: { restricted: true } }, lane: standard',
      ),
    },
    'fail lifecycle-propagation of case-search at aggregates',
    /aggregates: \[case\]/,
  ],
  [
    'a copy that is written beside its source',
    {
      'stores/case-cache': () =>
        REQUIRED_EXAMPLE.replace('case-search-index', 'case-cache').replace('role: projection', 'role: cache') +
        'governance:\n  integration: { pattern: own-writes }\n',
    },
    'fail no-dual-writes of case-cache at governance.integration.pattern',
    /own-writes/,
  ],
];

test.each(WRONG)('%s is found, at its line', (_, edits, expected, line) => {
  const catalogue = contractsWith(edits);
  const found = problems(catalogue).find(one => shown(one) === expected);
  expect(problems(catalogue).map(shown)).toContain(expected);
  const source = catalogue.sources.find(({ file }) => file === found!.place.file);
  expect(source!.text.split('\n')[found!.place.line! - 1]).toMatch(line);
  expect(found!.hint).toMatch(/\w/);
});

test.each(['TODO: say why', 'Fast.', 'To be TBD later on'])('%j is no answer', text => {
  const edit = { 'stores/case-search': replace(/invariants: .*/, `invariants: "${text}"`) };
  expect(() => contractsWith(edit)).toThrow(/governance\.invariants is .*is no sentence/);
});

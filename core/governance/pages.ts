import type { Catalogue } from '../catalogue.ts';
import { durationText } from '../duration.ts';
import { type AuthorityMap, authorityMap } from './authority.ts';
import { lintContracts } from './contract-lint.ts';
import type { Finding, Result } from './finding.ts';
import { markdownTable, page } from './markdown.ts';
import { responsibilityMatrix } from './responsibility-matrix.ts';

export const MATRIX_TITLES = [
  ...['Data responsibility', 'Canonical owner', 'Store', 'Store type', 'Consistency', 'Rebuildable?', 'Notes'],
] as const;

export function matrixPage(catalogue: Catalogue): string {
  const rows = responsibilityMatrix(catalogue).map(row => [
    row.responsibility,
    row.owner,
    row.store,
    row.storeType,
    row.consistency,
    row.rebuildable,
    row.notes,
  ]);
  return page(
    '# Responsibility matrix',
    'Who owns which data, in which store, and what may be expected of it.',
    markdownTable(MATRIX_TITLES, rows),
  );
}

/** How fresh a copy is, and how it is mended: by its store's contract. */
export function promisesOf({ projected }: Catalogue, copies: readonly string[]): { freshness: string; repair: string } {
  const stores = projected.filter(({ store_name }) => copies.some(copy => copy.startsWith(`${store_name}.`)));
  return {
    freshness: stores
      .map(
        ({ store_name, freshness_contract }) =>
          `${store_name} ≤ ${durationText(freshness_contract.maximum_before_alert)}`,
      )
      .join(', '),
    repair: stores.map(({ store_name }) => `distributary drift ${store_name} --repair`).join(', '),
  };
}

export function authorityPage(catalogue: Catalogue): string {
  const { facts, made }: AuthorityMap = authorityMap(catalogue);
  const rows = facts.map(({ fact, kept, decidedBy, repeatedIn, copies }) => {
    const { freshness, repair } = promisesOf(catalogue, copies);
    return [
      fact,
      kept.includes(' ') ? 'computed' : kept,
      decidedBy ? `${decidedBy.team} (${decidedBy.where})` : '**nobody is said to**',
      [...repeatedIn.map(path => `state ${path}`), ...copies].join(', ') || '–',
      freshness || '–',
      repair || '–',
    ];
  });
  const says = catalogue.aggregates.map(({ aggregate, authority }) => [
    aggregate,
    authority?.create ?? '–',
    authority?.correct ?? '–',
    authority?.erase ?? '–',
  ]);
  return page(
    '# Authority map',
    'Every fact, who decides it, and where its copies are. When a copy disagrees, the authority is right.',
    markdownTable(['Fact', 'Kept as', 'Authority', 'Copies', 'Freshness', 'Repair path'], rows),
    '## Who may change what',
    markdownTable(['Aggregate', 'Create', 'Correct', 'Erase'], says),
    '## Made by projectors',
    'Copies of no single fact: computed from the whole state, and made again by a rebuild.',
    markdownTable(
      ['Field', 'Of'],
      made.map(({ field, of }) => [field, of.join(', ')]),
    ),
  );
}

const MARK: Readonly<Record<Result, string>> = {
  pass: '✓',
  fail: '✗ **fails**',
  missing: '… **missing**',
  exempt: '– does not apply',
};

export function checklistPage(catalogue: Catalogue): string {
  const findings = lintContracts(catalogue);
  const sections = catalogue.stores.map(({ store_name }) => {
    const of = (from: Finding['from']) =>
      rows(findings.filter(found => found.subject === store_name && found.from === from));
    return [`## ${store_name}`, of('checklist'), 'Justification:', of('justification')].join('\n\n');
  });
  return page(
    '# Production checklist',
    'Each item for each store, as `distributary contract lint` answers it.',
    ...sections,
    '## Authority',
    markdownTable(
      ['Aggregate', 'Asked', '', 'Answer'],
      findings
        .filter(({ from }) => from === 'authority')
        .map(({ subject, asks, result, message }) => [subject, asks, MARK[result], message]),
    ),
  );
}

const rows = (findings: readonly Finding[]): string =>
  markdownTable(
    ['Asked', '', 'Answer'],
    findings.map(({ asks, result, message }) => [asks, MARK[result], message]),
  );

import type { Catalogue } from '../core/catalogue.ts';
import { decisionRecord } from '../core/governance/decision-record.ts';
import { lifecyclePage } from '../core/governance/lifecycle.ts';
import { authorityPage, checklistPage, matrixPage } from '../core/governance/pages.ts';
import { personalDataPage } from '../core/governance/personal-data.ts';
import { runbook } from '../core/governance/runbook.ts';
import { contractExports, EXPORT_FORMATS, type ExportedFile } from './contract-exports.ts';

/** Everything in here is written by `bin/generate.ts`, and nothing else is. */
export const PAGES = 'docs/generated';
/** What the alarms of a store name. */
export const runbookPath = (store: string): string => `${PAGES}/runbooks/${store}.md`;

/** What follows from the contracts for those who read them without this program. */
export function generatedPages(catalogue: Catalogue): readonly ExportedFile[] {
  const pages = [
    { path: 'matrix.md', text: matrixPage(catalogue) },
    { path: 'authority.md', text: authorityPage(catalogue) },
    { path: 'lifecycle.md', text: lifecyclePage(catalogue) },
    { path: 'personal-data.md', text: personalDataPage(catalogue) },
    { path: 'checklist.md', text: checklistPage(catalogue) },
    ...catalogue.stores.flatMap(store => [
      { path: `runbooks/${store.store_name}.md`, text: runbook(store) },
      { path: `adr/${store.store_name}.md`, text: decisionRecord(store) },
    ]),
    ...EXPORT_FORMATS.flatMap(format => contractExports(catalogue, format)),
  ];
  return pages.map(({ path, text }) => ({ path: `${PAGES}/${path}`, text }));
}

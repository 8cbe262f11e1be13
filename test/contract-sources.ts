import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Catalogue, parseCatalogue, type SourceFile } from '../core/catalogue.ts';

const ROOT = resolve(import.meta.dirname, '..');

const read = (folder: string): readonly SourceFile[] =>
  readdirSync(join(ROOT, folder))
    .filter(name => name.endsWith('.yaml'))
    .map(name => ({ file: `${folder}/${name}`, text: readFileSync(join(ROOT, folder, name), 'utf8') }));
const stores = read('contracts/stores');
const aggregates = read('contracts/aggregates');

/** File below `contracts/` → what becomes of its text; nothing where it is removed. */
export type Edits = Readonly<Record<string, (text: string) => string | undefined>>;

/** This repository's contracts after some of them were changed, or new ones were added. An edit that changes nothing is a mistake. */
export function contractsWith(edits: Edits): Catalogue {
  const paths = Object.keys(edits).map(name => `contracts/${name}.yaml`);
  const edit = (sources: readonly SourceFile[], kind: string): readonly SourceFile[] => {
    const added = paths
      .filter(path => path.startsWith(`contracts/${kind}/`) && !sources.some(({ file }) => file === path))
      .map(file => ({ file, text: '' }));
    return [...sources, ...added].flatMap(({ file, text }) => {
      const change = edits[file.slice('contracts/'.length, -'.yaml'.length)];
      const changed = change ? change(text) : text;
      if (change && changed === text) throw new Error(`the edit of ${file} changes nothing`);
      return changed === undefined ? [] : [{ file, text: changed }];
    });
  };
  return parseCatalogue({ stores: edit(stores, 'stores'), aggregates: edit(aggregates, 'aggregates') });
}

export const shippedContracts = (): Catalogue => parseCatalogue({ stores, aggregates });

/** Requirements 000 §9, letter by letter, under the name of a file that fits. */
export const REQUIRED_EXAMPLE = `store_name: case-search-index
role: projection
canonical_source: case-service-postgres
owner_team: case-platform
served_use_cases:
  - investigator_case_search
  - supervisor_case_filtering
freshness_contract:
  normal_p95: under_10_seconds
  maximum_before_alert: 60_seconds
authority_rules:
  may_execute_commands: false
  must_rehydrate_before_sensitive_action: true
rebuild:
  supported: true
  source: canonical_case_tables_and_outbox
  estimated_duration: 4_hours
  cutover_strategy: blue_green_index
security:
  contains_pii: true
  authorization_filter_required: true
  field_masking_required: true
schema_evolution:
  versioned_document: true
  backward_compatible_indexer_required: true
observability:
  metrics:
    - indexing_lag_seconds
    - indexing_error_count
    - dead_letter_count
    - drift_sample_mismatch_count
`;

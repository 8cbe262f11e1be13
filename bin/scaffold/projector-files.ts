import type { AggregateContract, Property } from '../../core/aggregate-contract.ts';
import { runbook } from '../../core/governance/runbook.ts';
import type { FieldType, ProjectedContract } from '../../core/store-contract.ts';
import { parseStoreContract } from '../../core/store-contract-rules.ts';
import { runbookPath } from '../generated-pages.ts';

export type ScaffoldedEngine = ProjectedContract['engine'];

/** A file to write: where, from the root of the repository, and what. */
export interface DraftFile {
  readonly path: string;
  readonly text: string;
}

export interface ProjectorPlan {
  readonly store: string;
  readonly engine: ScaffoldedEngine;
  readonly aggregate: AggregateContract;
  /** `owner_team`. */
  readonly owner: string;
  readonly canonicalSource: string;
  /** Where it will lie: in the pipeline's own repository, or in a team's that has the package. */
  readonly within: 'pipeline' | 'team';
}

/** A first document needs no more. */
const MAX_FIELDS = 8;

/** Contract, projector and test of a store: valid as they stand, to be made one's own. */
export function projectorFilesOf(plan: ProjectorPlan): readonly DraftFile[] {
  const contract = { path: `contracts/stores/${plan.store}.yaml`, text: contractText(plan) };
  return [
    contract,
    { path: `functions/projectors/${plan.store}.ts`, text: projectorText(plan) },
    { path: `test/${plan.store}.test.ts`, text: testText(plan) },
    // The pipeline's own are written with all that follows from its contracts.
    ...(plan.within === 'team' ? [runbookOf(contract)] : []),
  ];
}

/** What the store's alarms name. */
function runbookOf({ path, text }: DraftFile): DraftFile {
  const contract = parseStoreContract(text, path);
  return { path: runbookPath(contract.store_name), text: runbook(contract) };
}

const CUTOVER = {
  opensearch: 'blue_green_index',
  dynamodb: 'blue_green_table',
  s3: 'blue_green_prefix',
  's3-object-lock': 'blue_green_prefix',
};
const ROLE = { opensearch: 'projection', dynamodb: 'projection', s3: 'analytics', 's3-object-lock': 'archive' };
/** Locks can be lengthened later, never shortened. */
const LOCKS = '\narchive: { object_lock: governance, retention: 1_day }';

function contractText({ store, engine, aggregate, owner, canonicalSource }: ProjectorPlan): string {
  const fields = fieldsOf(aggregate).map(([name, type]) => `  ${name}: { type: ${type} }`);
  return `# docs/contracts.md of distributary lists every key.
store_name: ${store}
role: ${ROLE[engine]}
canonical_source: ${canonicalSource}
owner_team: ${owner}
description: What readers of ${store} need to know of a ${aggregate.aggregate}.
served_use_cases:
  - ${store.replaceAll('-', '_')}_view
freshness_contract:
  normal_p95: under_10_seconds
  maximum_before_alert: 60_seconds
authority_rules:
  may_execute_commands: false
  must_rehydrate_before_sensitive_action: true
rebuild:
  supported: true
  source: canonical_${aggregate.root.table}_and_outbox
  estimated_duration: 1_hour
  cutover_strategy: ${CUTOVER[engine]}
security:
  contains_pii: false
  authorization_filter_required: true
  field_masking_required: false
schema_evolution:
  versioned_document: true
  backward_compatible_indexer_required: true
  document_version: 1
observability:
  metrics:
    - indexing_lag_seconds
    - indexing_error_count
    - dead_letter_count
    - drift_sample_mismatch_count
engine: ${engine}${engine === 's3-object-lock' ? LOCKS : ''}
aggregates: [${aggregate.aggregate}]
fields:
${fields.join('\n')}
`;
}

/** What says something of the aggregate and nothing of a person. */
function fieldsOf({ current }: AggregateContract): readonly (readonly [string, FieldType])[] {
  const plain = Object.entries(current.properties).flatMap(([name, property]) => {
    const type = fieldTypeOf(property);
    return type && property.pii === 'none' ? [[name, type] as const] : [];
  });
  return plain.slice(0, MAX_FIELDS);
}

function fieldTypeOf({ type, format }: Property): FieldType | undefined {
  const [only, ...others] = [type].flat().filter(each => each !== 'null');
  if (others.length > 0) return undefined;
  if (format === 'date') return 'date';
  if (format === 'date-time') return 'timestamp';
  if (only === 'string') return 'keyword';
  return only === 'integer' || only === 'number' || only === 'boolean' ? only : undefined;
}

const projectorText = ({ store, aggregate, within }: ProjectorPlan): string => `import { defineProjector } from '${
  within === 'pipeline' ? '../../core/projector.ts' : 'distributary'
}';

/** What ${store} shows of a ${aggregate.aggregate}: the fields of its contract. Null instead hides it. */
export default defineProjector({
  store: '${store}',
  on: '${aggregate.aggregate}',
  project: (state, { fields }) => fields(state),
});
`;

const testText = ({ store, within }: ProjectorPlan): string => `import { join } from 'node:path';
import { projectorOf, testProjector } from '${within === 'pipeline' ? '../testing/index.ts' : 'distributary/testing'}';

testProjector('${store}', () => projectorOf(join(import.meta.dirname, '..'), '${store}'));
`;

import type { Engine } from './store-contract.ts';
import { ITEM } from './table-layout.ts';

/** Columns that every Parquet file of facts has; `day` comes from its path. */
export const FACT_COLUMNS = [
  ...['key', 'tenant', 'version', 'digest', 'committed_at', 'extracted_at'],
  ...['deleted', 'hidden', 'correction', 'late', 'day'],
] as const;
/** The part of an OpenSearch document that is not the projector's. */
export const DOCUMENT_META = 'distributary';

const ITEM_ATTRIBUTES: readonly string[] = Object.values(ITEM);
type Indexes = Readonly<Record<string, { readonly partition: string; readonly sort?: string | undefined }>>;

/** Why an engine cannot hold a field of this name, if so: it would lie where something of the store's own does. */
export function takenName(engine: Engine | undefined, field: string, indexes: Indexes): string | undefined {
  if (engine === 's3' && (FACT_COLUMNS as readonly string[]).includes(field)) {
    return `is a column that every fact has already: ${FACT_COLUMNS.join(', ')}`;
  }
  if (engine === 'opensearch' && field === DOCUMENT_META)
    return 'is where a document keeps what is not the projector’s';
  const isKey = Object.values(indexes).some(({ partition, sort }) => field === partition || field === sort);
  if (engine === 'dynamodb' && isKey && ITEM_ATTRIBUTES.includes(field)) {
    return `is a key of an index, and an attribute that every item has: ${ITEM_ATTRIBUTES.join(', ')}`;
  }
  return undefined;
}

/** What the pipeline calls its own stacks, queues, topics and tables. */
export const PIPELINE_PARTS: readonly string[] = [
  ...['operations', 'operate', 'canonical', 'relay', 'search', 'migrate', 'guardian', 'watch-search', 'search-access'],
  ...['changes', 'parked', 'control', 'alarms', 'erasure', 'tenant-move'],
];

/** What a projected store's queues are called, behind the prefix. */
const queueNames = (store: string): readonly string[] => [store, `${store}-priority`, `${store}-failed`];

/** Whose name a store would take, if so: a part of the pipeline, or a queue of another store. */
export function takenStoreName(store: string, others: readonly string[]): string | undefined {
  const part = queueNames(store).find(name => PIPELINE_PARTS.includes(name));
  if (part !== undefined) return `"${part}" is a part of the pipeline itself`;
  const other = others.find(name => queueNames(name).slice(1).includes(store));
  return other && `"${store}" is a queue of store ${other}`;
}

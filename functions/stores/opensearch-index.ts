import type { JsonObject } from '../../core/change.ts';
import type { Stored, Write } from '../../core/store.ts';
import type { Field, FieldType, ProjectedContract } from '../../core/store-contract.ts';
import type { AggregateId, TenantId, Version } from '../../core/version.ts';

/** The field of every document that holds what is not the projector's: filter searches by `distributary.tenant`. */
export const META = 'distributary';

/** Until a query sees a write; reads by id do at once. */
export const REFRESH_SECONDS = 1;

/** `META` of one document. */
interface Meta {
  readonly key: AggregateId;
  readonly tenant: TenantId;
  readonly version: Version;
  readonly digest: number;
  readonly committed_at: number;
  readonly tombstone: boolean;
}

const META_MAPPING = {
  type: 'object',
  properties: {
    /** `_id` can neither be sorted by nor searched for a range. */
    key: { type: 'keyword' },
    tenant: { type: 'keyword' },
    version: { type: 'long', index: false },
    digest: { type: 'long' },
    committed_at: { type: 'date', format: 'epoch_millis' },
    tombstone: { type: 'boolean' },
  },
};

/**
 * A value that does not fit its field refuses the document, with a name; the lenient ways (numbers from text,
 * `ignore_above`, unknown fields let pass) would hold it and not find it. An object is carried, not searched: what
 * shall be found deserves a field of its own.
 */
const MAPPINGS: Readonly<Record<FieldType, object>> = {
  keyword: { type: 'keyword' },
  text: { type: 'text' },
  integer: { type: 'long', coerce: false },
  number: { type: 'double', coerce: false },
  boolean: { type: 'boolean' },
  // Not strict_date, which takes the 45th of the 13th month.
  date: { type: 'date', format: 'strict_date_optional_time' },
  timestamp: { type: 'date', format: 'strict_date_optional_time' },
  object: { type: 'object', enabled: false },
};

/** What the readers' alias lets through. */
export const VISIBLE = { term: { [`${META}.tombstone`]: false } };

export interface IndexOptions {
  /** @default 1 */
  readonly shards?: number;
  /** @default one where there is a second node */
  readonly replicas?: number;
}

/**
 * The alias that writes go through. With `require_alias` a write to a target that was dropped fails, where OpenSearch
 * would otherwise make a new index of that name and guess its mapping.
 */
export const writesTo = (index: string): string => `${index}-writes`;

/** What an index is created with. */
export interface IndexDefinition {
  readonly settings: object;
  readonly aliases: object;
  readonly mappings: Mappings;
}

export interface Mappings {
  readonly dynamic: 'strict';
  readonly properties: Readonly<Record<string, object>>;
}

export const mappingsOf = ({ fields }: ProjectedContract): Mappings => ({
  dynamic: 'strict',
  properties: { ...mapFields(fields), [META]: META_MAPPING },
});

export function indexDefinition(
  name: string,
  contract: ProjectedContract,
  { shards, replicas }: IndexOptions,
): IndexDefinition {
  return {
    settings: {
      number_of_shards: shards ?? 1,
      ...(replicas === undefined ? { auto_expand_replicas: '0-1' } : { number_of_replicas: replicas }),
      // Said explicitly, or a shard without searches for 30 s stops refreshing and the first reader waits.
      refresh_interval: `${REFRESH_SECONDS}s`,
      // Or a refresh waits for merges of small segments, for ten seconds at most, and nothing new is found meanwhile.
      'merge_on_flush.enabled': false,
    },
    aliases: { [writesTo(name)]: {} },
    mappings: mappingsOf(contract),
  };
}

/** What takes this long is worth reading about. Of a document that was slow to index no content is logged. */
const SLOW_LOGS = {
  'index.search.slowlog.threshold.query.warn': '2s',
  'index.search.slowlog.threshold.fetch.warn': '1s',
  'index.indexing.slowlog.threshold.index.warn': '1s',
  'index.indexing.slowlog.source': 'false',
};

/** What every index of the store has, even one that OpenSearch makes by itself: it guesses no mapping. */
export const indexTemplate = ({ store_name }: ProjectedContract): object => ({
  index_patterns: [`${store_name}.*`],
  template: { settings: SLOW_LOGS, mappings: { dynamic: 'strict' } },
});

/** Lists need no mapping of their own: any field may hold several values. */
const mapFields = (fields: Readonly<Record<string, Field>>): Readonly<Record<string, object>> =>
  Object.fromEntries(Object.entries(fields).map(([name, { type }]) => [name, MAPPINGS[type]]));

/** The text of a document as the index holds it; `document` is the JSON text of the projector's part, or `null`. */
export function encodeDocument({ key, tenant, version, digest, committedAt, document }: Write, text: string): string {
  const meta: Meta = { key, tenant, version, digest, committed_at: committedAt, tombstone: document === null };
  const rest = document === null || text === '{}' ? '}' : `,${text.slice(1)}`;
  return `{"${META}":${JSON.stringify(meta)}${rest}`;
}

export type Source = JsonObject & { readonly [META]: Meta };

export function decodeDocument({ [META]: meta, ...document }: Source): Stored {
  const { key, tenant, version, digest, committed_at: committedAt, tombstone } = meta;
  return { key, tenant, version, digest, committedAt, document: tombstone ? null : document };
}

import { hullOf } from '../../core/digest.ts';
import { DistributaryError } from '../../core/errors.ts';
import type { Digest, KeyRange, Store, Stored, Target } from '../../core/store.ts';
import type { ProjectedContract } from '../../core/store-contract.ts';
import type { AggregateId } from '../../core/version.ts';
import { MAX_DOCUMENT_BYTES, writeInBulk } from './opensearch-bulk.ts';
import { ask, type Complaint, type OpenSearch } from './opensearch-client.ts';
import { takeUpFields } from './opensearch-fields.ts';
import {
  decodeDocument,
  type IndexOptions,
  indexDefinition,
  indexTemplate,
  META,
  mappingsOf,
  REFRESH_SECONDS,
  type Source,
  VISIBLE,
} from './opensearch-index.ts';
import { inspectIndex } from './opensearch-inspection.ts';

/** About 1 MB of documents of 2 kB: what a scan holds in memory. */
const SCAN_PAGE = 500;

/** Each is a filter that the engine holds every document of the search against. */
const MAX_BUCKETS = 200;

interface Hits {
  readonly hits: { readonly hits: readonly { readonly _source: Source }[] };
  readonly aggregations: {
    readonly ranges: { readonly buckets: readonly { doc_count: number; sum: { readonly value: number } }[] };
  };
}

/**
 * An index per target; readers go through the alias named as the store, which shows no tombstone. A tombstone is a
 * document, for OpenSearch forgets the version of a deleted one after a minute (`index.gc_deletes`) and would then take
 * any older write.
 */
export function openSearchStore(options: { client: OpenSearch; contract: ProjectedContract } & IndexOptions): Store {
  const { client, contract } = options;
  const alias = contract.store_name;
  const definitionOf = ({ name }: Target) => indexDefinition(name, contract, options);
  const mappings = mappingsOf(contract);

  async function current(): Promise<string[]> {
    const { status, body } = await ask<object>(client, { method: 'GET', path: `/_alias/${alias}`, expect: [404] });
    return status === 404 ? [] : Object.keys(body);
  }

  return {
    engine: 'opensearch',
    maxDocumentBytes: MAX_DOCUMENT_BYTES,
    visibleAfterSeconds: REFRESH_SECONDS,
    keepsHistory: false,

    write: (target, writes) => writeInBulk({ client, target, mappings }, writes),
    read: (target, key) => read(client, target, key),
    scan: (target, range) => scan(client, target, range),
    digest: async (target, range) => (await digests(client, target, [range]))[0]!,
    digests: (target, ranges) => digests(client, target, ranges),

    inspect: target => inspectIndex(client, target, definitionOf(target)),

    async create(target) {
      const { name } = target;
      await ask(client, { method: 'PUT', path: `/_index_template/${alias}`, body: indexTemplate(contract) });
      const body = definitionOf(target);
      const answer = await ask<{ error: Complaint }>(client, { method: 'PUT', path: `/${name}`, body, expect: [400] });
      if (answer.status < 300) return;
      if (answer.body.error.type === 'resource_already_exists_exception') return takeUpFields(client, target, mappings);
      throw new DistributaryError(
        'store-unavailable',
        `OpenSearch did not create ${name}: ${answer.body.error.reason}`,
      );
    },
    async cutOver({ name }) {
      const old = (await current()).filter(index => index !== name);
      const actions = [
        ...old.map(index => ({ remove: { index, alias } })),
        { add: { index: name, alias, filter: VISIBLE } },
      ];
      await ask(client, { method: 'POST', path: '/_aliases', body: { actions } });
    },
    async withdraw() {
      const actions = (await current()).map(index => ({ remove: { index, alias } }));
      if (actions.length > 0) await ask(client, { method: 'POST', path: '/_aliases', body: { actions } });
    },
    async current() {
      const [name] = await current();
      return name === undefined ? undefined : { store: alias, name };
    },
    async drop({ name }) {
      if ((await current()).includes(name)) {
        throw new DistributaryError('target-current', `readers of ${alias} see ${name}`);
      }
      await ask(client, { method: 'DELETE', path: `/${name}`, expect: [404] });
    },
  };
}

/** A read by id sees what is not yet searchable. */
async function read(client: OpenSearch, { name }: Target, key: AggregateId): Promise<Stored | undefined> {
  const path = `/${name}/_doc/${key}`;
  const { body } = await ask<{ found?: boolean; _source: Source }>(client, { method: 'GET', path, expect: [404] });
  if (body.found === undefined) throw new DistributaryError('target-missing', `index ${name} does not exist`);
  return body.found ? decodeDocument(body._source) : undefined;
}

async function* scan(client: OpenSearch, target: Target, range: KeyRange): AsyncGenerator<Stored> {
  await refresh(client, target);
  const page = { size: SCAN_PAGE, query: within(range), sort: [{ [KEY]: 'asc' }], track_total_hits: false };
  let after: AggregateId | undefined;
  for (;;) {
    const { hits } = await search(client, target, after === undefined ? page : { ...page, search_after: [after] });
    const stored = hits.hits.map(({ _source }) => decodeDocument(_source));
    yield* stored;
    if (stored.length < SCAN_PAGE) return;
    after = stored.at(-1)!.key;
  }
}

/** A bucket of one search for each range: it costs the index one pass, and the network one answer. */
async function digests(client: OpenSearch, target: Target, ranges: readonly KeyRange[]): Promise<readonly Digest[]> {
  await refresh(client, target);
  const found: Digest[] = [];
  for (let at = 0; at < ranges.length; at += MAX_BUCKETS) {
    const part = ranges.slice(at, at + MAX_BUCKETS);
    const { aggregations } = await search(client, target, {
      size: 0,
      query: { bool: { filter: [within(hullOf(part)), { range: { [`${META}.digest`]: { gt: 0 } } }] } },
      track_total_hits: false,
      aggs: {
        ranges: {
          filters: { filters: part.map(within) },
          aggs: { sum: { sum: { field: `${META}.digest` } } },
        },
      },
    });
    found.push(...aggregations.ranges.buckets.map(({ doc_count, sum }) => ({ count: doc_count, sum: sum.value })));
  }
  return found;
}

const KEY = `${META}.key`;

const within = ({ from, to }: KeyRange): object => ({
  range: { [KEY]: { ...(from === undefined ? {} : { gte: from }), ...(to === undefined ? {} : { lt: to }) } },
});

/** A shard that does not answer fails the search: half an answer would look like drift. */
async function search(client: OpenSearch, { name }: Target, body: object): Promise<Hits> {
  const query = { allow_partial_search_results: false };
  return (await ask<Hits>(client, { method: 'POST', path: `/${name}/_search`, query, body })).body;
}

/** Makes every acknowledged write searchable. */
export async function refresh(client: OpenSearch, { name }: Target): Promise<void> {
  const path = `/${name}/_refresh`;
  const { body } = await ask<{ _shards: { failed: number } }>(client, { method: 'POST', path });
  if (body._shards.failed === 0) return;
  throw new DistributaryError('store-unavailable', `${body._shards.failed} shards of ${name} did not refresh`);
}

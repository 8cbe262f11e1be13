import { isDeepStrictEqual } from 'node:util';
import { type DynamoDBClient, QueryCommand } from '@aws-sdk/client-dynamodb';
import { DistributaryError } from '../../core/errors.ts';
import type { Asked, Hit, Principal, ShadowQuery } from '../../core/shadow.ts';
import type { Store, Stored, Target } from '../../core/store.ts';
import type { ProjectedContract } from '../../core/store-contract.ts';
import { ITEM } from '../../core/table-layout.ts';
import { toAttribute } from '../stores/dynamodb-attributes.ts';
import { dynamoClient, onTable } from '../stores/dynamodb-client.ts';
import { fromStoredItem } from '../stores/dynamodb-item.ts';
import { ask as askIndex, type OpenSearch, openSearchClient } from '../stores/opensearch-client.ts';
import { decodeDocument, META, type Source, VISIBLE } from '../stores/opensearch-index.ts';

/** Asks a target what readers ask a store, by the means of its engine. */
export type Questions = (target: Target, query: ShadowQuery, principal: Principal) => Promise<Asked>;

type Found = { readonly total: number; readonly hits: readonly Hit[] };

/** Results that readers see at first. */
const FIRST = 20;

export function openQuestions(
  contract: ProjectedContract,
  store: Store,
  { OPENSEARCH_URL }: { readonly OPENSEARCH_URL?: string | undefined },
): Questions {
  const find = finderOf(contract, store, OPENSEARCH_URL);
  return async (target, query, principal) => {
    const start = performance.now();
    const took = () => performance.now() - start;
    try {
      const found =
        query.key === undefined ? find(target, query, principal) : byKey(store, target, query.key, principal);
      return { ok: true, ...(await found), milliseconds: took() };
    } catch (error) {
      if (!(error instanceof DistributaryError)) throw error;
      return { ok: false, code: error.code, milliseconds: took() };
    }
  };
}

function finderOf(contract: ProjectedContract, store: Store, url: string | undefined) {
  if (contract.engine === 'opensearch' && url !== undefined) {
    const client = openSearchClient(url);
    return (target: Target, query: ShadowQuery, principal: Principal) =>
      inIndex(client, contract, target, query, principal);
  }
  if (contract.engine === 'dynamodb') {
    const client = dynamoClient();
    return (target: Target, query: ShadowQuery, principal: Principal) =>
      query.index === undefined
        ? inScan(store, target, query, principal)
        : inTable(client, contract, target, query, principal);
  }
  return (target: Target, query: ShadowQuery, principal: Principal) => inScan(store, target, query, principal);
}

const hitOf = ({ key, tenant, version }: Stored): Hit => ({ key, tenant, version });
const mayShow = (stored: Stored, principal: Principal): boolean =>
  stored.document !== null && (principal.kind === 'everyone' || principal.tenant === stored.tenant);

async function byKey(store: Store, target: Target, key: Stored['key'], principal: Principal): Promise<Found> {
  const stored = await store.read(target, key);
  const hits = stored && mayShow(stored, principal) ? [hitOf(stored)] : [];
  return { total: hits.length, hits };
}

async function inIndex(
  client: OpenSearch,
  { fields }: ProjectedContract,
  { name }: Target,
  { text, where = {} }: ShadowQuery,
  principal: Principal,
): Promise<Found> {
  const filter = [
    VISIBLE,
    ...(principal.kind === 'tenant' ? [{ term: { [`${META}.tenant`]: principal.tenant } }] : []),
    ...Object.entries(where).map(([field, value]) => ({ term: { [field]: value } })),
  ];
  const texts = Object.keys(fields).filter(field => fields[field]!.type === 'text');
  const must = text === undefined ? [] : [{ multi_match: { query: text, fields: texts, operator: 'and' } }];
  const sort = [...(text === undefined ? [] : ['_score']), { [`${META}.key`]: 'asc' }];
  const body = { size: FIRST, track_total_hits: true, query: { bool: { must, filter } }, sort, _source: [META] };
  const { body: answer } = await askIndex<{
    hits: { total: { value: number }; hits: { _source: Source }[] };
  }>(client, { method: 'POST', path: `/${name}/_search`, query: { allow_partial_search_results: false }, body });
  return {
    total: answer.hits.total.value,
    hits: answer.hits.hits.map(({ _source }) => hitOf(decodeDocument(_source))),
  };
}

/** The first page of an index: what a reader of the table gets in one request. */
async function inTable(
  client: DynamoDBClient,
  { indexes = {} }: ProjectedContract,
  { name }: Target,
  { index = '', where = {} }: ShadowQuery,
  principal: Principal,
): Promise<Found> {
  const keys = indexes[index];
  const value = keys && where[keys.partition];
  if (!keys || value === undefined) {
    throw new DistributaryError('usage', `a query needs the partition of index ${index} in its where`);
  }
  const query = new QueryCommand({
    TableName: name,
    IndexName: index,
    KeyConditionExpression: '#partition = :partition',
    ExpressionAttributeNames: { '#partition': keys.partition },
    ExpressionAttributeValues: { ':partition': toAttribute(value) },
  });
  const { Items = [] } = await onTable(name, () => client.send(query));
  const shown = Items.filter(item => item[ITEM.document] !== undefined)
    .map(fromStoredItem)
    .filter(stored => mayShow(stored, principal));
  return { total: shown.length, hits: shown.slice(0, FIRST).map(hitOf) };
}

/** Where the engine has no queries of its own: everything is looked at. */
async function inScan(store: Store, target: Target, { where = {} }: ShadowQuery, principal: Principal): Promise<Found> {
  const hits: Hit[] = [];
  let total = 0;
  for await (const stored of store.scan(target, {})) {
    const fits = Object.entries(where).every(([field, value]) => isDeepStrictEqual(stored.document?.[field], value));
    if (!fits || !mayShow(stored, principal)) continue;
    total += 1;
    if (hits.length < FIRST) hits.push(hitOf(stored));
  }
  return { total, hits };
}

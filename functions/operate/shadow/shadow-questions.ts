import { type DynamoDBClient, QueryCommand } from '@aws-sdk/client-dynamodb';
import { DistributaryError } from '../../../core/errors.ts';
import { type Answers, type Asked, type Hit, type Question, SIDES, type Side } from '../../../core/shadow.ts';
import type { Store, Target } from '../../../core/store.ts';
import type { ProjectedContract } from '../../../core/store-contract.ts';
import { ITEM } from '../../../core/table-layout.ts';
import { toAttribute } from '../../stores/dynamodb-attributes.ts';
import { dynamoClient, onTable } from '../../stores/dynamodb-client.ts';
import { fromStoredItem } from '../../stores/dynamodb-item.ts';
import { refresh } from '../../stores/opensearch.ts';
import { ask as askIndex, type OpenSearch, openSearchClient } from '../../stores/opensearch-client.ts';
import { decodeDocument, META, type Source, VISIBLE } from '../../stores/opensearch-index.ts';
import { askInOnePass, FIRST, hitOf, mayShow } from './shadow-pass.ts';

/** Asks two targets what readers ask a store, by the means of its engine. */
export type Questions = (
  targets: Readonly<Record<Side, Target>>,
  questions: readonly Question[],
  options: {
    /** What was written a moment ago shall be seen on both sides. */
    readonly isAgain: boolean;
    /** After each question but those of a pass through everything. */
    asked?(): Promise<void>;
  },
) => Promise<readonly Answers[]>;

type Found = { readonly total: number; readonly hits: readonly Hit[] };

/** How an engine answers by itself. */
interface Finder {
  /** Nothing for a question that it has no query for. */
  finds(question: Question): ((target: Target) => Promise<Found>) | undefined;
  settle?(target: Target): Promise<void>;
}

export function openQuestions(
  contract: ProjectedContract,
  store: Store,
  { OPENSEARCH_URL }: { readonly OPENSEARCH_URL?: string | undefined },
): Questions {
  const finder = finderOf(contract, store, OPENSEARCH_URL);
  return async (targets, questions, { isAgain, asked }) => {
    const answers = new Map<Question, Answers>();
    for (const question of questions) {
      const find = finder.finds(question);
      if (!find) continue;
      if (isAgain && finder.settle) await Promise.all(SIDES.map(side => finder.settle?.(targets[side])));
      const [current, candidate] = await Promise.all(SIDES.map(side => timed(() => find(targets[side]))));
      answers.set(question, { current: current!, candidate: candidate! });
      await asked?.();
    }
    const rest = questions.filter(question => !answers.has(question));
    const passed = rest.length > 0 ? await askInOnePass(store, targets, rest) : [];
    for (const [index, question] of rest.entries()) answers.set(question, passed[index]!);
    return questions.map(question => answers.get(question)!);
  };
}

async function timed(find: () => Promise<Found>): Promise<Asked> {
  const start = performance.now();
  const took = () => performance.now() - start;
  try {
    return { ok: true, ...(await find()), milliseconds: took() };
  } catch (error) {
    if (!(error instanceof DistributaryError)) throw error;
    return { ok: false, code: error.code, milliseconds: took() };
  }
}

function finderOf(contract: ProjectedContract, store: Store, url: string | undefined): Finder {
  const byKey = ({ query: { key }, principal }: Question) =>
    key === undefined ? undefined : (target: Target) => inStore(store, target, key, principal);
  if (contract.engine === 'opensearch' && url !== undefined) {
    const client = openSearchClient(url);
    return {
      finds: question => byKey(question) ?? (target => inIndex(client, contract, target, question)),
      settle: target => refresh(client, target),
    };
  }
  if (contract.engine === 'dynamodb') {
    const client = dynamoClient();
    return {
      finds: question =>
        byKey(question) ??
        (question.query.index === undefined ? undefined : target => inTable(client, contract, target, question)),
    };
  }
  return { finds: () => undefined };
}

async function inStore(
  store: Store,
  target: Target,
  key: Hit['key'],
  principal: Question['principal'],
): Promise<Found> {
  const stored = await store.read(target, key);
  const hits = stored && mayShow(stored, principal) ? [hitOf(stored)] : [];
  return { total: hits.length, hits };
}

async function inIndex(
  client: OpenSearch,
  { fields }: ProjectedContract,
  { name }: Target,
  { query: { text, where = {} }, principal }: Question,
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
  { query: { index = '', where = {} }, principal }: Question,
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

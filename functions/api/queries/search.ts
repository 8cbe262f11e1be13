import * as z from 'zod';
import type { JsonObject } from '../../../core/change.ts';
import { DistributaryError } from '../../../core/errors.ts';
import type { Standing } from '../../../core/policy.ts';
import { maskDocument } from '../../../core/policy-mask.ts';
import type { ReadTarget } from '../../reads.ts';
import { ask } from '../../stores/opensearch-client.ts';
import { decodeDocument, type Source, VISIBLE } from '../../stores/opensearch-index.ts';
import type { Caller } from '../canonical.ts';
import type { Position } from '../cursor.ts';
import { type Freshness, freshnessOf, freshnessSchema, stale, waitUntil } from '../freshness.ts';
import { Problem } from '../problem.ts';
import { type Reauthorised, reauthorise } from '../rehydrate.ts';
import { NOTHING, type Route, route, uuid } from '../route.ts';
import { type QueryPorts, standingByCache, targetOf } from './ports.ts';
import { bodyOf, questionOf, type Search, searchSchema } from './search-body.ts';

interface Hit {
  readonly _id: string;
  readonly _source: Source;
  readonly sort: Position;
  readonly highlight?: Readonly<Record<string, readonly string[]>>;
}
interface Found {
  readonly hits: { readonly total: { readonly value: number }; readonly hits: readonly Hit[] };
  readonly aggregations?: Readonly<
    Record<string, { readonly buckets: readonly { key: string | number; key_as_string?: string; doc_count: number }[] }>
  >;
}

const hitSchema = z.object({
  id: uuid,
  tenant: uuid,
  version: z.int().describe('Of the document.'),
  stale: z.boolean().describe('The case has changed since the store saw it.'),
  document: z.record(z.string(), z.json()),
  highlight: z.record(z.string(), z.array(z.string())).optional(),
});

/** Full text, filters, facets and pages over the cases that the caller may see. */
export const searchCases = (ports: QueryPorts): Route =>
  route({
    method: 'POST',
    path: '/search',
    operation: 'search-cases',
    name: 'search-cases',
    summary: 'Search cases: words, filters, facets, pages.',
    params: NOTHING,
    query: NOTHING,
    body: searchSchema,
    answer: z.object({
      total: z.int().describe('As the store counts; rows that were taken away since are not shown.'),
      hits: z.array(hitSchema),
      facets: z.record(z.string(), z.array(z.object({ value: z.string(), count: z.int() }))),
      cursor: z.string().optional(),
      masked: z.array(z.string()),
      dropped: z.int().describe('Rows that the store found and the canonical store refuses you: they are not shown.'),
      freshness: freshnessSchema,
    }),
    status: 200,
    consistency: { kind: 'eventual', store: 'case-search', fallsBack: false },
    async run({ caller, body: search }) {
      const isFresh = search.waitFor === undefined || (await hasCome(ports, caller, search.waitFor));
      if (!isFresh && search.ifStale === 'refuse') throw stale();
      const page = await pageOf(ports, caller, search);
      const freshness = await freshnessOf(ports.control, ports.search.contract.store_name, !isFresh);
      return { status: 200, body: await answerOf(ports, search, page, freshness) };
    },
  });

interface Page {
  readonly standing: Standing;
  readonly found: Found;
  readonly rows: Reauthorised;
}

/** Searches, and asks the canonical store about each row; again if the caller may do something else than was believed. */
async function pageOf(ports: QueryPorts, caller: Caller, search: Search): Promise<Page> {
  for (let again = false; ; again = true) {
    const { standing, token } = await standingByCache(ports, caller, 'search-cases');
    const after = search.cursor && (await ports.cursors.read(standing, questionOf(search), search.cursor));
    const target = await targetOf(ports, ports.search.contract.store_name, useCaseOf(standing), caller.user);
    const found = await find(ports, target, bodyOf(search, ports.search.contract, standing, after || undefined));
    const checked = await ports.canonical.transaction(caller, async session => ({
      token: session.permissionToken,
      rows: await reauthorise(
        session,
        'read-case',
        found.hits.hits.map(({ _id }) => _id),
      ),
    }));
    if (checked.token === token || again) {
      if (checked.rows.mismatches > 0) ports.onMismatch('search-cases', checked.rows.mismatches);
      return { standing, found, rows: checked.rows };
    }
    ports.onPermissions('changed');
    await ports.permissions.forget(caller.user);
  }
}

const useCaseOf = ({ role }: Standing): string =>
  role === 'supervisor' ? 'supervisor_case_filtering' : 'investigator_case_search';

/** Through the alias, which shows no tombstone; a candidate by its name. */
async function find(
  { search: { client, contract } }: QueryPorts,
  read: ReadTarget | undefined,
  body: { readonly query: object },
): Promise<Found> {
  if (!read) throw new Problem('unavailable', 'search is closed', { retryAfter: CLOSED_FOR_SECONDS });
  const query = { allow_partial_search_results: false };
  const asked = read.isCandidate
    ? {
        path: `/${read.target.name}/_search`,
        body: { ...body, query: { bool: { must: body.query, filter: VISIBLE } } },
      }
    : { path: `/${contract.store_name}/_search`, body };
  try {
    return (await ask<Found>(client, { method: 'POST', query, ...asked })).body;
  } catch (cause) {
    // Asked again it would say the same.
    if (cause instanceof DistributaryError && cause.code === 'question-refused') {
      throw new Problem('internal-error', 'search does not understand what it was asked', { cause });
    }
    throw new Problem('unavailable', 'search does not answer', { retryAfter: 2, cause });
  }
}

/** A store that is being retired does not come back; one that is being made takes minutes. */
const CLOSED_FOR_SECONDS = 60;

/** Fields out of which something may have been taken since the document was written. */
const WITHHELD_WHILE_STALE = ['evidence_titles'];

async function answerOf(
  { search: { contract }, cursors }: QueryPorts,
  search: Search,
  { standing, found, rows }: Page,
  freshness: Freshness,
): Promise<object> {
  const hits = found.hits.hits.flatMap(hit => {
    const kase = rows.allowed.get(hit._id);
    if (!kase) return [];
    const { tenant, version, document } = decodeDocument(hit._source);
    const isStale = version < kase.version;
    const { visible } = maskDocument(contract.fields, document ?? {}, standing.role);
    const keep = <T>(values: Readonly<Record<string, T>>): Record<string, T> =>
      Object.fromEntries(Object.entries(values).filter(([name]) => !isStale || !WITHHELD_WHILE_STALE.includes(name)));
    const row = { id: hit._id, tenant, version, stale: isStale, document: keep(visible as JsonObject) };
    return [{ ...row, ...(hit.highlight && { highlight: keep(hit.highlight) }) }];
  });
  const last = found.hits.hits.at(-1);
  const isFull = found.hits.hits.length === search.size;
  return {
    total: found.hits.total.value,
    hits,
    facets: facetsOf(found),
    ...(last && isFull && { cursor: await cursors.write(standing, questionOf(search), last.sort) }),
    masked: maskDocument(contract.fields, {}, standing.role).masked,
    dropped: rows.mismatches,
    freshness,
  };
}

const facetsOf = ({ aggregations = {} }: Found): object =>
  Object.fromEntries(
    Object.entries(aggregations).map(([name, { buckets }]) => [
      name,
      buckets.map(({ key, key_as_string, doc_count }) => ({ value: key_as_string ?? String(key), count: doc_count })),
    ]),
  );

/** Whether the case can be found in the version; nobody waits for a case that it does not see. */
async function hasCome(ports: QueryPorts, caller: Caller, waitFor: string): Promise<boolean> {
  const [version = '', id = ''] = waitFor.split('@');
  const { allowed } = await ports.canonical.transaction(caller, session => reauthorise(session, 'read-case', [id]));
  if (!allowed.has(id)) throw new Problem('not-found', 'there is no such case, or none that you may see');
  const body = { size: 1, query: { ids: { values: [id] } } };
  const { standing } = await standingByCache(ports, caller, 'search-cases');
  const target = await targetOf(ports, ports.search.contract.store_name, useCaseOf(standing), caller.user);
  const seen = await waitUntil(
    async () => (await find(ports, target, body)).hits.hits[0]?._source,
    source => source !== undefined && decodeDocument(source).version >= Number(version),
  );
  return seen !== undefined && decodeDocument(seen).version >= Number(version);
}

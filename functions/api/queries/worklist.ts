import { type AttributeValue, QueryCommand } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import { maskDocument } from '../../../core/policy-mask.ts';
import type { Stored } from '../../../core/store.ts';
import { ITEM } from '../../../core/table-layout.ts';
import { fromStoredItem } from '../../stores/dynamodb-item.ts';
import type { Position } from '../cursor.ts';
import { freshnessOf, freshnessSchema, ifStaleSchema, stale, waitUntil } from '../freshness.ts';
import { Problem } from '../problem.ts';
import { reauthorise } from '../rehydrate.ts';
import { NOTHING, type Route, route, uuid } from '../route.ts';
import { type QueryPorts, standingByCache, targetOf } from './ports.ts';

const INDEX = 'by-investigator';
const MAX_PAGE = 100;
/** What tells one item of the index from all others, in the order of a cursor's position. */
const POSITION = ['investigator_id', 'urgency', ITEM.bucket, ITEM.key] as const;

const querySchema = z.strictObject({
  investigator: uuid.optional().describe('@default you; another one is for supervisors'),
  size: z.coerce.number().int().min(1).max(MAX_PAGE).default(20),
  cursor: z.string().max(2048).optional(),
  waitFor: z
    .string()
    .regex(/^\d{1,16}@[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/, 'is no <version>@<case>')
    .optional(),
  ifStale: ifStaleSchema.describe('canonical is not there for a worklist, and answers as refuse does'),
});

/** An investigator's open cases, the most urgent first. */
export const readWorklist = (ports: QueryPorts): Route =>
  route({
    method: 'GET',
    path: '/worklist',
    operation: 'read-worklist',
    name: 'read-worklist',
    summary: 'The open cases of an investigator, the most urgent first.',
    params: NOTHING,
    query: querySchema,
    answer: z.object({
      cases: z.array(z.object({ id: uuid, tenant: uuid, version: z.int(), case: z.record(z.string(), z.json()) })),
      cursor: z.string().optional(),
      masked: z.array(z.string()),
      freshness: freshnessSchema,
    }),
    status: 200,
    consistency: { kind: 'eventual', store: 'investigator-worklist', fallsBack: false },
    async run({ caller, query: { investigator = caller.user, size, cursor, waitFor, ifStale = 'answer' } }) {
      const { standing } = await standingByCache(ports, caller, 'read-worklist');
      if (investigator !== caller.user && standing.role !== 'supervisor') {
        throw new Problem('forbidden', 'only supervisors read the worklist of others');
      }
      const question = { worklist: investigator, size };
      const after = cursor === undefined ? undefined : await ports.cursors.read(standing, question, cursor);
      const [wanted, key] = waitFor?.split('@') ?? [];
      const page = await waitUntil(
        () => pageOf(ports, caller.user, investigator, size, after),
        ({ items }) => wanted === undefined || items.some(item => item.key === key && item.version >= Number(wanted)),
      );
      const isStale =
        wanted !== undefined && !page.items.some(item => item.key === key && item.version >= Number(wanted));
      if (isStale && ifStale !== 'answer') throw stale();
      const ids = page.items.map(item => item.key);
      const { allowed, mismatches } = await ports.canonical.transaction(caller, session =>
        reauthorise(session, 'read-case', ids),
      );
      if (mismatches > 0) ports.onMismatch('read-worklist', mismatches);
      const { contract } = ports.worklist;
      const cases = page.items
        .filter(item => allowed.has(item.key) && item.document !== null)
        .map(({ key: id, tenant, version, document }) => {
          return { id, tenant, version, case: maskDocument(contract.fields, document!, standing.role).visible };
        });
      const body = {
        cases,
        ...(page.next && { cursor: await ports.cursors.write(standing, question, page.next) }),
        masked: maskDocument(contract.fields, {}, standing.role).masked,
        freshness: await freshnessOf(ports.control, contract.store_name, isStale),
      };
      return { status: 200, body };
    },
  });

interface Page {
  readonly items: readonly Stored[];
  readonly next: Position | undefined;
}

async function pageOf(
  ports: QueryPorts,
  reader: string,
  investigator: string,
  size: number,
  after: Position | undefined,
): Promise<Page> {
  const { client, contract, protection } = ports.worklist;
  try {
    const read = await targetOf(ports, contract.store_name, 'investigator_worklist_view', reader);
    if (!read) return { items: [], next: undefined };
    const { Items = [], LastEvaluatedKey: last } = await client.send(
      new QueryCommand({
        TableName: read.target.name,
        IndexName: INDEX,
        KeyConditionExpression: '#investigator = :investigator',
        ExpressionAttributeNames: { '#investigator': 'investigator_id' },
        ExpressionAttributeValues: { ':investigator': { S: investigator } },
        Limit: size,
        ...(after && { ExclusiveStartKey: keyOf(after) }),
      }),
    );
    const found = Items.map(fromStoredItem);
    const items = protection ? await Promise.all(found.map(item => protection.open(item))) : found;
    return { items, next: last && POSITION.map(name => last[name]?.S ?? '') };
  } catch (cause) {
    throw new Problem('unavailable', 'the worklist does not answer', { retryAfter: 2, cause });
  }
}

const keyOf = (position: Position): Record<string, AttributeValue> =>
  Object.fromEntries(POSITION.map((name, index) => [name, { S: String(position[index]) }]));

import * as z from 'zod';
import type { AggregateContract } from '../../../core/aggregate-contract.ts';
import { columnsSql, rootSql } from '../../../core/capture-state.ts';
import type { JsonObject } from '../../../core/change.ts';
import { maskState } from '../../../core/policy-mask.ts';
import type { Session } from '../canonical.ts';
import { canonicalFreshness, freshnessSchema } from '../freshness.ts';
import { CANONICAL_READ, NOTHING, type Route, route, uuid } from '../route.ts';
import { openToRead, type QueryPorts } from './ports.ts';

/** The state of a case by the aggregate's contract, as the session sees it: row-level security leaves out what it may not. */
export async function readState(session: Session, contract: AggregateContract, id: string): Promise<JsonObject> {
  const { root, current } = contract;
  const [row] = await session.query<{ state: JsonObject }>(
    `select row_to_json(state) as state from (
       select ${columnsSql(current.properties, 8)} from ${rootSql(contract, 6)} where root.${root.key} = $1
     ) state`,
    [id],
  );
  return row!.state;
}

/** The case itself: what is true of it now. */
export const readCase = (ports: QueryPorts): Route =>
  route({
    method: 'GET',
    path: '/cases/{case}',
    operation: 'read-case',
    name: 'read-case',
    summary: 'The case as it is now, without what your role does not see.',
    params: z.strictObject({ case: uuid }),
    query: NOTHING,
    answer: z.object({
      id: uuid,
      tenant: uuid,
      version: z.int(),
      case: z.record(z.string(), z.json()),
      masked: z.array(z.string()).describe('What is kept back from your role.'),
      freshness: freshnessSchema,
    }),
    status: 200,
    consistency: CANONICAL_READ,
    async run({ caller, params: { case: id } }) {
      return ports.canonical.transaction(caller, async session => {
        const { tenant, version } = await openToRead(ports, session, 'read-case', id);
        const state = await readState(session, ports.cases, id);
        const { visible, masked } = maskState(ports.cases.current, state, session.standing.role);
        const body = { id, tenant, version, case: visible, masked, freshness: canonicalFreshness() };
        return { status: 200, body, version };
      });
    },
  });

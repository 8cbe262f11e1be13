import * as z from 'zod';
import type { Group } from '../../../core/aggregate-contract.ts';
import type { Json, JsonObject } from '../../../core/change.ts';
import type { PersonRole } from '../../../core/policy.ts';
import { maskDocument, maskState } from '../../../core/policy-mask.ts';
import type { Stored } from '../../../core/store.ts';
import type { AggregateId } from '../../../core/version.ts';
import caseTimeline from '../../projectors/case-timeline.ts';
import type { Session } from '../canonical.ts';
import {
  canonicalFreshness,
  type Freshness,
  freshnessOf,
  freshnessSchema,
  ifStaleSchema,
  stale,
  waitForSchema,
  waitUntil,
} from '../freshness.ts';
import { Problem } from '../problem.ts';
import { type Route, route, uuid } from '../route.ts';
import { readState } from './case.ts';
import { openToRead, type QueryPorts, targetOf } from './ports.ts';

/** What of an entry is of the projector's own making, and of nobody. */
const OWN: Group['properties'] = {
  kind: { type: 'string', pii: 'none' },
  id: { type: 'string', pii: 'none' },
  decision: { type: 'string', pii: 'none' },
};

/** What happened to a case, from its document; from the canonical store where that has not come far enough. */
export const readTimeline = (ports: QueryPorts): Route =>
  route({
    method: 'GET',
    path: '/cases/{case}/timeline',
    operation: 'read-timeline',
    name: 'read-timeline',
    summary: 'What happened to the case, in order.',
    params: z.strictObject({ case: uuid }),
    query: z.strictObject({ waitFor: waitForSchema, ifStale: ifStaleSchema }),
    answer: z.object({
      id: uuid,
      version: z.int(),
      timeline: z.record(z.string(), z.json()),
      masked: z.array(z.string()),
      freshness: freshnessSchema,
    }),
    status: 200,
    consistency: { kind: 'eventual', store: 'case-timeline', fallsBack: true },
    async run({ caller, params: { case: id }, query: { waitFor = 0, ifStale = 'canonical' } }) {
      // Nobody waits for, or learns anything of, what it may not see.
      if (waitFor > 0)
        await ports.canonical.transaction(caller, session => openToRead(ports, session, 'read-timeline', id));
      const found = await lookUntil(ports, caller.user, id, waitFor);
      const isFresh = found?.document != null && found.version >= waitFor;
      if (!isFresh && ifStale === 'refuse') throw stale();
      return ports.canonical.transaction(caller, async session => {
        // Asked again: what was taken away meanwhile is gone at once, however late the document learns of it.
        const kase = await openToRead(ports, session, 'read-timeline', id);
        const fromStore = found?.document && (isFresh || ifStale === 'answer');
        const document = fromStore ? found.document! : await fromCanonical(ports, session, id, kase.tenant);
        const version = fromStore ? found.version : kase.version;
        const freshness: Freshness = fromStore
          ? await freshnessOf(ports.control, ports.timeline.contract.store_name, !isFresh)
          : canonicalFreshness();
        const { visible, masked } = mask(ports, document, session.standing.role);
        return { status: 200, body: { id, version, timeline: visible, masked, freshness }, version };
      });
    },
  });

async function lookUntil(ports: QueryPorts, reader: string, id: string, version: number): Promise<Stored | undefined> {
  const { store, contract } = ports.timeline;
  try {
    const read = await targetOf(ports, contract.store_name, 'case_timeline_view', reader);
    if (!read) return undefined;
    const look = () => store.read(read.target, id as AggregateId);
    return await waitUntil(look, seen => version === 0 || (seen !== undefined && seen.version >= version));
  } catch (cause) {
    throw new Problem('unavailable', 'the timeline does not answer', { retryAfter: 2, cause });
  }
}

/** By the store's own projector, so that both ways show the same. */
async function fromCanonical({ cases }: QueryPorts, session: Session, id: string, tenant: string): Promise<JsonObject> {
  const state = await readState(session, cases, id);
  const about = { key: id, tenant, fields: () => ({}) };
  return (caseTimeline.project as (state: JsonObject, about: object) => JsonObject)(state, about);
}

/** The entries are masked one by one, by what the case's contract says of their parts. */
function mask({ timeline, cases }: QueryPorts, document: JsonObject, role: PersonRole) {
  const { entries, ...rest } = document;
  const steps = cases.current.properties.timeline?.items as Group;
  const shape: Group = { properties: { ...steps.properties, ...OWN } };
  const { visible, masked } = maskDocument(timeline.contract.fields, rest, role);
  const parts = ((entries ?? []) as readonly Json[]).map(entry => maskState(shape, entry as JsonObject, role));
  const hidden = parts.flatMap(part => part.masked.map(name => `entries.${name}`));
  return {
    visible: { ...visible, entries: parts.map(part => part.visible) },
    masked: [...new Set([...masked.filter(name => name !== 'entries'), ...hidden])],
  };
}

import { type CaseFacts, may, type Operation } from '../../core/policy.ts';
import type { Session } from './canonical.ts';

/** A case as the canonical store has it now: what decides who sees it, and its version as stores and callers know it. */
export interface Rehydrated extends CaseFacts {
  readonly id: string;
  readonly version: number;
}

interface Row {
  readonly id: string;
  readonly tenant_id: string;
  readonly restricted: boolean;
  readonly assigned: string[];
  readonly version: string | number;
}

const REHYDRATE = `
  select id, tenant_id, restricted, version_on_the_wire(version) as version,
      array(select investigator_id::text from assignments where case_id = cases.id and ended_at is null) as assigned
    from cases where id = any ($1::uuid[])`;

/** Those of the cases that row-level security shows to the session. */
export async function rehydrate(session: Session, ids: readonly string[]): Promise<ReadonlyMap<string, Rehydrated>> {
  const rows = await session.query<Row & Record<string, unknown>>(REHYDRATE, [[...new Set(ids)]]);
  return new Map(
    rows.map(({ id, tenant_id, restricted, assigned, version }) => [
      id,
      { id, tenant: tenant_id, restricted, assigned, version: Number(version) },
    ]),
  );
}

export interface Reauthorised {
  /** Those on which the policy and row-level security both allow it. */
  readonly allowed: ReadonlyMap<string, Rehydrated>;
  /**
   * How many the derived store showed that the canonical store does not, or of which policy and row-level security disagree.
   * Each is dropped; the number is `authorization_mismatch_count`.
   */
  readonly mismatches: number;
}

/** Asks the canonical store and the policy again about cases that a derived store named. */
export async function reauthorise(
  session: Session,
  operation: Operation,
  ids: readonly string[],
): Promise<Reauthorised> {
  const asked = new Set(ids);
  if (asked.size === 0) return { allowed: new Map(), mismatches: 0 };
  const seen = await rehydrate(session, ids);
  const allowed = new Map([...seen].filter(([, kase]) => may(session.standing, operation, kase)));
  return { allowed, mismatches: asked.size - allowed.size };
}

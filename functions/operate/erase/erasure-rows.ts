import type { AggregateContract } from '../../../core/aggregate-contract.ts';
import { ERASURE_WATCH_DAYS } from '../../../core/erasure.ts';
import { DistributaryError } from '../../../core/errors.ts';
import type { AggregateId, TenantId, Version } from '../../../core/version.ts';
import type { OperateContext } from '../context.ts';

type Ports = Pick<OperateContext, 'connection'>;

/** Why a case is erased, or is not: see canonical/012-erasure.sql. */
export const VERDICTS = ['erasable', 'gone', 'held', 'retained', 'open', 'unknown', 'departing'] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface PlannedCase {
  readonly id: string;
  readonly tenant: string | null;
  readonly verdict: Verdict;
  /** The holds' ids, the last day of its retention, or its status. */
  readonly detail: string | null;
}

/** One aggregate that is gone, with the version of its deletion. */
export interface ErasedAggregate {
  readonly aggregate: string;
  readonly key: AggregateId;
  readonly tenant: TenantId;
  readonly version: Version;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** In which statuses a case is over, as its contract's retention rule says. Throws `usage` where there is none. */
export function statusesOver({ stores }: Pick<OperateContext, 'stores'>): readonly string[] {
  const contracts: readonly AggregateContract[] = stores.flatMap(({ definition }) => definition.aggregates);
  const rule = contracts.find(({ aggregate }) => aggregate === 'case')?.retention;
  if (rule && 'after' in rule) return rule.over.values;
  const hint = 'add retention to contracts/aggregates/case.yaml';
  throw new DistributaryError('usage', 'the contract of case does not say when its retention is over', { hint });
}

export async function planErasure(
  { connection }: Ports,
  cases: readonly string[],
  over: readonly string[],
): Promise<readonly PlannedCase[]> {
  const text = 'select id, tenant_id, verdict, detail from canonical.erasure_plan($1, $2)';
  const rows = await connection.query<{
    id: string;
    tenant_id: string | null;
    verdict: Verdict;
    detail: string | null;
  }>(text, [cases, over]);
  return rows.map(({ tenant_id: tenant, ...row }) => ({ tenant, ...row }));
}

/** What was deleted with these cases, as the audit log has it. */
export async function erasedWith({ connection }: Ports, cases: readonly string[]): Promise<readonly ErasedAggregate[]> {
  interface Row {
    readonly aggregate: string;
    readonly id: AggregateId;
    readonly tenant_id: TenantId;
    readonly version: string;
    readonly erased_at: Date;
  }
  const rows = await connection.query<Row>('select * from canonical.erased_with($1)', [cases]);
  return rows.map(({ aggregate, id: key, tenant_id: tenant, version, erased_at }) => ({
    aggregate,
    key,
    tenant,
    version: Number(version) as Version,
    at: erased_at.getTime(),
  }));
}

/** Where the content of a case's evidence may lie: what was uploaded stays under the tenant that the case had then. */
export interface EvidencePlace {
  /** `<tenant>/<case>/` */
  readonly prefix: string;
  readonly case: string;
  /** Whether the canonical store ever had it on hold. */
  readonly onceHeld: boolean;
}

/** Of cases that are there and of those that are gone. */
export async function evidencePlaces(
  { connection }: Ports,
  cases: readonly string[],
): Promise<readonly EvidencePlace[]> {
  const text = 'select case_id, tenant_id, once_held from canonical.tenants_of($1)';
  const rows = await connection.query<{ case_id: string; tenant_id: string; once_held: boolean }>(text, [cases]);
  return rows.map(({ case_id, tenant_id, once_held: onceHeld }) => {
    return { prefix: `${tenant_id}/${case_id}/`, case: case_id, onceHeld };
  });
}

export const casesOf = (erased: readonly ErasedAggregate[]): readonly string[] =>
  erased.filter(({ aggregate }) => aggregate === 'case').map(({ key }) => key);

/** Former erasures that are looked at again. */
const MAX_WATCHED = 2000;
const DAY_MS = 86_400_000;

/** What was erased in the last weeks: what tells of it may still come late. */
export async function watchedSince(
  context: Pick<OperateContext, 'connection' | 'clock'>,
): Promise<readonly ErasedAggregate[]> {
  const since = new Date(context.clock.now() - ERASURE_WATCH_DAYS * DAY_MS);
  const text = 'select id from canonical.erased_since($1, $2) id';
  const rows = await context.connection.query<{ id: string }>(text, [since, MAX_WATCHED]);
  return erasedWith(
    context,
    rows.map(({ id }) => id),
  );
}

/** The one number that a function of the canonical store answers with. */
export async function numberOf({ connection }: Ports, call: string, values: readonly unknown[]): Promise<number> {
  const [row] = await connection.query<{ number: string | null }>(`select canonical.${call} as number`, values);
  return Number(row?.number ?? 0);
}

import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { AggregateContract } from '../../../core/aggregate-contract.ts';
import { DistributaryError, type ErrorCode } from '../../../core/errors.ts';
import type { Standing } from '../../../core/policy.ts';
import { may, type Operation, standingOf } from '../../../core/policy.ts';
import type { Store } from '../../../core/store.ts';
import type { ProjectedContract } from '../../../core/store-contract.ts';
import type { Control } from '../../control.ts';
import type { Reads, ReadTarget } from '../../reads.ts';
import type { FieldProtection } from '../../stores/field-protection.ts';
import type { OpenSearch } from '../../stores/opensearch-client.ts';
import type { FactReader } from '../../stores/parquet-newest.ts';
import { type Caller, type Canonical, nobody, type Session } from '../canonical.ts';
import type { Cursors } from '../cursor.ts';
import type { PermissionCache } from '../permission-cache.ts';
import { Problem } from '../problem.ts';
import { type Rehydrated, reauthorise } from '../rehydrate.ts';

/** What queries are answered from. */
export interface QueryPorts {
  readonly canonical: Canonical;
  readonly permissions: PermissionCache;
  readonly control: Control;
  /** Which target a read goes to, and that it was read. */
  readonly reads: Reads;
  readonly cursors: Cursors;
  /** Counts rows that a derived store showed and the canonical store refuses. */
  onMismatch(operation: Operation, count: number): void;
  /** Tells how old the permissions were that a query went by, and of each that had changed since. */
  onPermissions(seen: { readonly ageSeconds: number } | 'changed'): void;
  readonly cases: AggregateContract;
  readonly search: { readonly client: OpenSearch; readonly contract: ProjectedContract };
  readonly timeline: { readonly store: Store; readonly contract: ProjectedContract };
  readonly worklist: {
    readonly client: DynamoDBClient;
    readonly contract: ProjectedContract;
    /** Where fields of it are sealed. */
    readonly protection?: FieldProtection | undefined;
  };
  readonly facts: { readonly reader: FactReader; readonly contract: ProjectedContract };
}

/**
 * The target of a read: the current one, or the candidate of a canary, in which a reader stays. Nothing where the store has
 * none, or is being retired and closed to the use case.
 */
export async function targetOf(
  { reads }: Pick<QueryPorts, 'reads'>,
  store: string,
  useCase: string,
  reader: string,
): Promise<ReadTarget | undefined> {
  try {
    return await reads.targetFor(store, useCase, reader);
  } catch (error) {
    if (error instanceof DistributaryError && CLOSED.includes(error.code)) return undefined;
    throw new Problem('unavailable', 'it cannot be told where to read now', { retryAfter: 2, cause: error });
  }
}
const CLOSED: readonly ErrorCode[] = ['target-missing', 'store-retired'];

/** What the caller is as far as the cache knows, for a query that the canonical store will be asked about again. */
export async function standingByCache(
  { permissions, onPermissions }: Pick<QueryPorts, 'permissions' | 'onPermissions'>,
  { user, actingFor }: Caller,
  operation: Operation,
): Promise<{ readonly standing: Standing; readonly token: string }> {
  const { memberships, token, madeAt } = await permissions.permissionsOf(user);
  onPermissions({ ageSeconds: Math.max(0, (Date.now() - madeAt) / 1000) });
  const standing = standingOf(user, memberships, Date.now(), actingFor);
  if (!standing) throw nobody(actingFor, memberships);
  if (!may(standing, operation)) throw new Problem('forbidden', 'your role may not do this');
  return { standing, token };
}

/** The one case that a request names, as it is now; who may not see it learns nothing of it. A restricted one is logged. */
export async function openToRead(
  { onMismatch }: Pick<QueryPorts, 'onMismatch'>,
  session: Session,
  operation: Operation,
  id: string,
): Promise<Rehydrated> {
  const { allowed } = await reauthorise(session, operation, [id]);
  const kase = allowed.get(id);
  if (!kase) throw new Problem('not-found', 'there is no such case, or none that you may see');
  if (!may(session.standing, operation, kase)) onMismatch(operation, 1);
  if (kase.restricted) {
    await session.query('insert into reading_log (tenant_id, case_id, operation, version) values ($1, $2, $3, $4)', [
      kase.tenant,
      id,
      operation,
      kase.version,
    ]);
  }
  return kase;
}

import pg from 'pg';
import { type Membership, type Standing, standingOf } from '../../core/policy.ts';
import { Problem } from './problem.ts';
import { refusalOf } from './refusal.ts';

/** Who wants something, by its token, and for which company. */
export interface Caller {
  readonly user: string;
  /** Tenant that it acts for, where it may act for several. */
  readonly actingFor?: string | undefined;
  /** Of the request; goes with the changes that it makes. */
  readonly traceparent?: string | undefined;
}

type Row = pg.QueryResultRow;

/** A transaction of the canonical store in the name of somebody: it sees and does what that person may. */
export interface Session {
  readonly standing: Standing;
  /** Of the standing: changes with each change of the person's memberships and their tenants. */
  readonly permissionToken: string;
  query<R extends Row>(text: string, values?: readonly unknown[]): Promise<readonly R[]>;
}

/** A function instance has one request in hand. */
const MAX_CONNECTIONS = 2;
const IDLE_MS = 60_000;
/** What waits longer for a case is told to come again. */
const LOCK_TIMEOUT = '3s';
const STATEMENT_TIMEOUT = '10s';

/** The canonical store, as role `distributary_app` for commands, and as `distributary_query` for queries. */
export class Canonical {
  readonly #pool: pg.Pool;

  constructor(config: pg.PoolConfig) {
    this.#pool = new pg.Pool({ max: MAX_CONNECTIONS, idleTimeoutMillis: IDLE_MS, ...config });
    // A connection that breaks while it idles is replaced by the next request.
    this.#pool.on('error', () => {});
  }

  /** One transaction. Throws a `Problem`: what was refused, by whom is no matter of the caller's. */
  async transaction<T>(caller: Caller, work: (session: Session) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect().catch(error => {
      throw refusalOf(error);
    });
    let broken: Error | undefined;
    try {
      await client.query(
        `begin; set local lock_timeout = '${LOCK_TIMEOUT}'; set local statement_timeout = '${STATEMENT_TIMEOUT}';
         set local search_path = canonical`,
      );
      const result = await work(await open(client, caller));
      await client.query('commit');
      return result;
    } catch (error) {
      await client.query('rollback').catch(cause => {
        broken = cause;
      });
      throw refusalOf(error);
    } finally {
      client.release(broken);
    }
  }

  /** Of a person, outside of any transaction. */
  async permissionsOf(user: string): Promise<Permissions> {
    const query: Session['query'] = async (text, values = []) => (await this.#pool.query(text, [...values])).rows;
    return readMemberships(query, user).catch(error => {
      throw refusalOf(error);
    });
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}

async function open(client: pg.PoolClient, { user, actingFor, traceparent }: Caller): Promise<Session> {
  const query = async <R extends Row>(text: string, values: readonly unknown[] = []): Promise<readonly R[]> =>
    (await client.query<R>(text, [...values])).rows;
  const { memberships, token, now } = await readMemberships(query, user);
  const standing = standingOf(user, memberships, now, actingFor);
  if (!standing) throw nobody(actingFor, memberships);
  await query(`select act_as($1, $2), set_config('distributary.traceparent', $3, true)`, [
    user,
    standing.tenant ?? null,
    traceparent ?? '',
  ]);
  return { standing, permissionToken: token, query };
}

export interface Permissions {
  readonly memberships: readonly Membership[];
  readonly token: string;
  /** By the canonical store's clock, which decides of what is valid. */
  readonly now: number;
}

interface MembershipRow extends Row {
  readonly tenant_id: string;
  readonly tenant_kind: Membership['kind'];
  readonly role: Membership['role'];
  readonly valid_from: Date;
  readonly valid_to: Date | null;
  readonly suspended: boolean;
  readonly token: string | number;
  readonly now: Date;
}

async function readMemberships(query: Session['query'], user: string): Promise<Permissions> {
  const rows = await query<MembershipRow>('select *, now() as now from canonical.memberships_of($1)', [user]);
  return {
    memberships: rows.map(({ tenant_id, tenant_kind, role, valid_from, valid_to, suspended }) => ({
      tenant: tenant_id,
      kind: tenant_kind,
      role,
      validFrom: valid_from.getTime(),
      validTo: valid_to?.getTime() ?? null,
      suspended,
    })),
    token: rows.map(({ tenant_id, valid_from, token }) => `${tenant_id}@${valid_from.getTime()}:${token}`).join(),
    now: rows[0]?.now.getTime() ?? 0,
  };
}

export function nobody(actingFor: string | undefined, memberships: readonly Membership[]): Problem {
  if (actingFor === undefined && memberships.length > 1) {
    return new Problem('forbidden', 'you are of several companies: say for which you act, in the header acting-for');
  }
  return new Problem('forbidden', 'you have no valid membership here');
}

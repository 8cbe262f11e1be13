import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { DistributaryError } from '../../core/errors.ts';
import type { PersonRole } from '../../core/policy.ts';
import type { Endpoints } from '../../local/endpoints.ts';
import { ISSUER_FILE, signToken } from '../../local/issuer.ts';

/** Whom a token is for: somebody of the role, who is admitted when there is none yet, or a person that is there. */
export interface TokenFor {
  readonly role: PersonRole;
  /** Of a company user. @default the first by name */
  readonly company?: string | undefined;
  readonly user?: string | undefined;
  /** @default an hour */
  readonly life?: string | undefined;
}

/** An access token for the API of a running local mode. Throws `not-running` where there is no issuer. */
export async function localToken(
  { issuer, postgres }: Endpoints,
  dataDir: string,
  { role, company, user, life }: TokenFor,
): Promise<{ readonly token: string; readonly user: string }> {
  const file = join(dataDir, ISSUER_FILE);
  if (issuer === undefined || !existsSync(file)) {
    throw new DistributaryError('not-running', `the local mode on ${dataDir} has no issuer of tokens`);
  }
  const person = user ?? (await admitted(postgres.url, role, company));
  return { token: await signToken(readFileSync(file, 'utf8'), issuer, person, life), user: person };
}

/** The person of that role whom this command admitted before, or a new one. As the owner: it admits supervisors too. */
async function admitted(url: string, role: PersonRole, company: string | undefined): Promise<string> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(
      "begin; set local search_path = canonical; select pg_advisory_xact_lock(hashtext('distributary token'))",
    );
    const tenant = await tenantFor(client, role, company);
    const { rows } = await client.query<{ id: string }>(ADMIT, [
      `${role} of ${tenant.name}`,
      tenant.id,
      tenant.kind,
      role,
    ]);
    await client.query('commit');
    return rows[0]!.id;
  } finally {
    await client.end();
  }
}

async function tenantFor(client: pg.Client, role: PersonRole, company: string | undefined) {
  const { rows } = await client.query<{ id: string; kind: string; name: string }>(
    role === 'company-user'
      ? `select id, kind, name from tenants where kind = 'company' and ($1::text is null or name = $1) order by name limit 1`
      : `select id, kind, name from tenants where kind = 'bureau' and ($1::text is null or true)`,
    [company ?? null],
  );
  if (rows[0]) return rows[0];
  const what = role === 'company-user' ? `no company ${company ?? ''}`.trimEnd() : 'no bureau';
  throw new DistributaryError('usage', `there is ${what} in the canonical store`, {
    hint: 'import complaints first: they bring the bureau and its companies',
  });
}

/** One person to a role and tenant, by the name that this command gives. */
const ADMIT = `
  with known as (
    select users.id from users join memberships on memberships.user_id = users.id
      where display_name = $1 and tenant_id = $2 and role = $4 and (valid_to is null or valid_to > now()) limit 1
  ), person as (
    insert into users (display_name) select $1 where not exists (select from known) returning id
  ), member as (
    insert into memberships (tenant_id, tenant_kind, user_id, role) select $2, $3, id, $4 from person
  )
  select id from known union all select id from person`;

import pg from 'pg';
import { onCanonical } from './on-canonical.ts';

const BUREAU = 'Consumer Financial Protection Bureau';
const OFFICER = { name: 'Intake', email: 'intake@bureau.example' };

/**
 * The user in whose name complaints are imported: a supervisor of the bureau. The bureau, the user and the membership are
 * made when they are missing. `owner` connects as one who may do that: nobody can admit the first member but the owner.
 */
export async function intakeOfficer(owner: pg.ClientConfig): Promise<string> {
  const client = new pg.Client(owner);
  await onCanonical(() => client.connect());
  try {
    return await onCanonical(() => appoint(client));
  } finally {
    await client.end();
  }
}

async function appoint(client: pg.Client): Promise<string> {
  await client.query('begin');
  await client.query(
    "set local search_path = canonical; select pg_advisory_xact_lock(hashtext('distributary import'))",
  );
  await client.query(ADMIT_BUREAU, [BUREAU]);
  await client.query(ADMIT_OFFICER, [OFFICER.name, OFFICER.email]);
  await client.query(APPOINT, [OFFICER.email]);
  const { rows } = await client.query<{ id: string }>('select id from users where email = $1', [OFFICER.email]);
  await client.query('commit');
  return rows[0]!.id;
}

const ADMIT_BUREAU = `insert into tenants (name, kind) values ($1, 'bureau') on conflict do nothing`;
const ADMIT_OFFICER = 'insert into users (display_name, email) values ($1, $2) on conflict (email) do nothing';
const APPOINT = `
  insert into memberships (tenant_id, tenant_kind, user_id, role)
    select tenants.id, 'bureau', users.id, 'supervisor' from tenants, users
      where tenants.kind = 'bureau' and users.email = $1
        and not exists (select from memberships where user_id = users.id and tenant_id = tenants.id)`;

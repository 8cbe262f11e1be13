import type { ClientBase } from 'pg';

/** What a deed must know of a case to be legal; kept up to date by the deeds themselves. */
export interface CaseNow {
  readonly id: string;
  readonly tenant: string;
  status: string;
  restricted: boolean;
  /** The active primary investigator's assignment. */
  assignment: string | null;
  /** Open ones. */
  readonly tasks: string[];
  /** Active ones. */
  readonly holds: string[];
}

/** A company, as a party to the cases about it. */
export interface PartyNow {
  readonly id: string;
  readonly tenant: string;
  name: string;
}

/** Everything that deeds are done to. */
export interface Caseload {
  readonly cases: CaseNow[];
  readonly parties: readonly PartyNow[];
  readonly investigators: readonly string[];
}

/** In the order of references and names, so that a seed meets the same cases in every import of a file. */
export async function readCaseload(client: ClientBase): Promise<Caseload> {
  await admitInvestigators(client);
  const cases = await client.query<CaseNow>(READ_CASES);
  const parties = await client.query<PartyNow>(
    "select id, tenant_id as tenant, name from parties where kind = 'company' order by name, id",
  );
  const investigators = await client.query<{ id: string }>(
    'select id from users where email = any ($1) order by email',
    [INVESTIGATORS.map(emailOf)],
  );
  return { cases: cases.rows, parties: parties.rows, investigators: investigators.rows.map(({ id }) => id) };
}

const READ_CASES = `
  select id, tenant_id as tenant, status, restricted,
    (select id from assignments where case_id = cases.id and role = 'primary' and ended_at is null) as assignment,
    array(select id from tasks where case_id = cases.id and done_at is null order by created_at, id) as tasks,
    array(select id from legal_holds where case_id = cases.id and released_at is null order by placed_at, id) as holds
  from cases order by reference, id`;

const INVESTIGATORS = ['Ada Okafor', 'Ben Lindqvist', 'Carmen Ruiz', 'Dev Banerjee', 'Edith Novak', 'Farid Haddad'];
const emailOf = (name: string): string => `${name.toLowerCase().replace(' ', '.')}@bureau.example`;

async function admitInvestigators(client: ClientBase): Promise<void> {
  for (const name of INVESTIGATORS) {
    const admitted = await client.query<{ id: string }>(
      'insert into users (display_name, email) values ($1, $2) on conflict (email) do nothing returning id',
      [name, emailOf(name)],
    );
    for (const { id } of admitted.rows) {
      await client.query(
        `insert into memberships (tenant_id, tenant_kind, user_id, role)
          select id, kind, $1, 'investigator' from tenants where kind = 'bureau'`,
        [id],
      );
    }
  }
}

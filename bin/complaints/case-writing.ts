import { randomUUID } from 'node:crypto';
import type { ClientBase } from 'pg';
import type { Complaint } from './complaint.ts';

/**
 * Takes complaints into the canonical store, in the caller's transaction and as its actor, who must be a supervisor of
 * the bureau. Those whose reference is there already are left alone. Returns how many were taken.
 */
export async function writeCases(client: ClientBase, complaints: readonly Complaint[]): Promise<number> {
  // Two imports at once would both find a company missing.
  await client.query("select pg_advisory_xact_lock(hashtext('distributary import'))");
  const missing = await withoutPresent(client, complaints);
  if (missing.length === 0) return 0;
  const companies = await findCompanies(client, [...new Set(missing.map(({ company }) => company))]);
  const cases = missing.map(complaint => ({ ...complaint, ...companies.get(complaint.company)!, id: randomUUID() }));
  const json = JSON.stringify(cases);
  for (const statement of [INSERT_CASES, LINK_RESPONDENTS, REFER, ANSWER]) await client.query(statement, [json]);
  return missing.length;
}

async function withoutPresent(client: ClientBase, complaints: readonly Complaint[]): Promise<readonly Complaint[]> {
  const byReference = new Map(complaints.map(complaint => [complaint.reference, complaint]));
  const { rows } = await client.query<{ reference: string }>('select reference from cases where reference = any ($1)', [
    [...byReference.keys()],
  ]);
  for (const { reference } of rows) byReference.delete(reference);
  return [...byReference.values()];
}

interface Company {
  readonly tenant_id: string;
  readonly party_id: string;
}

/** A company is a tenant, and the first party of that tenant: that one may have taken another name since. */
async function findCompanies(client: ClientBase, names: readonly string[]): Promise<ReadonlyMap<string, Company>> {
  await client.query(ADMIT_COMPANIES, [names]);
  await client.query(NAME_PARTIES, [names]);
  const { rows } = await client.query<Company & { name: string }>(FIND_COMPANIES, [names]);
  return new Map(rows.map(({ name, tenant_id, party_id }) => [name, { tenant_id, party_id }]));
}

const ADMIT_COMPANIES = `
  insert into tenants (name, kind)
    select name, 'company' from unnest($1::text[]) name
      where not exists (select from tenants tenant where tenant.name = name.name and tenant.kind = 'company')`;

const NAME_PARTIES = `
  insert into parties (tenant_id, kind, name)
    select tenant.id, 'company', tenant.name from tenants tenant
      where tenant.name = any ($1) and tenant.kind = 'company'
        and not exists (select from parties party where party.tenant_id = tenant.id and party.kind = 'company')`;

const FIND_COMPANIES = `
  select distinct on (tenant.name) tenant.name, tenant.id as tenant_id, party.id as party_id
    from tenants tenant join parties party on party.tenant_id = tenant.id and party.kind = 'company'
    where tenant.name = any ($1) and tenant.kind = 'company'
    order by tenant.name, tenant.created_at, party.created_at, party.id`;

/** Columns of `cases` that a complaint fills, with their types. */
const ATTRIBUTES = {
  reference: 'text',
  title: 'text',
  product: 'text',
  sub_product: 'text',
  issue: 'text',
  sub_issue: 'text',
  narrative: 'text',
  tags: 'text[]',
  us_state: 'text',
  zip: 'text',
  consent: 'text',
  submitted_via: 'text',
  company_response: 'text',
  company_public_response: 'text',
  timely: 'boolean',
  disputed: 'boolean',
  received_on: 'date',
  sent_on: 'date',
} as const satisfies Partial<Record<keyof Complaint, string>>;

const columns = Object.keys(ATTRIBUTES).join(', ');
const typed = Object.entries(ATTRIBUTES).map(([name, type]) => `${name} ${type}`);

/**
 * The file has days only. Steps of one day keep their order by a second each; a step at the same time as the one before
 * would be dated now.
 */
const INSERT_CASES = `
  insert into cases (id, tenant_id, ${columns}, status, status_since)
    select id, tenant_id, ${columns}, 'received', received_on::timestamp at time zone 'utc'
      from json_to_recordset($1) as complaint (id uuid, tenant_id uuid, ${typed.join(', ')})`;

const LINK_RESPONDENTS = `
  insert into case_parties (tenant_id, case_id, party_id, role)
    select tenant_id, id, party_id, 'respondent'
      from json_to_recordset($1) as complaint (id uuid, tenant_id uuid, party_id uuid)`;

const REFER = `
  update cases set status = 'referred', status_since = complaint.sent_on::timestamp at time zone 'utc' + interval '1 second'
    from json_to_recordset($1) as complaint (id uuid, sent_on date)
    where cases.id = complaint.id`;

/** The file does not say when: the step is dated now, and says so. */
const ANSWER = `
  update cases set status = answer ->> 'status', outcome = answer ->> 'outcome',
      status_reason = complaint.company_response || ', on a day that the bureau does not publish'
    from json_to_recordset($1) as complaint (id uuid, company_response text, answer json)
    where cases.id = complaint.id and answer ->> 'status' is not null`;

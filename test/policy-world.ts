import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { type CaseFacts, type Membership, PERSON_ROLES, type PersonRole } from '../core/policy.ts';
import type { Canonical } from './canonical-fixture.ts';

/** People, companies and cases to hold the four enforcements of the policy against each other. */

type When = 'now' | 'over' | 'to-come';

interface PersonSpec {
  readonly bureau: { readonly role: Exclude<PersonRole, 'company-user'>; readonly when: When } | null;
  /** By company. */
  readonly companies: readonly (When | null)[];
}
interface CaseSpec {
  readonly company: number;
  readonly restricted: boolean;
  readonly evidence: boolean;
  readonly assigned: readonly { readonly person: number; readonly primary: boolean; readonly ended: boolean }[];
}
export interface WorldSpec {
  readonly suspended: readonly boolean[];
  readonly people: readonly PersonSpec[];
  readonly cases: readonly CaseSpec[];
}

const COMPANIES = 2;
const PEOPLE = 4;
const CASES = 4;

const when = fc.constantFrom<When>('now', 'now', 'now', 'over', 'to-come');
const bureauRoles = PERSON_ROLES.filter(role => role !== 'company-user') as Exclude<PersonRole, 'company-user'>[];
const person: fc.Arbitrary<PersonSpec> = fc.record({
  bureau: fc.option(fc.record({ role: fc.constantFrom(...bureauRoles), when }), { freq: 2 }),
  companies: fc.array(fc.option(when), { minLength: COMPANIES, maxLength: COMPANIES }),
});
const assignment = fc.record({
  person: fc.nat({ max: PEOPLE - 1 }),
  primary: fc.boolean(),
  ended: fc.boolean(),
});
const kase: fc.Arbitrary<CaseSpec> = fc.record({
  company: fc.nat({ max: COMPANIES - 1 }),
  restricted: fc.boolean(),
  evidence: fc.boolean(),
  assigned: fc.array(assignment, { maxLength: 3 }),
});
export const worlds: fc.Arbitrary<WorldSpec> = fc.record({
  suspended: fc.array(fc.boolean(), { minLength: COMPANIES, maxLength: COMPANIES }),
  people: fc.array(person, { minLength: PEOPLE, maxLength: PEOPLE }),
  cases: fc.array(kase, { minLength: CASES, maxLength: CASES }),
});

export interface WorldCase extends CaseFacts {
  readonly id: string;
  /** A task that is open. */
  readonly task: string;
  /** A hold that is active. */
  readonly hold: string;
}
export interface World {
  readonly bureau: string;
  readonly companies: readonly string[];
  readonly people: readonly { readonly id: string; readonly memberships: readonly Membership[] }[];
  readonly cases: readonly WorldCase[];
  /** Somebody to be given a membership, and a membership to be revoked. */
  readonly newcomer: string;
  readonly membership: string;
}

const DAY_MS = 86_400_000;

function period(at: When): { validFrom: number; validTo: number | null } {
  const now = Date.now();
  if (at === 'over') return { validFrom: now - 2 * DAY_MS, validTo: now - DAY_MS };
  if (at === 'to-come') return { validFrom: now + DAY_MS, validTo: null };
  return { validFrom: now - DAY_MS, validTo: null };
}

/** Puts a world into the database, as the superuser. The bureau is the one that is there. */
export async function build({ sql }: Canonical, bureau: string, spec: WorldSpec): Promise<World> {
  const companies = spec.suspended.map(() => randomUUID());
  for (const [index, id] of companies.entries()) {
    const suspended = spec.suspended[index]!;
    await sql(`insert into tenants (id, name, kind, suspended) values ($1, $2, 'company', $3)`, [id, id, suspended]);
  }
  const admit = async (memberships: readonly Membership[]): Promise<string> => {
    const id = randomUUID();
    await sql(`insert into users (id, display_name) values ($1, 'Somebody')`, [id]);
    for (const { tenant, kind, role, validFrom, validTo } of memberships) {
      await sql(
        `insert into memberships (tenant_id, tenant_kind, user_id, role, valid_from, valid_to)
          values ($1, $2, $3, $4, $5, $6)`,
        [tenant, kind, id, role, new Date(validFrom), validTo === null ? null : new Date(validTo)],
      );
    }
    return id;
  };
  const people = [];
  for (const one of spec.people) {
    const memberships = membershipsOf(one, bureau, companies, spec.suspended);
    people.push({ id: await admit(memberships), memberships });
  }
  const cases = [];
  for (const one of spec.cases) cases.push(await addCase(sql, one, companies[one.company]!, people));
  const revoked = await admit(
    membershipsOf({ bureau: { role: 'analyst', when: 'now' }, companies: [] }, bureau, [], []),
  );
  const [{ id: membership }] = (await sql<{ id: string }>('select id from memberships where user_id = $1', [
    revoked,
  ])) as [{ id: string }];
  return { bureau, companies, people, cases, newcomer: await admit([]), membership };
}

function membershipsOf(
  { bureau: inBureau, companies: inCompanies }: PersonSpec,
  bureau: string,
  companies: readonly string[],
  suspended: readonly boolean[],
): Membership[] {
  const own: Membership[] = inBureau
    ? [{ tenant: bureau, kind: 'bureau', role: inBureau.role, suspended: false, ...period(inBureau.when) }]
    : [];
  const others = inCompanies.flatMap((at, index): Membership[] =>
    at === null
      ? []
      : [
          {
            tenant: companies[index]!,
            kind: 'company',
            role: 'company-user',
            suspended: suspended[index]!,
            ...period(at),
          },
        ],
  );
  return [...own, ...others];
}

async function addCase(
  sql: Canonical['sql'],
  { restricted, assigned, evidence }: CaseSpec,
  tenant: string,
  people: World['people'],
): Promise<WorldCase> {
  const [id, task, hold] = [randomUUID(), randomUUID(), randomUUID()];
  await sql(
    `insert into cases (id, tenant_id, title, product, issue, status, restricted, narrative, tags, zip)
      values ($1, $2, 'A fee', 'Credit card', 'Fees', 'received', $3, 'Their own words', '{Older American}', '10001')`,
    [id, tenant, restricted],
  );
  await sql(`insert into tasks (id, tenant_id, case_id, title) values ($1, $2, $3, 'Call')`, [task, tenant, id]);
  await sql(`insert into legal_holds (id, tenant_id, case_id, reason) values ($1, $2, $3, 'Litigation')`, [
    hold,
    tenant,
    id,
  ]);
  await sql(
    `insert into evidence (tenant_id, case_id, sha256, media_type, size_bytes, title, restricted)
      values ($1, $2, sha256('x'), 'text/plain', 1, 'A letter', $3)`,
    [tenant, id, evidence],
  );
  const active: string[] = [];
  let hasPrimary = false;
  for (const { person: index, primary, ended } of assigned) {
    const isPrimary: boolean = primary && !hasPrimary;
    const user = people[index]!.id;
    await sql(
      `insert into assignments (tenant_id, case_id, investigator_id, role, assigned_at, ended_at)
        values ($1, $2, $3, $4, now() - interval '1 day', $5)`,
      [tenant, id, user, isPrimary ? 'primary' : 'support', ended ? new Date() : null],
    );
    if (ended) continue;
    active.push(user);
    hasPrimary ||= isPrimary;
  }
  return { id, tenant, restricted, assigned: [...new Set(active)], task, hold };
}

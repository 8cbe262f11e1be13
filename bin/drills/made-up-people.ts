import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { type CaseFacts, type Membership, type Standing, standingOf } from '../../core/policy.ts';

/** Somebody who asks, and for which company; as what, the policy says. */
export interface Actor {
  /** For a report. */
  readonly name: string;
  readonly user: string;
  readonly actingFor?: string | undefined;
  readonly standing: Standing | undefined;
}

export interface DrillCase extends CaseFacts {
  readonly id: string;
  readonly name: string;
  /** Whose worklist it is on. */
  readonly investigator?: string | undefined;
}

export interface DrillWorld {
  readonly actors: readonly Actor[];
  readonly cases: readonly DrillCase[];
  readonly supervisor: Actor;
  /** Sees the first case until it is restricted. */
  readonly clerk: Actor;
  readonly investigator: Actor;
  readonly companies: readonly string[];
  /** Product of all cases: what reports and searches tell them by. */
  readonly product: string;
  /** In the narrative of each, which not everybody sees. */
  readonly narrative: string;
}

const DAY_MS = 86_400_000;
type When = 'now' | 'over' | 'to come';
type Place = Pick<Membership, 'tenant' | 'kind' | 'suspended'>;

const during = (when: When): Pick<Membership, 'validFrom' | 'validTo'> => {
  const now = Date.now();
  if (when === 'over') return { validFrom: now - 2 * DAY_MS, validTo: now - DAY_MS };
  return { validFrom: when === 'now' ? now - DAY_MS : now + DAY_MS, validTo: null };
};
const as = (role: Membership['role'], place: Place, when: When = 'now'): Membership => ({
  role,
  ...place,
  ...during(when),
});

/** Puts people of every kind and cases of every kind into the canonical store, as its superuser. */
export async function makeUpPeople(db: pg.Client): Promise<DrillWorld> {
  const mark = randomUUID().slice(0, 8);
  const product = `Drill ${mark}`;
  const narrative = `Larkspur-${mark}`;
  const bureau: Place = { tenant: await bureauOf(db), kind: 'bureau', suspended: false };
  const acme = await addCompany(db, `Acme ${product}`, false);
  const other = await addCompany(db, `Other ${product}`, false);
  const shut = await addCompany(db, `Suspended ${product}`, true);
  const people = await admit(db, product, peopleOf(bureau, acme, other, shut));
  const companies = [acme, other, shut].map(({ tenant }) => tenant);
  const actors = people.flatMap(({ name, user, memberships }): Actor[] => {
    const isOfCompany = memberships.some(({ kind }) => kind === 'company');
    return [undefined, ...(isOfCompany ? companies : companies.slice(0, 1))].map(actingFor => ({
      name: actingFor === undefined ? name : `${name} acting for company ${companies.indexOf(actingFor) + 1}`,
      user,
      actingFor,
      standing: standingOf(user, memberships, Date.now(), actingFor),
    }));
  });
  const named = (name: string): Actor => actors.find(actor => actor.name === name)!;
  const investigator = named('investigator');
  const cases: DrillCase[] = [];
  for (const one of casesOf(acme.tenant, other.tenant, shut.tenant, investigator.user)) {
    cases.push(await addCase(db, { ...one, id: randomUUID() }, product, narrative));
  }
  const [supervisor, clerk] = [named('supervisor'), named('clerk')];
  return { actors, cases, supervisor, clerk, investigator, companies, product, narrative };
}

const peopleOf = (bureau: Place, acme: Place, other: Place, shut: Place): Readonly<Record<string, Membership[]>> => ({
  investigator: [as('investigator', bureau)],
  'another investigator': [as('investigator', bureau)],
  'former investigator': [as('investigator', bureau, 'over')],
  supervisor: [as('supervisor', bureau)],
  'supervisor to come': [as('supervisor', bureau, 'to come')],
  analyst: [as('analyst', bureau)],
  'former analyst, now a clerk': [as('analyst', bureau, 'over'), as('company-user', acme)],
  clerk: [as('company-user', acme)],
  'former clerk': [as('company-user', acme, 'over')],
  'clerk of two': [as('company-user', acme), as('company-user', other)],
  'clerk of the suspended': [as('company-user', shut)],
  stranger: [],
});

type CaseSpec = Omit<DrillCase, 'id'>;
const casesOf = (acme: string, other: string, shut: string, user: string): readonly CaseSpec[] => [
  { name: 'open', tenant: acme, restricted: false, assigned: [user], investigator: user },
  { name: 'open, nobody’s', tenant: acme, restricted: false, assigned: [] },
  { name: 'restricted', tenant: acme, restricted: true, assigned: [user], investigator: user },
  { name: 'restricted, in support', tenant: acme, restricted: true, assigned: [user] },
  { name: 'restricted, nobody’s', tenant: acme, restricted: true, assigned: [] },
  { name: 'open, of another', tenant: other, restricted: false, assigned: [] },
  { name: 'restricted, of another', tenant: other, restricted: true, assigned: [] },
  { name: 'open, of the suspended', tenant: shut, restricted: false, assigned: [] },
];

async function bureauOf(db: pg.Client): Promise<string> {
  const { rows } = await db.query<{ id: string }>(`select id from canonical.tenants where kind = 'bureau'`);
  if (rows[0]) return rows[0].id;
  const made = await db.query<{ id: string }>(
    `insert into canonical.tenants (name, kind) values ('Bureau', 'bureau') returning id`,
  );
  return made.rows[0]!.id;
}

async function addCompany(db: pg.Client, name: string, suspended: boolean): Promise<Place> {
  const { rows } = await db.query<{ id: string }>(
    `insert into canonical.tenants (name, kind, suspended) values ($1, 'company', $2) returning id`,
    [name, suspended],
  );
  return { tenant: rows[0]!.id, kind: 'company', suspended };
}

async function admit(db: pg.Client, product: string, people: Readonly<Record<string, readonly Membership[]>>) {
  const admitted = [];
  for (const [name, memberships] of Object.entries(people)) {
    const user = randomUUID();
    await db.query('insert into canonical.users (id, display_name) values ($1, $2)', [user, `${product}: ${name}`]);
    for (const { tenant, kind, role, validFrom, validTo } of memberships) {
      await db.query(
        `insert into canonical.memberships (tenant_id, tenant_kind, user_id, role, valid_from, valid_to)
          values ($1, $2, $3, $4, $5, $6)`,
        [tenant, kind, user, role, new Date(validFrom), validTo === null ? null : new Date(validTo)],
      );
    }
    admitted.push({ name, user, memberships });
  }
  return admitted;
}

async function addCase(db: pg.Client, kase: DrillCase, product: string, narrative: string): Promise<DrillCase> {
  await db.query(
    `insert into canonical.cases (id, tenant_id, title, product, issue, status, restricted, narrative)
      values ($1, $2, 'A fee', $3, 'Fees', 'received', $4, $5)`,
    [kase.id, kase.tenant, product, kase.restricted, `Nobody told them of the ${narrative} fee.`],
  );
  for (const user of kase.assigned) {
    await db.query(
      'insert into canonical.assignments (tenant_id, case_id, investigator_id, role) values ($1, $2, $3, $4)',
      [kase.tenant, kase.id, user, user === kase.investigator ? 'primary' : 'support'],
    );
  }
  return kase;
}

/** Takes away again what the drill made; people stay in the audit log, without a membership. */
export async function sendHome(db: pg.Client, { companies, product }: DrillWorld): Promise<void> {
  await db.query('delete from canonical.cases where tenant_id = any ($1)', [companies]);
  await db.query(
    `update canonical.memberships set valid_to = greatest(now(), valid_from + interval '1 microsecond')
      where user_id in (select id from canonical.users where starts_with(display_name, $1))
        and (valid_to is null or valid_to > now())`,
    [`${product}: `],
  );
  await db.query('update canonical.tenants set suspended = true where id = any ($1) and not suspended', [companies]);
}

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import {
  addCase,
  type Canonical,
  openCanonical,
  openServer,
  type Refusal,
  seed,
  verdictOf,
} from './canonical-fixture.ts';

/** Who sees and does what: row-level security by tenant, and the least that each role needs. */

let server: Awaited<ReturnType<typeof openServer>>;
let db: Canonical;
let ids: Awaited<ReturnType<typeof seed>>;
let app: pg.Client;
let other: string;
/** Somebody of the company. */
let clerk: string;
let own: string;
let foreign: string;

beforeAll(async () => {
  server = await openServer();
  db = await openCanonical(server.url);
  ids = await seed(db);
  app = await db.connect('distributary_app');
  other = randomUUID();
  await db.sql(`insert into tenants (id, name, kind) values ($1, 'Other Bank', 'company')`, [other]);
  clerk = await member(ids.company, 'company', 'company-user');
  own = await addCase(db.main, ids.company);
  foreign = await addCase(db.main, other);
});
afterAll(async () => {
  await db?.close();
  await server?.stop();
});

/** In a transaction of the app role that acts so; rolled back. */
async function acting<T>(
  settings: { tenant?: string; actor?: string },
  work: (db: pg.Client) => Promise<T>,
): Promise<T> {
  await app.query('begin');
  try {
    for (const [name, value] of Object.entries(settings)) {
      await app.query('select set_config($1, $2, true)', [`distributary.${name}`, value]);
    }
    return await work(app);
  } finally {
    await app.query('rollback');
  }
}
const casesSeen = async (client: pg.Client) =>
  (await client.query<{ id: string }>('select id from cases order by id')).rows.map(({ id }) => id);
const member = async (tenant: string, kind: string, role: string, more = '') => {
  const user = randomUUID();
  await db.sql(`insert into users (id, display_name) values ($1, 'Somebody')`, [user]);
  await db.sql(
    `insert into memberships (tenant_id, tenant_kind, user_id, role${more && ', valid_from, valid_to'})
      values ($1, $2, $3, $4${more})`,
    [tenant, kind, user, role],
  );
  return user;
};

describe('a session of the app sees', () => {
  test('nothing until it says for whom it acts', async () => {
    expect(await acting({}, casesSeen)).toEqual([]);
  });

  test('its tenant and no other', async () => {
    expect(await acting({ tenant: ids.company, actor: clerk }, casesSeen)).toEqual([own]);
    expect(await acting({ tenant: other, actor: clerk }, casesSeen)).toEqual([]);
    expect(await acting({ tenant: ids.company }, casesSeen)).toEqual([]);
  });

  test('all tenants as the bureau, and not by claiming to be it', async () => {
    const both = [own, foreign].sort();
    expect(await acting({ actor: ids.investigator }, casesSeen)).toEqual(both);
    expect(await acting({ actor: randomUUID() }, casesSeen)).toEqual([]);
    expect(await acting({ actor: 'the bureau' }, casesSeen)).toEqual([]);
    expect(await acting({ tenant: ids.bureau }, casesSeen)).toEqual([]);
    const companyUser = await member(ids.company, 'company', 'company-user');
    expect(await acting({ actor: companyUser }, casesSeen)).toEqual([]);
  });

  test.each([
    ['is over', `, now() - interval '2 days', now() - interval '1 day'`],
    ['has not begun', `, now() + interval '1 day', null`],
  ])('nothing by a membership that %s', async (_, period) => {
    const user = await member(ids.bureau, 'bureau', 'supervisor', period);
    expect(await acting({ actor: user }, casesSeen)).toEqual([]);
  });

  test('nothing any more from the statement after its membership was revoked', async () => {
    const user = await member(ids.bureau, 'bureau', 'supervisor');
    await acting({ actor: user }, async one => {
      expect(await casesSeen(one)).toHaveLength(2);
      await db.sql(`update memberships set valid_to = valid_from + interval '1 microsecond' where user_id = $1`, [
        user,
      ]);
      expect(await casesSeen(one)).toEqual([]);
    });
  });

  test('history and audit of its tenant only', async () => {
    const seen = await acting({ tenant: ids.company, actor: clerk }, async one => [
      (await one.query('select distinct tenant_id from case_transitions')).rows,
      (await one.query('select distinct tenant_id from audit_log')).rows,
    ]);
    expect(seen).toEqual([[{ tenant_id: ids.company }], [{ tenant_id: ids.company }]]);
  });
});

describe('a session of the app changes', () => {
  const insert = (tenant: string) => (one: pg.Client) =>
    verdictOf(one.query(`insert into cases (tenant_id, title, product, issue) values ($1, 't', 'p', 'i')`, [tenant]));
  const rename = (id: string) => async (one: pg.Client) =>
    (await one.query(`update cases set title = 'renamed' where id = $1`, [id])).rowCount;

  test('nothing for a company, but adds evidence to its cases', async () => {
    const acts = { tenant: ids.company, actor: clerk };
    expect(await acting(acts, insert(ids.company))).toMatchObject({ code: '42501' });
    expect(await acting(acts, rename(own))).toBe(0);
    const removed = await acting(acts, one => one.query('delete from cases where id = $1', [own]));
    expect(removed.rowCount).toBe(0);
    const add = (id: string, tenant: string) => (one: pg.Client) =>
      verdictOf(
        one.query(
          `insert into evidence (tenant_id, case_id, sha256, media_type, size_bytes, title)
            values ($1, $2, sha256('x'), 'text/plain', 1, 'A letter')`,
          [tenant, id],
        ),
      );
    expect(await acting(acts, add(own, ids.company))).toBe('done');
    expect(await acting(acts, add(foreign, other))).toMatchObject({ code: '42501' });
  });

  test('any tenant as an investigator, none as an analyst', async () => {
    expect(await acting({ actor: ids.investigator }, rename(foreign))).toBe(1);
    const analyst = await member(ids.bureau, 'bureau', 'analyst');
    expect(await acting({ actor: analyst }, casesSeen)).toHaveLength(2);
    expect(await acting({ actor: analyst }, rename(foreign))).toBe(0);
    expect(await acting({ actor: analyst }, insert(other))).toMatchObject({ code: '42501' });
  });

  test('permissions as a supervisor only', async () => {
    const grant = `insert into memberships (tenant_id, tenant_kind, user_id, role) values ($1, 'bureau', $2, 'supervisor')`;
    const user = randomUUID();
    await db.sql(`insert into users (id, display_name) values ($1, 'Newcomer')`, [user]);
    const attempt = (one: pg.Client) => verdictOf(one.query(grant, [ids.bureau, user]));
    expect(await acting({ actor: ids.investigator }, attempt)).toMatchObject({ code: '42501' });
    expect(await acting({ tenant: ids.bureau }, attempt)).toMatchObject({ code: '42501' });
    const supervisor = await member(ids.bureau, 'bureau', 'supervisor');
    expect(await acting({ actor: supervisor }, attempt)).toBe('done');
  });
});

describe('act_as', () => {
  const actAs = (actor: string, tenant: string | null) => async (one: pg.Client) => {
    const verdict = await verdictOf(one.query('select act_as($1, $2)', [actor, tenant]));
    return verdict === 'done' ? casesSeen(one) : (verdict as Refusal).code;
  };

  test('lets a member act for its tenant, and the bureau for all', async () => {
    const user = await member(other, 'company', 'company-user');
    expect(await acting({}, actAs(user, other))).toEqual([foreign]);
    expect(await acting({}, actAs(user, ids.company))).toBe('42501');
    expect(await acting({}, actAs(user, null))).toBe('42501');
    expect(await acting({}, actAs(ids.investigator, null))).toHaveLength(2);
  });

  test('refuses a tenant that is suspended', async () => {
    const tenant = randomUUID();
    await db.sql(`insert into tenants (id, name, kind) values ($1, 'Gone Bank', 'company')`, [tenant]);
    const user = await member(tenant, 'company', 'company-user');
    expect(await acting({}, actAs(user, tenant))).toEqual([]);
    await db.sql('update tenants set suspended = true where id = $1', [tenant]);
    expect(await acting({}, actAs(user, tenant))).toBe('42501');
  });
});

test.each([
  ['the version', `update cases set version = 7`],
  ['the name of a change', `update cases set change = 'restricted'`],
  ['the touch of a child', `update cases set changed_in = null`],
  ['a tenant', `update cases set tenant_id = gen_random_uuid()`],
  [
    'the outbox',
    `insert into outbox (tenant_id, aggregate, aggregate_id, version, change, lane, schema_version, digest)
    values (gen_random_uuid(), 'case', gen_random_uuid(), 1, 'x', 'standard', 1, 0)`,
  ],
  ['what others see of the outbox', `select from outbox`],
  [
    'history',
    `insert into case_transitions (tenant_id, case_id, to_status, at, actor)
    values (gen_random_uuid(), gen_random_uuid(), 'closed', now(), 'x')`,
  ],
  ['the audit log', `delete from audit_log`],
  ['a decision', `update decisions set summary = 'x'`],
  ['the hash of evidence', `update evidence set sha256 = sha256('x')`],
  ['a released hold', `delete from legal_holds`],
  ['everything at once', `truncate cases cascade`],
  ['the triggers', `alter table cases disable trigger all`],
  ['the policies', `alter table cases disable row level security`],
  ['replication mode', `set session_replication_role = replica`],
  ['row security', `set local row_security = off; select from cases`],
  ['the owner', `set role distributary_owner`],
  ['whole states of all tenants', `select capture.case_state(gen_random_uuid(), gen_random_uuid())`],
  ['the epoch', `select raise_epoch()`],
  ['the generated code', `create function capture.emit() returns int language sql as 'select 1'`],
  ['another schema', `create table canonical.mine ()`],
])('the app cannot touch %s', async (_, statement) => {
  const verdict = await acting({ actor: ids.investigator }, one => verdictOf(one.query(statement)));
  expect(verdict).toMatchObject({ code: '42501' });
});

test('the relay reads what it streams, and republishes; nothing else', async () => {
  const relay = await db.connect('distributary_relay');
  const verdicts = async (statements: readonly string[]) => {
    const all = [];
    for (const statement of statements) all.push(await verdictOf(relay.query(statement)));
    return all;
  };
  expect(
    await verdicts([
      'select from outbox limit 1',
      `select beat('slot', now())`,
      'select from heartbeat',
      'select republish_dependants(10)',
      'select from dependants_pending',
      'select maintain_outbox(7)',
    ]),
  ).toEqual(Array(6).fill('done'));
  const refused = await verdicts([
    'select from cases',
    'select from parties',
    'delete from outbox',
    `insert into heartbeat (slot) values ('x')`,
    'delete from dependants_pending',
    'select capture.case_state(gen_random_uuid(), gen_random_uuid())',
    `select capture.touch('case', '{}')`,
    'select raise_epoch()',
  ]);
  for (const verdict of refused) expect(verdict).toMatchObject({ code: '42501' });
  expect(await db.sql(`select rolreplication, rolsuper from pg_roles where rolname = 'distributary_relay'`)).toEqual([
    { rolreplication: true, rolsuper: false },
  ]);
});

test('the reader gets whole states and no tables', async () => {
  const reader = await db.connect('distributary_reader');
  expect((await reader.query('select * from capture.case_rows(null, 10)')).rows).toHaveLength(2);
  for (const statement of ['select from cases', 'select from outbox', `select beat('slot', now())`]) {
    expect(await verdictOf(reader.query(statement))).toMatchObject({ code: '42501' });
  }
});

describe('the catalogue holds for whatever is added later:', () => {
  test('every table of tenants is under forced row-level security', async () => {
    const internal = ['outbox', 'outbox_default', 'identifiers'];
    const open = await db.sql<{ relname: string }>(
      `select relname from pg_class join pg_attribute on attrelid = pg_class.oid and attname = 'tenant_id'
        where relnamespace = 'canonical'::regnamespace and relkind in ('r', 'p') and not relispartition
          and not (relrowsecurity and relforcerowsecurity)`,
    );
    expect(open.map(({ relname }) => relname).filter(name => !internal.includes(name))).toEqual([]);
  });

  // While its tenant moves a party follows its cases, so a trigger compares the tenants of the two.
  test('every foreign key to a table of tenants carries the tenant, but the link to a party', async () => {
    const keys = await db.sql(
      `select conname from pg_constraint
        where contype = 'f' and connamespace = 'canonical'::regnamespace and conparentid = 0
          and exists (select from pg_attribute where attrelid = confrelid and attname = 'tenant_id')
          and not exists (select from pg_attribute where attrelid = confrelid and attname = 'tenant_id' and attnum = any (confkey))`,
    );
    expect(keys).toEqual([{ conname: 'link_to_party' }]);
  });

  test('every function that runs as its owner pins its search path, and none is for everybody', async () => {
    const functions = await db.sql<{ name: string }>(
      `select proname as name from pg_proc
        where pronamespace in ('canonical'::regnamespace, 'capture'::regnamespace)
          and ((prosecdef and not coalesce(proconfig @> '{"search_path=canonical, pg_temp"}', false))
               or has_function_privilege('public', oid, 'execute'))`,
    );
    expect(functions).toEqual([]);
  });

  test('nothing belongs to a role that logs in', async () => {
    const owners = await db.sql(
      `select distinct pg_get_userbyid(relowner) as owner from pg_class where relnamespace = 'canonical'::regnamespace
        union select distinct pg_get_userbyid(proowner) from pg_proc
          where pronamespace in ('canonical'::regnamespace, 'capture'::regnamespace)`,
    );
    expect(owners).toEqual([{ owner: 'distributary_owner' }]);
  });
});

test('the statements of docs/deploy.md let the first supervisor in, who lets in others', async () => {
  const page = readFileSync(join(import.meta.dirname, '../docs/deploy.md'), 'utf8');
  const [first, everybody] = [...page.matchAll(/```sql\n([\s\S]*?)```/g)].map(([, sql]) => sql!);
  const ids = { SUBJECT: randomUUID(), COMPANY: randomUUID(), PERSON: randomUUID() };
  const filled = (sql: string) => sql.replaceAll(/SUBJECT|COMPANY|PERSON/g, name => ids[name as keyof typeof ids]);
  const fresh = await openCanonical(server.url);
  try {
    // What the migrations of a deployment log in as: no superuser, but one who may become the owner.
    await fresh.sql('create role administrator login in role distributary_owner');
    const administrator = await fresh.connect();
    await administrator.query('set session authorization administrator');
    await administrator.query(filled(first!));
    await administrator.query(filled(everybody!));
    const supervisor = await fresh.connect('distributary_app');
    const grant = async (role: string) => {
      await supervisor.query('begin');
      await supervisor.query('select canonical.act_as($1)', [ids.SUBJECT]);
      await supervisor.query(
        `insert into memberships (tenant_id, tenant_kind, user_id, role)
          select id, kind, $2, $3 from tenants where id = $1`,
        [ids.COMPANY, ids.PERSON, role],
      );
      await supervisor.query('commit');
    };
    await grant('company-user');
    const members = await fresh.sql('select user_id, role, tenant_kind from memberships order by role');
    expect(members).toEqual([
      { user_id: ids.PERSON, role: 'company-user', tenant_kind: 'company' },
      { user_id: ids.SUBJECT, role: 'supervisor', tenant_kind: 'bureau' },
    ]);
    const told = await fresh.sql(`select count(*) from outbox where aggregate = 'membership'`);
    expect(told).toEqual([{ count: 2 }]);
  } finally {
    await fresh.close();
  }
});

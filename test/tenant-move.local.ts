import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { addCase, openCanonical, openServer } from './canonical-fixture.ts';
import { addEvidence, addTask, assign, hold, link, transaction } from './canonical-outbox-rows.ts';
import { searchOf } from './followed-search.ts';

const CASES = 40;
let server: Awaited<ReturnType<typeof openServer>>;
beforeAll(async () => {
  server = await openServer();
});
afterAll(() => server.stop());

/** Two companies with a user each, the bureau with one, and cases of the first company that share a party. */
async function world(size: number) {
  const db = await openCanonical(server.url);
  const [bureau, before, after] = [randomUUID(), randomUUID(), randomUUID()];
  await db.sql(
    `insert into tenants (id, name, kind) values ($1, 'Bureau', 'bureau'), ($2, 'Old Bank', 'company'), ($3, 'New Bank', 'company')`,
    [bureau, before, after],
  );
  const person = async (tenant: string, kind: string, role: string) => {
    const [{ id }] = (await db.sql<{ id: string }>(
      `insert into users (display_name) values ('Somebody') returning id`,
    )) as [{ id: string }];
    await db.sql('insert into memberships (tenant_id, tenant_kind, user_id, role) values ($1, $2, $3, $4)', [
      ...[tenant, kind, id, role],
    ]);
    return id;
  };
  const investigator = await person(bureau, 'bureau', 'investigator');
  const [old, young] = [
    await person(before, 'company', 'company-user'),
    await person(after, 'company', 'company-user'),
  ];
  const party = randomUUID();
  await db.sql(`insert into parties (id, tenant_id, kind, name) values ($1, $2, 'company', 'Old Bank')`, [
    party,
    before,
  ]);
  const cases: string[] = [];
  for (let n = 0; n < size; n++) {
    const id = await addCase(db.main, before, n % 5 === 0 ? 'closed' : 'referred');
    await transaction(db, [
      [link, [before, id, party]],
      [addEvidence, [before, id]],
      [assign, [before, id, investigator]],
    ]);
    if (n % 5 !== 0) await db.sql(addTask, [before, id]);
    if (n % 4 === 0) await db.sql(hold, [before, id]);
    if (n % 8 === 0)
      await db.sql("update legal_holds set released_at = now() + interval '1 second' where case_id = $1", [id]);
    cases.push(id);
  }
  const reader = await db.connect('distributary_app');
  const operator = await db.connect('distributary_operator');
  /** The cases that somebody sees for a tenant; nothing while that is refused. */
  const seen = async (who: string, tenant: string): Promise<string[]> => {
    try {
      await reader.query('begin');
      await reader.query('select canonical.act_as($1, $2)', [who, tenant]);
      const { rows } = await reader.query<{ id: string }>('select id from canonical.cases order by id');
      return rows.map(({ id }) => id);
    } catch (error) {
      if ((error as { code?: string }).code !== '42501') throw error;
      return [];
    } finally {
      await reader.query('rollback');
    }
  };
  return { db, before, after, old, young, party, cases: cases.sort(), operator, seen, investigator };
}

const begin = async (operator: pg.Client, before: string, after: string) =>
  (
    await operator.query<{ id: string }>(`select canonical.start_tenant_move($1, $2, 'Olive Operator') as id`, [
      before,
      after,
    ])
  ).rows[0]!.id;
const part = async (operator: pg.Client, move: string, rows: number) =>
  (
    await operator.query<{ moved_cases: number; moved_parties: number }>(
      'select * from canonical.move_tenant_part($1, $2)',
      [move, rows],
    )
  ).rows[0]!;

test('nobody of either tenant sees a case twice or too long, in the canonical store and in a search', async () => {
  const { db, before, after, old, young, cases, operator, seen } = await world(CASES);
  const search = await searchOf(db);
  await search.follow();
  expect(await search.of(before)).toEqual(cases);
  expect(await seen(old, before)).toEqual(cases);

  const move = await begin(operator, before, after);
  const polled: { old: string[]; young: string[]; search: string[] }[] = [];
  let isOver = false;
  const polling = (async () => {
    while (!isOver) {
      const [theirs, ours] = [await seen(old, before), await seen(young, after)];
      const [there, here] = [await search.of(before), await search.of(after)];
      expect(there.filter(id => here.includes(id))).toEqual([]);
      polled.push({ old: theirs, young: ours, search: here });
    }
  })();
  for (let moved = 1; moved > 0; ) {
    const done = await part(operator, move, 7);
    moved = done.moved_cases + done.moved_parties;
    await search.follow();
  }
  isOver = true;
  await polling;

  expect(polled.flatMap(one => one.old)).toEqual([]);
  // It was looked on the way, and each look saw what the one before it had seen.
  expect(new Set(polled.map(one => one.young.length)).size).toBeGreaterThan(2);
  for (const [index, { young: ours, search: found }] of polled.slice(1).entries()) {
    expect(ours).toEqual(expect.arrayContaining(polled[index]!.young));
    expect(found).toEqual(expect.arrayContaining(polled[index]!.search));
  }
  expect(await seen(young, after)).toEqual(cases);
  expect([await search.of(before), await search.of(after)]).toEqual([[], cases]);
  await db.close();
}, 60_000);

test('everything of a case goes along, on the priority lane, each with its key and a higher version', async () => {
  const { db, before, after, young, cases, operator, party, seen } = await world(5);
  const versions = () => db.sql<{ id: string; version: number }>('select id, version from canonical.cases order by id');
  const was = await versions();
  const [{ last } = { last: 0 }] = await db.sql<{ last: number }>('select max(id) as last from canonical.outbox');
  const move = await begin(operator, before, after);
  while (Object.values(await part(operator, move, 100)).some(moved => moved > 0));

  const tables = ['cases', 'case_parties', 'assignments', 'evidence', 'tasks', 'decisions', 'legal_holds', 'parties'];
  for (const table of tables) {
    const rows = await db.sql<{ tenant_id: string }>(`select distinct tenant_id from canonical.${table}`);
    expect([table, rows]).toEqual([table, rows.length === 0 ? [] : [{ tenant_id: after }]]);
  }
  for (const [index, { id, version }] of (await versions()).entries()) {
    expect(id).toBe(was[index]!.id);
    expect(version).toBeGreaterThan(was[index]!.version);
  }
  const told = await db.sql<{ aggregate: string; change: string; lane: string; tenant_id: string; count: number }>(
    `select aggregate, change, lane, tenant_id, count(*) from canonical.outbox where id > $1 group by 1, 2, 3, 4 order by 1`,
    [last],
  );
  const moved = (aggregate: string, count: number) => ({
    aggregate,
    change: 'tenant-moved',
    lane: 'priority',
    tenant_id: after,
    count,
  });
  expect(told).toEqual([
    moved('assignment', 5),
    moved('case', 5),
    moved('evidence', 5),
    moved('party', 1),
    { aggregate: 'tenant', change: 'suspended', lane: 'priority', tenant_id: before, count: 1 },
  ]);
  expect(await db.sql('select from canonical.parties where id = $1', [party])).toHaveLength(1);

  // Who may read what happened before is whose case it is now.
  const reader = await db.connect('distributary_app');
  await reader.query('begin');
  await reader.query('select canonical.act_as($1, $2)', [young, after]);
  const { rows } = await reader.query('select distinct case_id from canonical.case_transitions');
  expect(rows).toHaveLength(5);
  const { rows: audited } = await reader.query(
    `select from canonical.audit_log where aggregate = 'case' and change = 'created'`,
  );
  expect(audited).toHaveLength(5);
  await reader.query('rollback');
  expect(await seen(young, after)).toEqual(cases);
  await db.close();
}, 60_000);

test('a move that is cut short goes on where it was; asked for again it is the same one', async () => {
  const { db, before, after, operator, cases } = await world(9);
  const move = await begin(operator, before, after);
  await part(operator, move, 4);
  // Killed in the middle of a part: all of it or nothing.
  await operator.query('begin');
  await part(operator, move, 4);
  await operator.query('rollback');
  const left = await db.sql<{ cases: number; parties: number }>(
    'select cases, parties from canonical.tenant_move_left($1)',
    [move],
  );
  expect(left).toEqual([{ cases: 5, parties: 1 }]);
  expect(await begin(operator, before, after)).toBe(move);
  expect(await part(operator, move, 4)).toEqual({ moved_cases: 4, moved_parties: 0 });
  expect(await part(operator, move, 4)).toEqual({ moved_cases: 1, moved_parties: 0 });
  expect(await part(operator, move, 4)).toEqual({ moved_cases: 0, moved_parties: 1 });
  expect(await part(operator, move, 4)).toEqual({ moved_cases: 0, moved_parties: 0 });
  expect(await db.sql('select finished_at is not null as over from canonical.tenant_move_left($1)', [move])).toEqual([
    { over: true },
  ]);
  expect(await part(operator, move, 4)).toEqual({ moved_cases: 0, moved_parties: 0 });
  expect(await db.sql('select id from canonical.cases where tenant_id = $1', [after])).toHaveLength(cases.length);
  await db.close();
}, 60_000);

test('a move of which nothing is done can be taken back, and lifts the suspension that it made', async () => {
  const { db, before, after, old, cases, operator, seen } = await world(2);
  const cancelled = async (move: string) =>
    (await operator.query<{ done: boolean }>('select canonical.cancel_tenant_move($1) as done', [move])).rows[0]!.done;
  const move = await begin(operator, before, after);
  expect(await seen(old, before)).toEqual([]);
  expect(await cancelled(move)).toBe(true);
  expect(await seen(old, before)).toEqual(cases);
  const again = await begin(operator, before, after);
  await part(operator, again, 1);
  expect(await cancelled(again)).toBe(false);
  await db.close();
}, 60_000);

test('no other way leads to another tenant, and no move from or to where it does not belong', async () => {
  const { db, before, after, cases, operator, party } = await world(2);
  const [id] = cases;
  await expect(db.sql('update canonical.cases set tenant_id = $2 where id = $1', [id, after])).rejects.toThrow(
    /cannot take another key or tenant/,
  );
  await expect(db.sql('update canonical.parties set tenant_id = $2 where id = $1', [party, after])).rejects.toThrow(
    /cannot take another key or tenant/,
  );
  const bureau = (await db.sql<{ id: string }>(`select id from canonical.tenants where kind = 'bureau'`))[0]!.id;
  for (const [from, to] of [
    [before, bureau],
    [bureau, before],
    [before, before],
    [before, randomUUID()],
  ]) {
    await expect(begin(operator, from!, to!)).rejects.toMatchObject({ constraint: 'moves_between_companies' });
  }
  await begin(operator, before, after);
  await expect(begin(operator, after, before)).rejects.toMatchObject({ constraint: 'one_move_at_a_time' });
  // A move that is open opens nothing to anybody else.
  await expect(db.sql('update canonical.cases set tenant_id = $2 where id = $1', [id, after])).rejects.toThrow(
    /cannot take another key or tenant/,
  );
  const stray = await addCase(db.main, after);
  await expect(db.sql(link, [after, stray, party])).rejects.toMatchObject({
    constraint: 'link_to_party_of_same_tenant',
  });
  await expect(
    (await db.connect('distributary_app')).query('select canonical.move_tenant_part($1, 1)', [randomUUID()]),
  ).rejects.toMatchObject({ code: '42501' });
  await db.close();
}, 60_000);

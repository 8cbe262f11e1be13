import { randomUUID } from 'node:crypto';
import { addCase, closeCase, seededCanonical, verdictOf } from './canonical-fixture.ts';

/** What the database does of an erasure, and what it lets nobody do. */

const { db, ids } = await seededCanonical();

const OVER = ['draft', 'closed', 'withdrawn'];
const MARKER = 'Marigold-7';

/** A closed case with a person, evidence, a reason and a decision, each of which has the marker. */
async function markedCase() {
  const id = await addCase(db.main, ids.company, 'referred');
  const [person, evidence] = [randomUUID(), randomUUID()];
  const tenant = ids.company;
  await db.sql(`insert into parties (id, tenant_id, kind, name) values ($1, $2, 'person', $3)`, [
    person,
    tenant,
    MARKER,
  ]);
  for (const [party, role] of [
    [person, 'complainant'],
    [ids.party, 'respondent'],
  ]) {
    await db.sql('insert into case_parties (tenant_id, case_id, party_id, role) values ($1, $2, $3, $4)', [
      tenant,
      id,
      party,
      role,
    ]);
  }
  await db.sql(
    `insert into evidence (id, tenant_id, case_id, sha256, media_type, size_bytes, title)
      values ($1, $2, $3, sha256($4::bytea), 'text/plain', 1, $5)`,
    [evidence, tenant, id, id, MARKER],
  );
  await db.sql('insert into decisions (tenant_id, case_id, kind, summary) values ($1, $2, $3, $4)', [
    tenant,
    id,
    'finding',
    MARKER,
  ]);
  await db.sql(`update cases set narrative = $2, status = 'under-review', status_reason = $2 where id = $1`, [
    id,
    MARKER,
  ]);
  await closeCase(db.main, id);
  return { id, person, evidence };
}

const erase = async (id: string) =>
  (await db.sql<{ verdict: string }>('select erase_case($1, $2, $3) as verdict', [id, OVER, 'records']))[0]!.verdict;

/** Every table of the schema that has the marker in any of its rows. */
async function tablesWith(marker: string): Promise<string[]> {
  const tables = await db.sql<{ name: string }>(
    `select relname as name from pg_class where relnamespace = 'canonical'::regnamespace and relkind in ('r', 'p')
        and not relispartition order by 1`,
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const rows = await db.sql(`select from ${name} one where one::text like '%' || $1 || '%' limit 1`, [marker]);
    if (rows.length > 0) found.push(name);
  }
  return found;
}

test('a case goes with all that is only its, and after the scrub no table has a word of it; ids and times remain', async () => {
  const { id, person, evidence } = await markedCase();
  expect(await tablesWith(MARKER)).toEqual(['case_transitions', 'cases', 'decisions', 'evidence', 'outbox', 'parties']);
  expect(await erase(id)).toBe('erasable');
  expect(await erase(id)).toBe('gone');
  expect(await tablesWith(MARKER)).toEqual(['case_transitions', 'outbox']);

  const erased = await db.sql<{ aggregate: string; id: string }>('select * from erased_with($1)', [[id]]);
  expect(erased.map(({ aggregate }) => aggregate)).toEqual(['case', 'decision', 'evidence', 'party']);
  expect(erased.map(one => one.id)).toEqual(expect.arrayContaining([id, person, evidence]));

  const keys = erased.map(one => one.id);
  for (const { day } of await db.sql<{ day: string }>('select day::text as day from outbox_days() day')) {
    await db.sql('select scrub_outbox($1, $2, $3)', [day, keys, [id]]);
  }
  await db.sql('select scrub_history($1)', [[id]]);
  expect(await tablesWith(MARKER)).toEqual([]);
  expect(await db.sql('select place from erasure_traces($1, $2) where traces > 0', [keys, [id]])).toEqual([]);

  // A replay of the outbox yields tombstones, each with its own version.
  const rows = await db.sql(
    `select deleted, digest, state from (select outbox.deleted, outbox.digest, payload as state from outbox
      where aggregate_id = any ($1)) rows`,
    [keys],
  );
  expect(rows.length).toBeGreaterThan(8);
  for (const row of rows) expect(row).toEqual({ deleted: true, digest: 0, state: null });
  expect(await db.sql('select to_status, actor from case_transitions where case_id = $1', [id])).toHaveLength(4);
  expect(
    await db.sql(`select from audit_log where aggregate_id = $1 and change = 'deleted' and actor = 'records'`, [id]),
  ).toHaveLength(1);
}, 30_000);

test('what is held, kept, worked on or unknown stays, and the plan says why', async () => {
  const [held, retained, open, over] = [
    await markedCase(),
    await markedCase(),
    await addCase(db.main, ids.company),
    await markedCase(),
  ];
  const unknown = randomUUID();
  await db.sql(`insert into legal_holds (tenant_id, case_id, reason) values ($1, $2, 'Litigation')`, [
    ids.company,
    held.id,
  ]);
  await db.sql(`update cases set retain_until = current_date + 1 where id = $1`, [retained.id]);
  const asked = [held.id, retained.id, open, over.id, unknown];
  const plan = await db.sql<{ id: string; verdict: string }>('select id, verdict from erasure_plan($1, $2)', [
    asked,
    OVER,
  ]);
  expect(Object.fromEntries(plan.map(({ id, verdict }) => [id, verdict]))).toEqual({
    [held.id]: 'held',
    [retained.id]: 'retained',
    [open]: 'open',
    [over.id]: 'erasable',
    [unknown]: 'unknown',
  });
  for (const id of [held.id, retained.id, open]) expect(await erase(id)).not.toBe('erasable');
  expect(await db.sql('select from cases where id = any ($1)', [asked])).toHaveLength(4);

  await db.sql(`update cases set retain_until = current_date where id = any ($1)`, [[retained.id, held.id]]);
  const expired = await db.sql('select id, held from expired_cases($1, 10)', [OVER]);
  expect(expired).toEqual(
    expect.arrayContaining([
      { id: retained.id, held: false },
      { id: held.id, held: true },
    ]),
  );
}, 30_000);

test('a person whom another case names stays; a company always does', async () => {
  const { id, person } = await markedCase();
  const other = await addCase(db.main, ids.company);
  await db.sql(`insert into case_parties (tenant_id, case_id, party_id, role) values ($1, $2, $3, 'witness')`, [
    ids.company,
    other,
    person,
  ]);
  expect(await erase(id)).toBe('erasable');
  expect(await db.sql('select from parties where id = any ($1)', [[person, ids.party]])).toHaveLength(2);
});

test('outbox and history change in no other way, not even for their owner', async () => {
  const { id } = await markedCase();
  const gone = await markedCase();
  await erase(gone.id);
  const owner = await db.connect('distributary_owner');
  for (const statement of [
    `update outbox set payload = null, deleted = true, digest = 0 where aggregate_id = '${id}'`,
    `update outbox set payload = null, deleted = true, digest = 0, version = 9 where aggregate_id = '${gone.id}'`,
    `update outbox set payload = '{}' where aggregate_id = '${gone.id}'`,
    `delete from outbox where aggregate_id = '${gone.id}'`,
    `update case_transitions set reason = null where case_id = '${id}'`,
    `update case_transitions set reason = null, actor = 'nobody' where case_id = '${gone.id}'`,
    `delete from case_transitions where case_id = '${gone.id}'`,
  ]) {
    expect(await verdictOf(owner.query(`set search_path = canonical; ${statement}`))).toMatchObject({ code: '23001' });
  }
});

test('cases that were purged by command are found until they are noted, and only the reader may ask for any of it', async () => {
  const { id } = await markedCase();
  await db.sql('delete from cases where id = $1', [id]);
  const unerased = async () => (await db.sql<{ id: string }>('select id from unerased_cases(100)')).map(one => one.id);
  expect(await unerased()).toContain(id);
  await db.sql('select note_erased($1)', [[id]]);
  expect(await unerased()).not.toContain(id);
  expect(await db.sql(`select one from erased_since(now() - interval '1 minute', 10) one`)).toEqual([{ one: id }]);

  const operator = await db.connect('distributary_operator');
  expect((await operator.query('select canonical.erase_case($1, $2, $3) as verdict', [id, OVER, 'x'])).rows).toEqual([
    { verdict: 'gone' },
  ]);
  for (const role of ['distributary_app', 'distributary_query', 'distributary_relay', 'distributary_reader'] as const) {
    const other = await db.connect(role);
    expect(await verdictOf(other.query('select canonical.erase_case($1, $2, $3)', [id, OVER, 'x']))).toMatchObject({
      code: '42501',
    });
  }
});

interface Due {
  readonly waiting: number;
  readonly oldest: Date | null;
  readonly now_due: string[];
}

test('whoever deletes a case, its purge is due, is tried again later each time, and is over once it is noted', async () => {
  const look = async (pause = '5 minutes') => (await db.sql<Due>('select * from look_for_purges($1, 10)', [pause]))[0]!;
  await db.sql('select note_erased(array(select case_id from purges_due))');
  expect(await look()).toEqual({ waiting: 0, oldest: null, now_due: [] });
  const [byCommand, byErasure] = [await markedCase(), await markedCase()];
  await db.sql('delete from cases where id = $1', [byCommand.id]);
  await erase(byErasure.id);
  expect(await look()).toEqual({ waiting: 2, oldest: expect.any(Date), now_due: [byCommand.id, byErasure.id] });

  await db.sql('select note_purges_tried($1)', [[byCommand.id]]);
  expect(await look()).toMatchObject({ waiting: 2, now_due: [byErasure.id] });
  const ago = (minutes: number) =>
    db.sql(`update purges_due set tried_at = now() - $1::int * interval '1 minute' where tried_at is not null`, [
      minutes,
    ]);
  await ago(5);
  expect((await look()).now_due).toContain(byCommand.id);
  await db.sql('select note_purges_tried($1)', [[byCommand.id]]);
  await ago(9);
  expect((await look()).now_due).not.toContain(byCommand.id);
  await ago(10);
  expect((await look()).now_due).toContain(byCommand.id);
  await db.sql('update purges_due set tries = 40 where case_id = $1', [byCommand.id]);
  await ago(24 * 60);
  expect((await look()).now_due).toContain(byCommand.id);

  await db.sql('select note_erased($1)', [[byCommand.id, byErasure.id]]);
  expect(await look()).toMatchObject({ waiting: 0, now_due: [] });
});

import { randomUUID } from 'node:crypto';
import {
  addCase,
  closeCase,
  interleave,
  type Refusal,
  seededCanonical,
  several,
  stampede,
  verdictOf,
} from './canonical-fixture.ts';

/** Each invariant is attacked by several connections at once, and the database has to refuse. */

const { db, ids } = await seededCanonical();

const CONTENDERS = 8;
const newCase = (status?: Parameters<typeof addCase>[2]) => addCase(db.main, ids.company, status);
const refusals = (verdicts: readonly ('done' | Refusal)[]) => verdicts.filter(verdict => verdict !== 'done');

const addTask = `insert into tasks (tenant_id, case_id, title) values ($1, $2, 'Call the consumer')`;
const addHold = `insert into legal_holds (tenant_id, case_id, reason) values ($1, $2, 'Litigation')`;
const addEvidence = `insert into evidence (id, tenant_id, case_id, sha256, media_type, size_bytes, title)
  values ($1, $2, $3, sha256($4::bytea), 'text/plain', 1, 'Letter')`;

test('a case has one active primary investigator, whoever comes at the same moment', async () => {
  const id = await newCase();
  const verdicts = await stampede(db, CONTENDERS, one =>
    one.query(`insert into assignments (tenant_id, case_id, investigator_id) values ($1, $2, $3)`, [
      ids.company,
      id,
      ids.investigator,
    ]),
  );
  expect(refusals(verdicts)).toHaveLength(CONTENDERS - 1);
  for (const refusal of refusals(verdicts)) expect(refusal).toMatchObject({ rule: 'one_active_primary_investigator' });

  await db.sql(`update assignments set ended_at = now() where case_id = $1`, [id]);
  const next = db.sql(`insert into assignments (tenant_id, case_id, investigator_id) values ($1, $2, $3)`, [
    ids.company,
    id,
    ids.investigator,
  ]);
  expect(await verdictOf(next)).toBe('done');
});

describe('a closed case takes no task', () => {
  test.each(['read committed', 'serializable'] as const)('when it closes first (%s)', async isolation => {
    const id = await newCase();
    const { second, waited } = await interleave(
      db,
      one => closeCase(one, id),
      other => other.query(addTask, [ids.company, id]),
      isolation,
    );
    expect(waited).toBe(true);
    expect(second).toMatchObject(
      isolation === 'serializable' ? { code: '40001' } : { rule: 'closed_case_takes_no_task' },
    );
  });

  test('when the task comes first, the case does not close', async () => {
    const id = await newCase();
    const { second, waited } = await interleave(
      db,
      one => one.query(addTask, [ids.company, id]),
      other => closeCase(other, id),
    );
    expect(waited).toBe(true);
    expect(second).toMatchObject({ rule: 'closed_case_has_no_open_task' });
  });

  test('nor one that is opened again', async () => {
    const id = await newCase();
    await db.sql(addTask, [ids.company, id]);
    await db.sql('update tasks set done_at = now() where case_id = $1', [id]);
    await closeCase(db.main, id);
    const again = db.sql('update tasks set done_at = null where case_id = $1', [id]);
    expect(await verdictOf(again)).toMatchObject({ rule: 'closed_case_takes_no_task' });
  });

  test('in a storm of both', async () => {
    const cases = await several(40, newCase);
    await stampede(db, CONTENDERS, async (one, index) => {
      // They meet in the middle.
      if (index % 2) for (const id of cases) await verdictOf(closeCase(one, id));
      else for (const id of cases.toReversed()) await verdictOf(one.query(addTask, [ids.company, id]));
    });
    const [counts] = await db.sql<{ broken: number; closed: number; tasks: number }>(
      `select count(*) filter (where status = 'closed' and open > 0) as broken,
              count(*) filter (where status = 'closed') as closed, sum(open)::integer as tasks
        from cases, lateral (select count(*) as open from tasks where case_id = cases.id and done_at is null) t
        where id = any ($1)`,
      [cases],
    );
    expect(counts!.broken).toBe(0);
    expect(counts!.closed).toBeGreaterThan(0);
    expect(counts!.tasks).toBeGreaterThan(0);
  });
});

describe('a case goes only where its lifecycle leads', () => {
  test('an illegal step is refused, and the refusal says which are legal', async () => {
    const id = await newCase('received');
    const verdict = await verdictOf(closeCase(db.main, id));
    expect(verdict).toMatchObject({
      rule: 'legal_transition',
      message: `case ${id} cannot go from received to closed`,
    });
    expect((verdict as Refusal).hint).toBe('from there: referred, under-review, withdrawn');
  });

  test('a case cannot begin at its end', async () => {
    const begun = db.sql(
      `insert into cases (tenant_id, title, product, issue, status, outcome) values ($1, 't', 'p', 'i', 'closed', 'no-relief')`,
      [ids.company],
    );
    expect(await verdictOf(begun)).toMatchObject({ rule: 'legal_transition' });
  });

  test('of two steps at the same time, each legal before, only one is taken', async () => {
    const id = await newCase('received');
    const { first, second, waited } = await interleave(
      db,
      one => one.query(`update cases set status = 'withdrawn' where id = $1`, [id]),
      other => other.query(`update cases set status = 'referred' where id = $1`, [id]),
    );
    expect({ first, waited }).toEqual({ first: 'done', waited: true });
    expect(second).toMatchObject({
      rule: 'legal_transition',
      message: `case ${id} cannot go from withdrawn to referred`,
    });
  });

  test('a closed case is reopened only by a decision made since', async () => {
    const id = await newCase('closed');
    const reopen = () => db.sql(`update cases set status = 'reopened', outcome = null where id = $1`, [id]);
    expect(await verdictOf(reopen())).toMatchObject({ rule: 'transition_needs_decision' });
    const decide = `insert into decisions (tenant_id, case_id, kind, summary, decided_at) values ($1, $2, 'reopening', 'New facts', $3)`;
    await db.sql(decide, [ids.company, id, '2001-01-01']);
    expect(await verdictOf(reopen())).toMatchObject({ rule: 'transition_needs_decision' });
    await db.sql(decide, [ids.company, id, new Date(Date.now() + 1000)]);
    expect(await verdictOf(reopen())).toBe('done');
  });

  test('it closes with an outcome, and only then has one', async () => {
    const id = await newCase();
    const without = db.sql(`update cases set status = 'closed' where id = $1`, [id]);
    expect(await verdictOf(without)).toMatchObject({ rule: 'closed_with_an_outcome' });
    const early = db.sql(`update cases set outcome = 'explanation' where id = $1`, [id]);
    expect(await verdictOf(early)).toMatchObject({ rule: 'closed_with_an_outcome' });
  });
});

describe('a legal hold forbids purge', () => {
  test('of a case that is put on hold at the same moment', async () => {
    const id = await newCase();
    const { second, waited } = await interleave(
      db,
      one => one.query(addHold, [ids.company, id]),
      other => other.query('delete from cases where id = $1', [id]),
    );
    expect(waited).toBe(true);
    expect(second).toMatchObject({ rule: 'legal_hold_forbids_purge' });
  });

  test('and where the purge was first, the hold is refused', async () => {
    const id = await newCase();
    const { first, second } = await interleave(
      db,
      one => one.query('delete from cases where id = $1', [id]),
      other => other.query(addHold, [ids.company, id]),
    );
    expect(first).toBe('done');
    expect(second).toMatchObject({ rule: 'hold_on_case_of_same_tenant' });
  });

  test('of its evidence, at the same moment', async () => {
    const id = await newCase();
    const evidence = randomUUID();
    await db.sql(addEvidence, [evidence, ids.company, id, 'a']);
    const { second, waited } = await interleave(
      db,
      one => one.query(addHold, [ids.company, id]),
      other => other.query('delete from evidence where id = $1', [evidence]),
    );
    expect(waited).toBe(true);
    expect(second).toMatchObject({ rule: 'legal_hold_forbids_purge' });
  });

  test('until it is released, which is for good', async () => {
    const id = await newCase();
    await db.sql(addHold, [ids.company, id]);
    expect(await verdictOf(db.sql('delete from legal_holds where case_id = $1', [id]))).toMatchObject({
      code: '23001',
    });
    await db.sql('update legal_holds set released_at = now() where case_id = $1', [id]);
    const again = db.sql('update legal_holds set released_at = null where case_id = $1', [id]);
    expect(await verdictOf(again)).toMatchObject({ code: '23001' });
    expect(await verdictOf(db.sql('delete from cases where id = $1', [id]))).toBe('done');
  });
});

test('policy periods of one jurisdiction do not overlap, whoever comes at the same moment', async () => {
  const add = `insert into policy_periods (tenant_id, policy, jurisdiction, valid, response_days, retention_days)
    values ($1, 'response', $2, daterange($3, $4), 15, 2555)`;
  const verdicts = await stampede(db, CONTENDERS, (one, index) =>
    one.query(add, [ids.bureau, 'FL', `2023-0${index + 1}-01`, '2024-01-01']),
  );
  expect(refusals(verdicts)).toHaveLength(CONTENDERS - 1);
  for (const refusal of refusals(verdicts)) {
    // Two that wait for each other are a deadlock, which PostgreSQL ends by refusing one.
    expect(['policy_periods_do_not_overlap', '']).toContain(refusal.rule);
    expect(['23P01', '40P01']).toContain(refusal.code);
  }
  expect(await verdictOf(db.sql(add, [ids.bureau, 'FL', '2024-01-01', null]))).toBe('done');
  expect(await verdictOf(db.sql(add, [ids.bureau, 'NY', '2023-06-01', null]))).toBe('done');
});

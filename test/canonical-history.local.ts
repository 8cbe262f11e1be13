import { randomUUID } from 'node:crypto';
import { addCase, interleave, type Refusal, seededCanonical, stampede, verdictOf } from './canonical-fixture.ts';

/** What was is not made otherwise: whose a thing is, what happened to it, and which ids were ever used. */

const { db, ids } = await seededCanonical();

const CONTENDERS = 8;
const newCase = (status?: Parameters<typeof addCase>[2]) => addCase(db.main, ids.company, status);
const refusals = (verdicts: readonly ('done' | Refusal)[]) => verdicts.filter(verdict => verdict !== 'done');

const addTask = `insert into tasks (tenant_id, case_id, title) values ($1, $2, 'Call the consumer')`;
const addHold = `insert into legal_holds (tenant_id, case_id, reason) values ($1, $2, 'Litigation')`;
const addEvidence = `insert into evidence (id, tenant_id, case_id, sha256, media_type, size_bytes, title)
  values ($1, $2, $3, sha256($4::bytea), 'text/plain', 1, 'Letter')`;

describe('what belongs to a case is of its tenant', () => {
  test.each([
    ['evidence', addEvidence, 'evidence_of_case_of_same_tenant', (id: string) => [randomUUID(), ids.bureau, id, 'b']],
    [
      'an assignment',
      'insert into assignments (tenant_id, case_id, investigator_id) values ($1, $2, $3)',
      'assignment_to_case_of_same_tenant',
      (id: string) => [ids.bureau, id, ids.investigator],
    ],
    ['a task', addTask, 'task_of_case_of_same_tenant', (id: string) => [ids.bureau, id]],
    ['a hold', addHold, 'hold_on_case_of_same_tenant', (id: string) => [ids.bureau, id]],
    [
      'a decision',
      `insert into decisions (tenant_id, case_id, kind, summary) values ($1, $2, 'finding', 's')`,
      'decision_on_case_of_same_tenant',
      (id: string) => [ids.bureau, id],
    ],
    [
      'a link to a party',
      `insert into case_parties (tenant_id, case_id, party_id, role) values ($1, $2, $3, 'witness')`,
      'link_to_case_of_same_tenant',
      (id: string) => [ids.bureau, id, ids.party],
    ],
  ])('%s of another is refused', async (_, text, rule, values) => {
    const id = await newCase();
    expect(await verdictOf(db.sql(text, values(id)))).toMatchObject({ code: '23503', rule });
  });

  test('and a party of another tenant is not linked', async () => {
    const id = await newCase();
    const [foreign] = await db.sql<{ id: string }>(
      `insert into parties (tenant_id, kind, name) values ($1, 'person', 'Someone') returning id`,
      [ids.bureau],
    );
    const link = db.sql(
      `insert into case_parties (tenant_id, case_id, party_id, role) values ($1, $2, $3, 'witness')`,
      [ids.company, id, foreign!.id],
    );
    expect(await verdictOf(link)).toMatchObject({ rule: 'link_to_party_of_same_tenant' });
  });

  test('a case cannot change its tenant under what belongs to it', async () => {
    const id = await newCase();
    const { second } = await interleave(
      db,
      one => one.query(addEvidence, [randomUUID(), ids.company, id, 'c']),
      other => other.query('update cases set tenant_id = $2 where id = $1', [id, ids.bureau]),
    );
    expect(second).toMatchObject({ code: '23001', message: `case ${id} cannot take another key or tenant` });
  });
});

describe('history and audit are append-only, for the superuser too', () => {
  test.each(['case_transitions', 'audit_log', 'identifiers', 'outbox'])('%s', async table => {
    await newCase();
    const before = await db.sql(`select count(*) from ${table}`);
    const column = table === 'identifiers' ? 'aggregate' : table === 'case_transitions' ? 'reason' : 'change';
    const statements = [`update ${table} set ${column} = 'forged'`, `delete from ${table}`, `truncate ${table}`];
    const verdicts = await stampede(db, CONTENDERS, (one, index) => one.query(statements[index % 3]!));
    for (const verdict of verdicts) expect(verdict).toMatchObject({ code: '23001' });
    expect(await db.sql(`select count(*) from ${table}`)).toEqual(before);
  });

  test('no history is made up beside the case', async () => {
    const id = await newCase();
    const forged = db.sql(
      `insert into case_transitions (tenant_id, case_id, to_status, at, actor) values ($1, $2, 'closed', now(), 'x')`,
      [ids.company, id],
    );
    expect(await verdictOf(forged)).toMatchObject({ message: expect.stringContaining('by changing the status') });
  });

  test('the content of evidence and a decision are final', async () => {
    const id = await newCase();
    const evidence = randomUUID();
    await db.sql(addEvidence, [evidence, ids.company, id, 'd']);
    const other = db.sql(`update evidence set sha256 = sha256('e') where id = $1`, [evidence]);
    expect(await verdictOf(other)).toMatchObject({ code: '23001' });
    await db.sql(`insert into decisions (tenant_id, case_id, kind, summary) values ($1, $2, 'finding', 's')`, [
      ids.company,
      id,
    ]);
    const reworded = db.sql(`update decisions set summary = 'other' where case_id = $1`, [id]);
    expect(await verdictOf(reworded)).toMatchObject({ code: '23001' });
  });
});

describe('an identifier is never reused', () => {
  const insert = `insert into cases (id, tenant_id, title, product, issue) values ($1, $2, 't', 'p', 'i')`;

  test('not by one who waits for the first life to end', async () => {
    const id = await newCase();
    const { first, second, waited } = await interleave(
      db,
      one => one.query('delete from cases where id = $1', [id]),
      other => other.query(insert, [id, ids.company]),
    );
    expect({ first, waited }).toEqual({ first: 'done', waited: true });
    expect(second).toMatchObject({ rule: 'identifier_never_reused' });
  });

  test('not by another kind of aggregate, and not by one of several at once', async () => {
    const id = randomUUID();
    const verdicts = await stampede(db, CONTENDERS, (one, index) =>
      index % 2
        ? one.query(insert, [id, ids.company])
        : one.query(`insert into parties (id, tenant_id, kind, name) values ($1, $2, 'person', 'P')`, [
            id,
            ids.company,
          ]),
    );
    expect(refusals(verdicts)).toHaveLength(CONTENDERS - 1);
  });

  test('a complaint becomes one case', async () => {
    const verdicts = await stampede(db, CONTENDERS, one =>
      one.query(
        `insert into cases (tenant_id, reference, title, product, issue) values ($1, '7523056', 't', 'p', 'i')`,
        [ids.company],
      ),
    );
    expect(refusals(verdicts)).toHaveLength(CONTENDERS - 1);
    for (const refusal of refusals(verdicts)) expect(refusal).toMatchObject({ rule: 'case_reference_unique' });
  });
});

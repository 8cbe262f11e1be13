import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type pg from 'pg';
import { laneOf, parseAggregateContract } from '../core/aggregate-contract.ts';
import { stateValidator } from '../core/aggregate-state.ts';
import { addCase, closeCase, seededCanonical, several, stampede } from './canonical-fixture.ts';
import {
  addEvidence,
  addTask,
  assign,
  decide,
  digestOf,
  hold,
  link,
  type OutboxRow,
  outboxOf,
  type Statement,
  transaction,
} from './canonical-outbox-rows.ts';

/** Every commit that changes an aggregate leaves exactly one outbox row with its whole state, whoever wrote and how. */

const { db, ids } = await seededCanonical();

const newCase = (status?: Parameters<typeof addCase>[2]) => addCase(db.main, ids.company, status);
/** What a piece of work leaves in the outbox of the key. */
async function emitted(key: string, work: () => Promise<unknown>): Promise<readonly OutboxRow[]> {
  const before = await outboxOf(db, key);
  await work();
  return (await outboxOf(db, key)).slice(before.length);
}
const named = (rows: readonly OutboxRow[]) => rows.map(({ change, lane }) => `${change} ${lane}`);

const caseContract = parseAggregateContract(
  readFileSync(new URL('../contracts/aggregates/case.yaml', import.meta.url), 'utf8'),
  'case.yaml',
);

test('a transaction leaves one row for an aggregate, with what all its statements made', async () => {
  const id = randomUUID();
  const rows = await emitted(id, () =>
    transaction(db, [
      [
        `insert into cases (id, tenant_id, title, product, issue, status) values ($1, $2, 'A fee', 'Card', 'Fees', 'received')`,
        [id, ids.company],
      ],
      [link, [ids.company, id, ids.party]],
      [`update cases set status = 'referred', status_reason = 'for an answer' where id = $1`, [id]],
      [addTask, [ids.company, id]],
      `set local distributary.traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'`,
    ]),
  );
  expect(rows).toHaveLength(1);
  const [row] = rows;
  const [{ version }] = (await db.sql<{ version: number }>('select version from cases where id = $1', [id])) as [
    { version: number },
  ];
  expect(row).toMatchObject({
    aggregate: 'case',
    tenant_id: ids.company,
    version,
    change: 'created',
    lane: 'standard',
    schema_version: 1,
    deleted: false,
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  });
  const state = JSON.parse(row!.text!);
  expect(stateValidator(caseContract)(state)).toEqual([]);
  expect(state).toMatchObject({
    company: 'Acme Bank',
    status: 'referred',
    open_task_count: 1,
    parties: [{ id: ids.party, role: 'respondent', name: 'Acme Bank', kind: 'company' }],
    timeline: [
      { from: null, to: 'received', reason: null },
      { from: 'received', to: 'referred', reason: 'for an answer' },
    ],
  });
  expect(state.status_since).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test.each<[string, string, (id: string) => Statement[]]>([
  ['updated standard', 'another title', id => [[`update cases set title = 'Another' where id = $1`, [id]]]],
  ['restricted priority', 'a restriction', id => [[`update cases set restricted = true where id = $1`, [id]]]],
  [
    'closed standard',
    'the end',
    id => [[`update cases set status = 'closed', outcome = 'no-relief' where id = $1`, [id]]],
  ],
  ['moved standard', 'a step', id => [[`update cases set status = 'answered' where id = $1`, [id]]]],
  ['parties-changed standard', 'a link', id => [[link, [ids.company, id, ids.party]]]],
  ['tasks-changed standard', 'a task', id => [[addTask, [ids.company, id]]]],
  ['evidence-changed standard', 'evidence', id => [[addEvidence, [ids.company, id]]]],
  ['assigned standard', 'an assignment', id => [[assign, [ids.company, id, ids.investigator]]]],
  ['decided standard', 'a decision', id => [[decide, [ids.company, id]]]],
  ['hold-placed priority', 'a hold', id => [[hold, [ids.company, id]]]],
  [
    'restricted priority',
    'a restriction between weaker changes',
    id => [
      [addTask, [ids.company, id]],
      [`update cases set restricted = true where id = $1`, [id]],
      [`update cases set title = 'Another' where id = $1`, [id]],
      [addEvidence, [ids.company, id]],
    ],
  ],
  [
    'evidence-restricted priority',
    'restricted evidence, then a title',
    id => [
      [addEvidence, [ids.company, id]],
      [`update evidence set restricted = true where case_id = $1`, [id]],
      [`update cases set title = 'Another' where id = $1`, [id]],
    ],
  ],
  [
    'hold-placed priority',
    'a hold placed and released',
    id => [
      [hold, [ids.company, id]],
      [`update legal_holds set released_at = now() where case_id = $1`, [id]],
    ],
  ],
  [
    'updated standard',
    'a restriction that was rolled back',
    id => [
      'savepoint s',
      [`update cases set restricted = true where id = $1`, [id]],
      'rollback to s',
      [`update cases set title = 'Another' where id = $1`, [id]],
    ],
  ],
])('it is known as %s after %s', async (name, _, statements) => {
  const id = await newCase();
  const rows = await emitted(id, () => transaction(db, statements(id)));
  expect(named(rows)).toEqual([name]);
  expect(laneOf(caseContract, rows[0]!.change)).toBe(rows[0]!.lane);
});

test('a change of any child row is a change of its root: inserted, updated, moved away, deleted', async () => {
  const [id, second] = [await newCase(), await newCase()];
  const change = async (text: string, values: unknown[]) => named(await emitted(id, () => db.sql(text, values)));
  expect(await change(addTask, [ids.company, id])).toEqual(['tasks-changed standard']);
  expect(await change('update tasks set title = title where case_id = $1', [id])).toEqual(['tasks-changed standard']);
  const moved = await emitted(second, async () => {
    expect(await change('update tasks set case_id = $2 where case_id = $1', [id, second])).toEqual([
      'tasks-changed standard',
    ]);
  });
  expect(named(moved)).toEqual(['tasks-changed standard']);
  expect(JSON.parse(moved[0]!.text!).open_task_count).toBe(1);
  const gone = await emitted(second, () => db.sql('delete from tasks where case_id = $1', [second]));
  expect(JSON.parse(gone[0]!.text!).open_task_count).toBe(0);
});

test('a statement on a thousand children makes one version of their root', async () => {
  const id = await newCase();
  const rows = await emitted(id, () =>
    db.sql(
      `insert into tasks (tenant_id, case_id, title) select $1, $2, 'Task ' || n from generate_series(1, 1000) n`,
      [ids.company, id],
    ),
  );
  expect(rows.map(({ version }) => version)).toEqual([3]);
});

test('a purge leaves a deletion of the case and of all that went with it, and nothing comes back', async () => {
  const id = await newCase();
  await transaction(db, [
    [link, [ids.company, id, ids.party]],
    [addEvidence, [ids.company, id]],
    [assign, [ids.company, id, ids.investigator]],
    [decide, [ids.company, id]],
    [addTask, [ids.company, id]],
  ]);
  const [before] = await db.sql<{ version: number; at: number }>(
    'select version, (select max(id) from outbox) as at from cases where id = $1',
    [id],
  );
  await transaction(db, [
    [`update cases set title = 'Last words' where id = $1`, [id]],
    ['delete from cases where id = $1', [id]],
  ]);
  const rows = await db.sql<OutboxRow>('select * from outbox where id > $1 order by aggregate', [before!.at]);
  expect(rows.map(({ aggregate, change, lane }) => `${aggregate} ${change} ${lane}`)).toEqual([
    'assignment deleted priority',
    'case deleted priority',
    'decision deleted priority',
    'evidence deleted priority',
  ]);
  for (const row of rows) expect(row).toMatchObject({ deleted: true, digest: 0, payload: null });
  expect(rows.find(({ aggregate }) => aggregate === 'case')!.version).toBe(before!.version + 2);
  expect(await db.sql('select from case_transitions where case_id = $1', [id])).toHaveLength(2);
});

test('what a transaction did is recorded with who did it: history, audit, outbox', async () => {
  const id = await newCase('received');
  await transaction(db, [
    `set local distributary.actor = 'night shift'`,
    [`update cases set status = 'referred' where id = $1`, [id]],
  ]);
  await db.sql(`update cases set title = 'Another' where id = $1`, [id]);
  expect(
    await db.sql('select actor, version, change from audit_log where aggregate_id = $1 order by id', [id]),
  ).toEqual([
    { actor: 'postgres', version: 1, change: 'created' },
    { actor: 'night shift', version: 2, change: 'moved' },
    { actor: 'postgres', version: 3, change: 'updated' },
  ]);
  expect(await db.sql('select actor, to_status from case_transitions where case_id = $1 order by id', [id])).toEqual([
    { actor: 'postgres', to_status: 'received' },
    { actor: 'night shift', to_status: 'referred' },
  ]);
});

test('a transaction that fails at the last moment leaves nothing of all that', async () => {
  const id = await newCase();
  const counts = () =>
    db.sql(
      'select (select count(*) from outbox) o, (select count(*) from audit_log) a, (select count(*) from case_transitions) t',
    );
  const before = await counts();
  await expect(
    transaction(db, [
      [`update cases set status = 'answered' where id = $1`, [id]],
      [addTask, [ids.company, id]],
      'select 1 / 0',
    ]),
  ).rejects.toThrow('division by zero');
  expect(await counts()).toEqual(before);
});

test.each(['read committed', 'repeatable read', 'serializable'])(
  'constraints set immediate hide nothing (%s)',
  async isolation => {
    const id = await newCase();
    const rows = await emitted(id, () =>
      transaction(db, [
        `set transaction isolation level ${isolation}`,
        'set constraints all immediate',
        [`update cases set title = 'Another' where id = $1`, [id]],
        [addTask, [ids.company, id]],
        'set constraints all deferred',
        [addEvidence, [ids.company, id]],
      ]),
    );
    const last = rows.at(-1)!;
    expect(JSON.parse(last.text!)).toMatchObject({
      title: 'Another',
      open_task_count: 1,
      evidence: [{ title: 'Letter' }],
    });
    expect(new Set(rows.map(({ version }) => version)).size).toBe(rows.length);
  },
);

test('writers at the same time: versions without gap or twin, the last row is the truth, one row a commit', async () => {
  const cases = await several(4, newCase);
  const statements = [
    `update cases set title = title || '.' where id = $1`,
    `insert into tasks (tenant_id, case_id, title) select tenant_id, id, 'T' from cases where id = $1`,
    `update tasks set done_at = now() where case_id = $1`,
    `update cases set restricted = not restricted where id = $1`,
  ];
  const verdicts = await stampede(db, 8, async (one, index) => {
    for (let turn = 0; turn < 25; turn += 1) {
      await one.query(statements[(turn + index) % statements.length]!, [cases[(turn * 3 + index) % cases.length]]);
    }
  });
  expect(verdicts).toEqual(Array(8).fill('done'));
  for (const id of cases) {
    const rows = await outboxOf(db, id);
    const [now] = await db.sql<{ version: number; text: string }>(
      'select version, capture.case_state(tenant_id, id)::text as text from cases where id = $1',
      [id],
    );
    const versions = rows.map(({ version }) => version).sort((a, b) => a - b);
    expect(versions).toEqual(Array.from({ length: now!.version }, (_, index) => index + 1));
    const newest = rows.find(({ version }) => version === now!.version)!;
    expect(newest.text).toBe(now!.text);
    expect(newest.digest).toBe(digestOf(id, newest.version, newest.text!));
  }
});

test('psql at 3 AM is captured too: COPY, MERGE, upsert, bulk; and what would escape is refused', async () => {
  const id = await newCase();
  const change = async (text: string) => named(await emitted(id, () => db.sql(text)));
  expect(
    await change(`merge into cases using (select '${id}'::uuid as key) source on cases.id = source.key
      when matched then update set zip = '33009'`),
  ).toEqual(['updated standard']);
  expect(
    await change(`insert into cases (id, tenant_id, title, product, issue) values ('${id}', '${ids.company}', 't', 'p', 'i')
      on conflict (id) do update set title = excluded.title`),
  ).toEqual(['updated standard']);
  expect(await change(`update cases set priority = 'high'`)).toEqual(['updated standard']);
  for (const table of ['cases', 'tasks', 'case_parties', 'parties', 'evidence']) {
    await expect(db.sql(`truncate ${table} cascade`)).rejects.toThrow(/is refused/);
  }
});

test('an outbox row written by hand is taken as it is, for the relay to judge', async () => {
  await db.sql(
    `insert into outbox (tenant_id, aggregate, aggregate_id, version, change, lane, schema_version, digest, payload)
      values (gen_random_uuid(), 'Ghost!', gen_random_uuid(), 0, '', 'express', 0, -1, '[]')`,
  );
  expect(await db.sql(`select lane from outbox where aggregate = 'Ghost!'`)).toEqual([{ lane: 'express' }]);
});

test('applying the generated code again changes nothing but the code', async () => {
  const id = await newCase();
  const client: pg.Client = await db.connect();
  const sql = readFileSync(new URL('../canonical/capture.sql', import.meta.url), 'utf8');
  await client.query(`begin; ${sql}; commit`);
  await client.query('reset role');
  const rows = await emitted(id, () => closeCase(db.main, id));
  expect(named(rows)).toEqual(['closed standard']);
});

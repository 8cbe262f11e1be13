import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { addCase, type Canonical, interleave, openCanonical, openServer, seed, several } from './canonical-fixture.ts';

/** A renamed party reaches the state of each of its cases, and nobody notices how much work that is. */

let server: Awaited<ReturnType<typeof openServer>>;
let db: Canonical;
let ids: Awaited<ReturnType<typeof seed>>;

beforeAll(async () => {
  server = await openServer();
});
afterAll(() => server?.stop());
beforeEach(async () => {
  db = await openCanonical(server.url);
  ids = await seed(db);
});
afterEach(() => db?.close());

const CHUNK = 200;
const link = `insert into case_parties (tenant_id, case_id, party_id, role) values ($1, $2, $3, 'respondent')`;
const rename = (name: string, client = db.main) =>
  client.query('update parties set name = $2 where id = $1', [ids.party, name]);

async function linkedCase(): Promise<string> {
  const id = await addCase(db.main, ids.company, 'received');
  await db.sql(link, [ids.company, id, ids.party]);
  return id;
}

/** So many cases of the party; what came before the rename is no part of the test, and is not published. */
async function linkedCases(count: number): Promise<void> {
  await db.sql('alter table cases disable trigger emit');
  await db.sql(
    `insert into cases (tenant_id, title, product, issue, narrative, status)
      select $1, 'Case ' || n, 'Credit reporting', 'Incorrect information', repeat('It is not my debt. ', 20), 'received'
      from generate_series(1, $2::integer) n`,
    [ids.company, count],
  );
  await db.sql(
    `insert into case_parties (tenant_id, case_id, party_id, role) select $1, id, $2, 'respondent' from cases`,
    [ids.company, ids.party],
  );
  await db.sql('alter table cases enable trigger emit');
  await db.sql('vacuum analyze');
}

const chunk = async (client: Pick<pg.Client, 'query'>, size = CHUNK) =>
  (
    await client.query<{ republished: number; remaining: boolean }>(
      'select * from canonical.republish_dependants($1)',
      [size],
    )
  ).rows[0]!;

/** Works until nothing remains; gives up where nothing moves any more. */
async function republishAll(client: Pick<pg.Client, 'query'>, size = CHUNK): Promise<number> {
  let total = 0;
  for (let idle = 0; idle < 5; ) {
    const { republished, remaining } = await chunk(client, size);
    total += republished;
    if (!remaining) return total;
    idle = republished === 0 ? idle + 1 : 0;
  }
  throw new Error('dependants remain, but none moves');
}

const lastOf = async (key: string) =>
  (
    await db.sql<{ change: string; lane: string; payload: { company: string; investigator_name: string } }>(
      'select change, lane, payload from outbox where aggregate_id = $1 order by version desc limit 1',
      [key],
    )
  )[0]!;

test('a rename is published with the party at once, and with its cases chunk by chunk, on the standard lane', async () => {
  const cases = await several(7, linkedCase);
  await rename('New Bank');
  expect(await lastOf(ids.party)).toMatchObject({ change: 'renamed' });
  expect((await lastOf(cases[0]!)).payload.company).toBe('Acme Bank');

  const relay = await db.connect('distributary_relay');
  const chunks = [];
  for (let left = true; left; ) {
    const { republished, remaining } = await chunk(relay, 3);
    chunks.push(republished);
    left = remaining;
  }
  expect(chunks).toEqual([3, 3, 1]);
  for (const id of cases) {
    expect(await lastOf(id)).toMatchObject({
      change: 'reference-updated',
      lane: 'standard',
      payload: { company: 'New Bank', parties: [{ name: 'New Bank' }] },
    });
  }
  // Nobody changed the cases, so the audit does not say that somebody did.
  expect(await db.sql(`select from audit_log where change = 'reference-updated'`)).toEqual([]);
});

test('a rename to the same name, or another column, is no work', async () => {
  await linkedCase();
  await rename('Acme Bank');
  await db.sql(`update parties set email = 'a@b.example' where id = $1`, [ids.party]);
  expect(await db.sql('select from dependants_pending')).toEqual([]);
});

test("an investigator's new name reaches cases, assignments and memberships, each once", async () => {
  const id = await linkedCase();
  const [{ id: assignment }] = (await db.sql<{ id: string }>(
    'insert into assignments (tenant_id, case_id, investigator_id) values ($1, $2, $3) returning id',
    [ids.company, id, ids.investigator],
  )) as [{ id: string }];
  const [{ before }] = (await db.sql<{ before: number }>('select max(id) as before from outbox')) as [
    { before: number },
  ];
  await db.sql(`update users set display_name = 'Ines Vega' where id = $1`, [ids.investigator]);
  expect(await republishAll(db.main)).toBe(3);
  expect(await db.sql('select aggregate, change from outbox where id > $1 order by aggregate', [before])).toEqual(
    ['assignment', 'case', 'membership'].map(aggregate => ({ aggregate, change: 'reference-updated' })),
  );
  for (const key of [id, assignment]) {
    expect(await lastOf(key)).toMatchObject({
      change: 'reference-updated',
      payload: { investigator_name: 'Ines Vega' },
    });
  }
  expect(
    await db.sql(
      `select payload ->> 'user_name' as name from outbox where aggregate = 'membership' order by id desc limit 1`,
    ),
  ).toEqual([{ name: 'Ines Vega' }]);
});

describe('a link and a rename at the same time end with the new name, where', () => {
  test('the link is made first: the rename waits for it', async () => {
    const id = await addCase(db.main, ids.company);
    const { second, waited } = await interleave(
      db,
      one => one.query(link, [ids.company, id, ids.party]),
      other => rename('New Bank', other),
    );
    expect({ second, waited }).toEqual({ second: 'done', waited: true });
    expect((await lastOf(id)).payload.company).toBe('Acme Bank');
    await republishAll(db.main);
    expect((await lastOf(id)).payload.company).toBe('New Bank');
  });

  test('the rename is made first: the link waits for it, and needs nothing more', async () => {
    const id = await addCase(db.main, ids.company);
    const { second, waited } = await interleave(
      db,
      one => rename('New Bank', one),
      other => other.query(link, [ids.company, id, ids.party]),
    );
    expect({ second, waited }).toEqual({ second: 'done', waited: true });
    expect((await lastOf(id)).payload.company).toBe('New Bank');
    expect(await republishAll(db.main)).toBe(1);
  });

  test('the linking transaction reads an old snapshot: it has to try again', async () => {
    const id = await addCase(db.main, ids.company);
    const { second } = await interleave(
      db,
      one => rename('New Bank', one),
      other => other.query(link, [ids.company, id, ids.party]),
      'serializable',
    );
    expect(second).toMatchObject({ code: '40001' });
  });
});

test('several renames before the work begins are one round; one that comes later is another', async () => {
  const cases = await several(4, linkedCase);
  for (const name of ['B', 'C', 'D']) await rename(name);
  await chunk(db.main, 2);
  await rename('E');
  await rename('F');
  expect(await republishAll(db.main, 2)).toBe(2 + 4);
  for (const id of cases) expect((await lastOf(id)).payload.company).toBe('F');
});

test('a party that is renamed with each chunk still reaches its last case', async () => {
  const cases = await several(6, linkedCase);
  const last = cases.toSorted().at(-1)!;
  for (let round = 1; round <= 6; round += 1) {
    await rename(`Name ${round}`);
    await chunk(db.main, 2);
  }
  expect((await lastOf(last)).payload.company).toMatch(/^Name \d$/);
});

test('a case that somebody holds is left for later, and holds up nobody', async () => {
  const cases = await several(5, linkedCase);
  const [held, ...free] = cases as [string, ...string[]];
  const user = await db.connect();
  await user.query('begin');
  await user.query(`update cases set title = 'In hand' where id = $1`, [held]);
  await rename('New Bank');

  await expect(republishAll(db.main)).rejects.toThrow('none moves');
  for (const id of free) expect((await lastOf(id)).payload.company).toBe('New Bank');
  expect(await db.sql('select key from dependants_skipped')).toEqual([{ key: held }]);

  await user.query('rollback');
  expect(await republishAll(db.main)).toBe(1);
  expect((await lastOf(held)).payload.company).toBe('New Bank');
});

test('a case that was purged meanwhile is no obstacle', async () => {
  const [gone, kept] = [await linkedCase(), await linkedCase()];
  const user = await db.connect();
  await user.query('begin');
  await user.query('delete from cases where id = $1', [gone]);
  await rename('New Bank');
  await expect(republishAll(db.main)).rejects.toThrow('none moves');
  await user.query('commit');
  await republishAll(db.main);
  expect(await lastOf(gone)).toMatchObject({ change: 'deleted', payload: null });
  expect((await lastOf(kept)).payload.company).toBe('New Bank');
});

const CASES = 20_000;

test('one party in 20,000 cases, renamed while others write, link and unlink: every case ends with its newest name', async () => {
  await linkedCases(CASES);
  const stop = new AbortController();
  const waits: number[] = [];
  const chunks: number[] = [];

  const writers = Array.from({ length: 3 }, (_, index) => write(index, stop.signal, waits));
  const workers = Array.from({ length: 2 }, () => work(stop.signal, chunks));
  for (const name of ['Second Bank', 'Last Bank']) {
    await rename(name);
    await delay(1_500);
  }
  await settled();
  stop.abort();
  await Promise.all([...writers, ...workers]);
  await republishAll(db.main);

  const [result] = await db.sql<{ cases: number; stale: number; old: number }>(
    `select count(*) as cases,
              count(*) filter (where last.text is distinct from capture.case_state(cases.tenant_id, cases.id)::text) as stale,
              count(*) filter (where last.company <> 'Last Bank') as old
        from cases left join (
          select distinct on (aggregate_id) aggregate_id, payload::text as text, payload ->> 'company' as company
            from outbox where aggregate = 'case' order by aggregate_id, version desc) last on last.aggregate_id = cases.id`,
  );
  expect(result!.cases).toBeGreaterThanOrEqual(CASES);
  expect(result).toMatchObject({ stale: 0, old: 0 });
  const longestChunk = Math.max(...chunks);
  console.log(
    `${CASES} cases: ${chunks.length} chunks, ${at(chunks, 0.5)} ms p50, ${longestChunk} ms max; ` +
      `${waits.length} commands meanwhile, ${at(waits, 0.5)} / ${at(waits, 0.99)} / ${at(waits, 1)} ms p50 / p99 / max`,
  );
  // A command waits for one chunk at the most; the rest of it is the machine's.
  expect(at(waits, 0.99)).toBeLessThan(longestChunk + 250);
  expect(Math.max(...waits)).toBeLessThan(2 * longestChunk + 1_000);
}, 180_000);

const at = (values: readonly number[], quantile: number): number =>
  Math.round(values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * quantile))] ?? 0);

async function settled(): Promise<void> {
  for (;;) {
    const [left] = await db.sql<{ left: number }>(
      'select (select count(*) from dependants_pending) + (select count(*) from dependants_skipped) as left',
    );
    if (left!.left === 0) return;
    await delay(200);
  }
}

/** Updates, links anew, unlinks and opens cases of the party, and takes the time of each. */
async function write(index: number, signal: AbortSignal, waits: number[]): Promise<void> {
  const client = await db.connect();
  const { rows } = await client.query<{ id: string }>('select id from cases order by random() limit 3000');
  for (let turn = index; !signal.aborted; turn += 1) {
    const id = rows[turn % rows.length]!.id;
    const started = performance.now();
    if (turn % 4 === 0) await client.query(`update cases set title = title || '.' where id = $1`, [id]);
    else if (turn % 4 === 1) await client.query('delete from case_parties where case_id = $1', [id]);
    else if (turn % 4 === 2)
      await client.query(`${link.replace('respondent', 'witness')} on conflict do nothing`, [
        ids.company,
        id,
        ids.party,
      ]);
    else await open(client);
    waits.push(performance.now() - started);
    await delay(10);
  }
}

async function open(client: pg.Client): Promise<void> {
  const id = randomUUID();
  await client.query('begin');
  await client.query(
    `insert into cases (id, tenant_id, title, product, issue, status) values ($1, $2, 'New', 'Card', 'Fees', 'received')`,
    [id, ids.company],
  );
  await client.query(link, [ids.company, id, ids.party]);
  await client.query('commit');
}

async function work(signal: AbortSignal, chunks: number[]): Promise<void> {
  const client = await db.connect('distributary_relay');
  while (!signal.aborted) {
    const started = performance.now();
    const { republished, remaining } = await chunk(client);
    if (republished > 0) chunks.push(Math.round(performance.now() - started));
    if (!remaining) await delay(20);
  }
}

test('rows of any aggregate can be published again; a note for an aggregate that no contract knows stops nobody', async () => {
  const id = await linkedCase();
  const note = 'insert into dependants_skipped (aggregate, key) values ($1, $2)';
  await db.sql(`insert into evidence (tenant_id, case_id, sha256, media_type, size_bytes, title)
    values ('${ids.company}', '${id}', sha256('letter'), 'text/plain', 6, 'Letter')`);
  await db.sql(`insert into decisions (tenant_id, case_id, kind, summary, decided_by)
    values ('${ids.company}', '${id}', 'finding', 'It was right.', '${ids.investigator}')`);
  const roots = await db.sql<{ aggregate: string; key: string }>(`
    select 'evidence' as aggregate, id as key from evidence union all select 'decision', id from decisions
    union all select 'party', id from parties union all select 'tenant', id from tenants`);
  const before = (await db.sql<{ id: number }>('select coalesce(max(id), 0) as id from outbox'))[0]!.id;
  await db.sql(note, ['ghost', randomUUID()]);
  for (const { aggregate, key } of roots) await db.sql(note, [aggregate, key]);

  await republishAll(db.main);
  const published = await db.sql<{ aggregate_id: string }>('select aggregate_id from outbox where id > $1', [before]);
  expect(published.map(row => row.aggregate_id)).toEqual(expect.arrayContaining(roots.map(({ key }) => key)));
  expect(await db.sql('select from dependants_skipped')).toEqual([]);
});

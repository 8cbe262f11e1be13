import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse';
import pg from 'pg';
import { startPostgres } from '../../local/postgres.ts';

/**
 * What PostgreSQL alone does with the reads that the derived stores serve: the evidence behind `alternatives` in the
 * contracts. Makes a server in a temporary folder, multiplies the sample, prints a table. `node examples/alternatives/measure.ts [cases]`
 */

const CASES = Number(process.argv[2] ?? 200_000);
const STEPS_PER_CASE = 5;
const RUNS = 30;
const SAMPLE = new URL('../consumer-complaints/consumer-complaints-2023.csv', import.meta.url);

const SCHEMA = `
  create table sample (n serial primary key, product text, issue text, company text, us_state text, narrative text);
  create table cases (id uuid primary key default gen_random_uuid(), n int, product text, issue text, company text,
    us_state text, status text, priority int, due_on date, investigator int, narrative text,
    words tsvector generated always as (to_tsvector('english', coalesce(narrative, '') || ' ' || issue)) stored);
  create table steps (id bigserial primary key, case_id uuid, at timestamptz, status text, product text, company text, us_state text);`;
const FILL = `
  insert into cases (n, product, issue, company, us_state, status, priority, due_on, investigator, narrative)
    select i, product, issue, company, us_state, (array['received','referred','under-review','answered','closed'])[1 + i % 5],
      i % 4, date '2024-01-01' + i % 365, i % 500, narrative
    from generate_series(1, $1::int) i join sample on sample.n = 1 + i % (select count(*) from sample);`;
const FINISH = `
  insert into steps (case_id, at, status, product, company, us_state)
    select id, timestamptz '2023-01-01' + (n % 700) * interval '1 day' + step * interval '1 day', status, product, company, us_state
    from cases, generate_series(1, ${STEPS_PER_CASE}) step;
  create index on cases using gin (words); create index on cases (product); create index on cases (company);
  create index on cases (investigator, priority, due_on) where status <> 'closed'; create index on steps (case_id, at);
  vacuum analyze;`;

const WORDS = [
  'credit report',
  'identity theft',
  'payment',
  'account',
  'mortgage loan',
  'debt collector',
  'investigation',
];
const FACETS = ['product', 'issue', 'company', 'us_state', 'status'];
const facets = FACETS.map(
  name =>
    `(select json_agg(f) from (select ${name}, count(*) from found group by 1 order by 2 desc limit 10) f) as ${name}`,
).join(', ');

const QUERIES: Readonly<Record<string, (run: number) => readonly [string, readonly unknown[]]>> = {
  'search, best 20 by rank': run => [
    `select id, ts_rank(words, q) from cases, websearch_to_tsquery('english', $1) q where words @@ q order by 2 desc limit 20`,
    [WORDS[run % WORDS.length]],
  ],
  'search, best 20 and five facets': run => [
    `with found as materialized (select id, ${FACETS.join(', ')}, ts_rank(words, q) as rank
       from cases, websearch_to_tsquery('english', $1) q where words @@ q)
     select (select json_agg(t) from (select id from found order by rank desc limit 20) t), ${facets}`,
    [WORDS[run % WORDS.length]],
  ],
  'timeline of a case': run => [
    'select * from steps where case_id = (select case_id from steps where id = $1) order by at',
    [1 + ((run * 7919) % CASES)],
  ],
  'worklist of an investigator': run => [
    `select id from cases where investigator = $1 and status <> 'closed' order by priority, due_on limit 50`,
    [run],
  ],
  'report over every state': () => [
    `select date_trunc('month', at), product, company, status, count(*), count(distinct case_id) from steps group by 1, 2, 3, 4`,
    [],
  ],
};

async function main(dataDir: string): Promise<void> {
  const postgres = await startPostgres({ dataDir, onLog: () => {} });
  const client = new pg.Client(postgres.url);
  await client.connect();
  try {
    await fill(client);
    for (const [name, query] of Object.entries(QUERIES)) {
      const times: number[] = [];
      for (let run = 0; run < RUNS; run += 1) {
        const [text, values] = query(run);
        const from = performance.now();
        await client.query(text, [...values]);
        times.push(performance.now() - from);
      }
      times.sort((a, b) => a - b);
      const at = (share: number) => times[Math.floor(times.length * share)]!.toFixed(1);
      console.log(`${name.padEnd(34)} p50 ${at(0.5).padStart(8)} ms   p95 ${at(0.95).padStart(8)} ms`);
    }
  } finally {
    await client.end();
    await postgres.stop();
  }
}

async function fill(client: pg.Client): Promise<void> {
  await client.query(SCHEMA);
  for await (const row of createReadStream(SAMPLE).pipe(parse({ columns: true, bom: true }))) {
    await client.query(
      'insert into sample (product, issue, company, us_state, narrative) values ($1, $2, $3, $4, $5)',
      [row.Product, row.Issue, row.Company, row.State, row['Consumer complaint narrative']],
    );
  }
  await client.query(FILL, [CASES]);
  for (const statement of FINISH.split(';').filter(text => text.trim())) await client.query(statement);
  const { rows } = await client.query(
    `select pg_size_pretty(pg_total_relation_size('cases')) as cases, pg_size_pretty(pg_total_relation_size('steps')) as steps,
       (select count(*) from cases where words @@ 'credit') as matches`,
  );
  console.log(
    `${CASES} cases (${rows[0].cases}), ${CASES * STEPS_PER_CASE} states (${rows[0].steps}), ${RUNS} runs each`,
  );
}

const dataDir = mkdtempSync(join(tmpdir(), 'distributary-alternatives-'));
try {
  await main(dataDir);
} finally {
  rmSync(dataDir, { recursive: true, force: true });
}

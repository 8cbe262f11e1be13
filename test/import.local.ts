import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { intakeOfficer } from '../bin/complaints/bureau.ts';
import { BATCH_ROWS, type ImportOptions, importComplaints } from '../bin/complaints/importing.ts';
import type { BadRow } from '../bin/complaints/reading.ts';
import { SAMPLE } from '../bin/complaints/sample.ts';
import { type Canonical, openCanonical, openServer } from './canonical-fixture.ts';

const TIMEOUT_MS = 120_000;
const CLI = join(import.meta.dirname, '..', 'bin', 'distributary.ts');
const [HEADER = '', ...RECORDS] = readFileSync(SAMPLE, 'utf8').trimEnd().split('\r\n');
const APP_PASSWORD = 'of-this-test';

let server: Awaited<ReturnType<typeof openServer>>;
let canonical: Canonical;
let app: string;
let actor: string;
const folder = mkdtempSync(join(tmpdir(), 'distributary-import-'));

beforeAll(async () => {
  server = await openServer();
}, TIMEOUT_MS);
afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true });
}, TIMEOUT_MS);

beforeEach(async () => {
  canonical = await openCanonical(server.url);
  await canonical.sql(`alter role distributary_app password '${APP_PASSWORD}'`);
  const url = new URL(canonical.url);
  url.username = 'distributary_app';
  url.password = APP_PASSWORD;
  app = url.href;
  actor = await intakeOfficer({ connectionString: canonical.url });
}, TIMEOUT_MS);
afterEach(() => canonical.close());

function fileOf(...records: readonly string[]): string {
  const file = join(folder, 'complaints.csv');
  writeFileSync(file, [HEADER, ...records, ''].join('\r\n'));
  return file;
}

async function importFile(file: string, options: Partial<ImportOptions> = {}) {
  const badRows: BadRow[] = [];
  const onBadRow = (row: BadRow) => badRows.push(row);
  const report = await importComplaints({ file, database: { connectionString: app }, actor, onBadRow, ...options });
  return { ...report, badRows };
}

const countCases = async (): Promise<number> =>
  (await canonical.sql<{ count: number }>('select count(*) from cases'))[0]!.count;

/** Each case once, captured once, with its party, and nothing besides. */
async function expectWhole(cases: number): Promise<void> {
  const [found] = await canonical.sql(`
    select (select count(*) from cases) as cases,
      (select count(distinct reference) from cases) as complaints,
      (select count(*) from case_parties where role = 'respondent') as respondents,
      (select count(*) from outbox where aggregate = 'case') as changes,
      (select count(*) - count(distinct name) from tenants) as repeated_companies,
      (select count(*) from tenants where kind = 'company') - (select count(*) from parties) as companies_without_party`);
  const each = { cases, complaints: cases, respondents: cases, changes: cases };
  expect(found).toEqual({ ...each, repeated_companies: 0, companies_without_party: 0 });
}

test(
  'the whole sample becomes cases, and a second import takes nothing',
  async () => {
    const first = await importFile(SAMPLE);
    expect(first).toMatchObject({ imported: 2067, present: 0, bad: 0, interrupted: false, badRows: [] });
    await expectWhole(2067);
    expect(await importFile(SAMPLE)).toMatchObject({ imported: 0, present: 2067, bad: 0 });
    await expectWhole(2067);
  },
  TIMEOUT_MS,
);

test('a closed complaint went its legal way, on its own dates', async () => {
  const record =
    RECORDS.find(text => text.startsWith('2023-08-22') && text.includes('Closed with monetary relief')) ??
    RECORDS.find(text => text.includes('Closed with monetary relief'))!;
  const [received, sent] = record.match(/\d{4}-\d{2}-\d{2}(?=,)/g)!;
  await importFile(fileOf(record));
  const [kase] = await canonical.sql<{
    id: string;
    tenant: string;
    company: string;
    outcome: string;
    version: number;
  }>(`
    select cases.id, tenants.name as tenant, parties.name as company, outcome, cases.version from cases
      join tenants on tenants.id = cases.tenant_id
      join case_parties on case_id = cases.id join parties on parties.id = party_id`);
  expect(kase).toMatchObject({ outcome: 'monetary-relief' });
  expect(kase?.tenant).toBe(kase?.company);
  const steps = await canonical.sql(
    `select from_status, to_status, to_char(at at time zone 'utc', 'YYYY-MM-DD') as day, reason, actor
      from case_transitions order by id`,
  );
  const today = new Date().toISOString().slice(0, 10);
  const reason = 'Closed with monetary relief, on a day that the bureau does not publish';
  expect(steps).toEqual([
    { from_status: null, to_status: 'received', day: received, reason: null, actor },
    { from_status: 'received', to_status: 'referred', day: sent, reason: null, actor },
    { from_status: 'referred', to_status: 'closed', day: today, reason, actor },
  ]);
});

test('what is in progress is under review, what has no answer stays referred', async () => {
  const inProgress = RECORDS.find(text => text.includes(',In progress,'))!;
  const unanswered = RECORDS.find(text => text.includes(',Closed with explanation,'))!.replace(
    'Closed with explanation',
    '',
  );
  await importFile(fileOf(inProgress, unanswered));
  const rows = await canonical.sql('select status, outcome, company_response from cases order by status');
  expect(rows).toEqual([
    { status: 'referred', outcome: null, company_response: null },
    { status: 'under-review', outcome: null, company_response: 'In progress' },
  ]);
});

test('bad rows are left out by line, and all others of their batch imported', async () => {
  const records = RECORDS.slice(0, 30);
  const bad = [records[3]!.replace(/^[^,]*/, 'yesterday'), `${records[7]},more`];
  const report = await importFile(
    fileOf(...records.slice(0, 3), bad[0]!, ...records.slice(4, 7), bad[1]!, ...records.slice(8)),
  );
  expect(report).toMatchObject({ imported: 28, bad: 2 });
  expect(report.badRows.map(({ line }) => line)).toEqual([5, 9]);
  expect(await countCases()).toBe(28);
  // Corrected, the import takes just those.
  expect(await importFile(fileOf(...records))).toMatchObject({ imported: 2, present: 28, bad: 0 });
});

test('a row that only the database refuses is bad by its own line', async () => {
  await canonical.sql(`alter table cases add constraint no_guam check (us_state is distinct from 'GU')`);
  const records = RECORDS.slice(0, 20);
  const fields = records[10]!.split(',Web,');
  const guam = [fields[0]!.replace(/,[A-Z]{2},(\w{5}),([^,]*),([^,]*)$/, ',GU,$1,$2,$3'), fields[1]].join(',Web,');
  const report = await importFile(fileOf(...records.slice(0, 10), guam, ...records.slice(11)));
  expect(report).toMatchObject({ imported: 19, bad: 1 });
  expect(report.badRows).toMatchObject([{ line: 12, defects: [{ reason: expect.stringContaining('no_guam') }] }]);
});

test('a complaint that stands in the file twice is taken once', async () => {
  const [one, other] = [RECORDS[0]!, RECORDS[1]!];
  expect(await importFile(fileOf(one, other, one))).toMatchObject({ imported: 2, present: 1, bad: 0 });
});

test('a company that took another name is the same company', async () => {
  const records = RECORDS.filter(text => text.includes('"EQUIFAX, INC."')).slice(0, 2);
  await importFile(fileOf(records[0]!));
  await canonical.sql(`update parties set name = 'EFX'`);
  await importFile(fileOf(...records));
  expect(await canonical.sql('select name from parties')).toEqual([{ name: 'EFX' }]);
});

test(
  'two imports at once take each complaint once',
  async () => {
    const file = fileOf(...RECORDS.slice(0, 500));
    const reports = await Promise.all([importFile(file), importFile(file), importFile(file)]);
    expect(reports.reduce((sum, { imported }) => sum + imported, 0)).toBe(500);
    await expectWhole(500);
  },
  TIMEOUT_MS,
);

test(
  'an import that is asked to stop finishes its batch, and the next one takes the rest',
  async () => {
    const stop = new AbortController();
    const report = await importFile(SAMPLE, {
      signal: stop.signal,
      onProgress: ({ imported }) => imported >= 300 && stop.abort(),
    });
    expect(report).toMatchObject({ imported: 300, interrupted: true });
    expect(await importFile(SAMPLE)).toMatchObject({ imported: 1767, present: 300, interrupted: false });
    await expectWhole(2067);
  },
  TIMEOUT_MS,
);

test(
  'an import that is killed in the middle leaves whole batches, and the next one takes the rest',
  async () => {
    const args = ['import', SAMPLE, '--database', app, '--actor', actor, '--json'];
    const child = spawn(process.execPath, [CLI, ...args], { stdio: 'ignore' });
    const exited = new Promise<NodeJS.Signals | null>(gone => child.once('exit', (_, signal) => gone(signal)));
    while ((await countCases()) === 0 && child.exitCode === null) await delay(5);
    child.kill('SIGKILL');
    expect(await exited).toBe('SIGKILL');
    const survived = await countCases();
    expect(survived % BATCH_ROWS).toBe(0);
    expect(survived).toBeLessThan(2067);
    await expectWhole(survived);
    const report = await importFile(SAMPLE);
    expect(report.imported + report.present).toBe(2067);
    await expectWhole(2067);
  },
  TIMEOUT_MS,
);

test('a database that goes away, and an actor who may not, are errors with a hint', async () => {
  const nowhere = { connectionString: 'postgresql://nobody@127.0.0.1:1/none' };
  await expect(importFile(SAMPLE, { database: nowhere })).rejects.toMatchObject({
    code: 'source-unavailable',
    hint: expect.stringContaining('takes only what is missing'),
  });
  const stranger = '00000000-0000-4000-8000-00000000000a';
  await expect(importFile(SAMPLE, { actor: stranger })).rejects.toMatchObject({
    code: 'source-unavailable',
    message: expect.stringContaining('is not of the bureau'),
  });
  expect(await countCases()).toBe(0);
});

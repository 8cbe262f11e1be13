import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { COLUMNS, type ColumnName } from '../bin/complaints/columns.ts';
import { MAX_LINE_BYTES } from '../bin/complaints/lines.ts';
import { complaintsOf, type Row } from '../bin/complaints/reading.ts';
import { DistributaryError } from '../core/errors.ts';

const SAMPLE = join(import.meta.dirname, '..', 'examples', 'consumer-complaints', 'consumer-complaints-2023.csv');
const text = readFileSync(SAMPLE, 'utf8');
const HEADER = text.slice(0, text.indexOf('\r\n'));
/** Records end with CRLF; line breaks within a field are bare line feeds. */
const RECORDS = text.trimEnd().split('\r\n').slice(1);
/** A plain one, and one whose narrative has line breaks and quotes. */
const PLAIN = RECORDS.find(record => !record.includes('\n') && record.includes('Closed with explanation'))!;
const NARRATED = RECORDS.find(record => record.split('\n').length > 3 && record.includes('""'))!;

const folder = mkdtempSync(join(tmpdir(), 'distributary-import-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function readFile(file: string): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const row of complaintsOf(file)) rows.push(row);
  return rows;
}
async function read(content: string | Buffer): Promise<Row[]> {
  const file = join(folder, 'complaints.csv');
  writeFileSync(file, content);
  return readFile(file);
}
const readRecords = (...records: readonly string[]) => read([HEADER, ...records, ''].join('\r\n'));

const references = (rows: readonly Row[]): string[] =>
  rows.flatMap(row => (row.kind === 'complaint' ? [row.complaint.reference] : []));
const badLines = (rows: readonly Row[]): number[] => rows.flatMap(row => (row.kind === 'bad' ? [row.line] : []));
const idOf = (record: string): string => record.slice(record.lastIndexOf(',') + 1);

/** The plain record with other values; it has a quoted company and no other quotes. */
function withValues(values: Partial<Record<ColumnName, string>>): string {
  const fields = PLAIN.match(/("[^"]*"|[^,]*)(?:,|$)/g)!.map(field => field.replace(/,$/, ''));
  return COLUMNS.map((name, index) => values[name] ?? fields[index]).join(',');
}

describe('the sample', () => {
  let rows: readonly Row[];
  beforeAll(async () => {
    rows = await readFile(SAMPLE);
  });

  test('has 2,067 complaints, none of them bad', () => {
    expect(rows).toHaveLength(2067);
    expect(badLines(rows)).toEqual([]);
    expect(new Set(references(rows)).size).toBe(2067);
  });

  test('ends where its last record does', () => {
    expect(rows.at(-1)!.end).toBe(Buffer.byteLength(text));
  });

  test('each row is at the line where its record starts', () => {
    const lines = text.split('\n');
    for (const row of rows) {
      if (row.kind !== 'complaint') continue;
      expect(lines[row.line - 1]).toMatch(new RegExp(`^${row.complaint.received_on},`));
    }
  });

  test('becomes cases under review, or closed with an outcome', () => {
    const ways = rows.map(row =>
      row.kind === 'complaint' ? (row.complaint.answer?.outcome ?? 'under review') : 'bad',
    );
    const tally: Record<string, number> = {};
    for (const way of ways) tally[way] = (tally[way] ?? 0) + 1;
    expect(tally).toEqual({
      'under review': 616,
      'non-monetary-relief': 789,
      explanation: 627,
      'monetary-relief': 33,
      'no-relief': 2,
    });
  });
});

test('a complaint has what its row says', async () => {
  const [row] = await readRecords(
    withValues({
      'Date received': '2023-08-22',
      'Date sent to company': '2023-08-23',
      'Sub-issue': '',
      Tags: '"Older American, Servicemember"',
      'ZIP code': '601XX',
      'Consumer disputed?': 'No',
      'Company response to consumer': 'Untimely response',
      'Timely response?': 'No',
    }),
  );
  expect(row).toEqual({
    kind: 'complaint',
    line: 2,
    end: expect.any(Number),
    complaint: {
      company: 'EQUIFAX, INC.',
      reference: '7523056',
      title: 'Incorrect information on your report',
      product: 'Credit reporting or other personal consumer reports',
      sub_product: 'Credit reporting',
      issue: 'Incorrect information on your report',
      sub_issue: null,
      narrative: null,
      tags: ['Older American', 'Servicemember'],
      us_state: 'FL',
      zip: '601XX',
      consent: null,
      submitted_via: 'Web',
      company_response: 'Untimely response',
      company_public_response: null,
      timely: false,
      disputed: false,
      received_on: '2023-08-22',
      sent_on: '2023-08-23',
      answer: { status: 'closed', outcome: 'untimely-response' },
    },
  });
});

test('a narrative keeps its line breaks and quotes', async () => {
  const [row] = await readRecords(NARRATED);
  const narrative = row?.kind === 'complaint' ? row.complaint.narrative : undefined;
  expect(narrative).toContain('\n');
  expect(narrative).toContain('"');
  expect(NARRATED).toContain(narrative!.replaceAll('"', '""'));
});

test.each<[column: ColumnName, value: string, reason: string]>([
  ['Date received', '', 'is no date like 2023-08-25'],
  ['Date received', '08/25/2023', 'is no date like 2023-08-25'],
  ['Date received', '2023-02-30', 'is no date like 2023-08-25'],
  ['Date sent to company', '2023-8-25', 'is no date like 2023-08-25'],
  ['Date sent to company', '2023-08-24', 'is before the date received, 2023-08-25'],
  ['Complaint ID', '', 'is missing'],
  ['Complaint ID', '75-23056', 'is no number'],
  ['Complaint ID', '123456789012345678901', 'has more than 20 characters'],
  ['Company', ' ', 'is missing'],
  ['Product', '', 'is missing'],
  ['Issue', '', 'is missing'],
  ['Issue', 'x'.repeat(501), 'has more than 500 characters'],
  ['Timely response?', 'Perhaps', 'is neither Yes nor No, N/A or empty'],
  ['Consumer disputed?', 'yes', 'is neither Yes nor No, N/A or empty'],
])('a row is left out whose %s is "%.20s"', async (column, value, reason) => {
  const rows = await readRecords(PLAIN, withValues({ [column]: value }), NARRATED);
  const shown = value.length > 60 ? `${value.slice(0, 60)}…` : value;
  expect(rows[1]).toMatchObject({ kind: 'bad', line: 3, defects: [{ column, value: shown, reason }] });
  expect(references(rows)).toEqual([idOf(PLAIN), idOf(NARRATED)]);
});

test('an unknown answer of the company names the known ones', async () => {
  const [row] = await readRecords(withValues({ 'Company response to consumer': 'Closed with a smile' }));
  expect(row).toMatchObject({
    kind: 'bad',
    defects: [{ value: 'Closed with a smile', reason: expect.stringMatching(/^is none of: In progress, Closed, /) }],
  });
});

test('all defects of a row are told at once', async () => {
  const [row] = await readRecords(withValues({ 'Date received': 'soon', 'Complaint ID': '', 'Timely response?': '?' }));
  const columns = row?.kind === 'bad' ? row.defects.map(defect => 'column' in defect && defect.column) : [];
  expect(columns).toEqual(['Date received', 'Timely response?', 'Complaint ID']);
});

test("a bad row's message never quotes the consumer", async () => {
  const [row] = await readRecords(
    withValues({ 'Consumer complaint narrative': 'secret '.repeat(20_000), Tags: 'secret'.repeat(100) }),
  );
  expect(row?.kind).toBe('bad');
  expect(JSON.stringify(row)).not.toContain('secret');
});

describe('a broken record takes no neighbour with it', () => {
  const [before, after] = [RECORDS[10]!, RECORDS[11]!];
  test.each([
    ['a column too few', PLAIN.replace(',Web,', ','), 'has 17 columns instead of 18'],
    ['a column too many', `${PLAIN},extra`, 'has 19 columns instead of 18'],
    ['text after a closing quote', PLAIN.replace('INC."', 'INC."!'), 'is no CSV: text after a closing quote'],
    [
      'a quote within a plain field',
      PLAIN.replace('FL', 'F""L'),
      'is no CSV: a quote in a field that does not start with one',
    ],
    ['a NUL character', PLAIN.replace('FL', 'F\0'), 'line 3 has a NUL character'],
    ['a column too few after line breaks', NARRATED.replace(/,Web,/, ','), 'has 17 columns instead of 18'],
  ])('%s', async (_, broken, reason) => {
    const rows = await readRecords(before, broken, after);
    expect(rows[1]).toMatchObject({ kind: 'bad', line: 3, defects: [{ reason }] });
    expect(references(rows)).toEqual([idOf(before), idOf(after)]);
  });

  test('a quote that is never closed: the rows behind it are read all the same', async () => {
    const rows = await readRecords(before, PLAIN.replace('INC."', 'INC.'), after, RECORDS[12]!, NARRATED, RECORDS[13]!);
    expect(badLines(rows)).toEqual([3]);
    expect(references(rows)).toEqual([before, after, RECORDS[12]!, NARRATED, RECORDS[13]!].map(idOf));
  });

  test('a file that was cut in the middle of a narrative', async () => {
    const cut = NARRATED.slice(0, NARRATED.indexOf('""') - 1);
    const rows = await readRecords(before, cut);
    expect(rows[1]).toMatchObject({
      kind: 'bad',
      line: 3,
      defects: [{ reason: 'a quoted field does not end before the file does' }],
    });
    expect(references(rows)).toEqual([idOf(before)]);
  });

  test('bytes that are no UTF-8', async () => {
    const lines = [HEADER, before, NARRATED.replace('\n', '\nX'), after, ''].join('\r\n');
    const bytes = Buffer.from(lines);
    bytes[bytes.indexOf('\nX', Buffer.byteLength(HEADER) + before.length) + 1] = 0xe9;
    const rows = await read(bytes);
    expect(rows[1]).toMatchObject({ kind: 'bad', line: 3, defects: [{ reason: 'line 4 is no UTF-8' }] });
    expect(references(rows)).toEqual([idOf(before), idOf(after)]);
  });

  test('a line longer than any complaint', async () => {
    const rows = await readRecords(before, `2023-01-01,${'x'.repeat(MAX_LINE_BYTES)}`, after);
    expect(badLines(rows)).toEqual([3]);
    expect(references(rows)).toEqual([idOf(before), idOf(after)]);
  });
});

describe('what a file may look like', () => {
  const two = [PLAIN, NARRATED];
  test.each([
    ['LF instead of CRLF', [HEADER, ...two, ''].join('\n')],
    ['a byte order mark', `\ufeff${[HEADER, ...two, ''].join('\r\n')}`],
    ['no line end at the end', [HEADER, ...two].join('\r\n')],
    ['blank lines', [HEADER, '', ...two, '', ''].join('\r\n')],
  ])('%s', async (_, content) => {
    const rows = await read(content);
    expect(references(rows)).toEqual(two.map(idOf));
    expect(rows.at(-1)!.end).toBeLessThanOrEqual(Buffer.byteLength(content));
  });

  test('columns in another order', async () => {
    const names = [...COLUMNS].reverse().join(',');
    const fields = PLAIN.match(/("[^"]*"|[^,]*)(?:,|$)/g)!.map(field => field.replace(/,$/, ''));
    const [turned] = await read([names, fields.slice(0, 18).reverse().join(',')].join('\n'));
    const [straight] = await readRecords(PLAIN);
    expect(turned?.kind === 'complaint' && turned.complaint).toEqual(
      straight?.kind === 'complaint' && straight.complaint,
    );
  });
});

describe('a file of another kind is refused', () => {
  const refusal = async (content: string | Buffer): Promise<DistributaryError> => {
    const error = await read(content).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DistributaryError);
    return error as DistributaryError;
  };

  test.each([
    ['an empty file', '', 'the file is empty'],
    ['a missing column', HEADER.replace('Tags,', ''), 'the header does not fit; missing columns: "Tags"'],
    ['an unexpected column', `${HEADER},Mood`, 'the header does not fit; unexpected columns: "Mood"'],
    ['a repeated column', `${HEADER},Tags`, 'the header does not fit; repeated columns: "Tags"'],
    ['a renamed column', HEADER.replace('Tags', 'Labels'), 'missing columns: "Tags"; unexpected columns: "Labels"'],
  ])('%s', async (_, content, message) => {
    const error = await refusal(content);
    expect(error.code).toBe('file-invalid');
    expect(error.message).toContain(message);
  });

  test('a picture', async () => {
    const error = await refusal(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00]));
    expect(error.code).toBe('file-invalid');
  });

  test('a file that is not there, and a folder', async () => {
    for (const file of [join(folder, 'nowhere.csv'), folder]) {
      const error = await readFile(file).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'file-invalid', message: expect.stringMatching(/^cannot be read: /) });
    }
  });
});

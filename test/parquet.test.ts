import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import type { Json, JsonObject } from '../core/change.ts';
import { documentDefect } from '../functions/stores/parquet-columns.ts';
import { draftOf, mergedDraftOf } from '../functions/stores/parquet-draft.ts';
import { decodeFacts, encodeFacts, type Fact, factFormat, isKnown } from '../functions/stores/parquet-file.ts';
import { daysOfDate, microsOfTime, timeOfMicros } from '../functions/stores/parquet-time.ts';
import { deleted, hidden, keyBlock, live, suiteContract, suiteDocument } from '../testing/store-samples.ts';

const contract = suiteContract('suite', 's3');
const format = factFormat(contract);
const HOUR_MS = 3_600_000;
/** 2026-03-01, 12:00 UTC. */
const NOON = Date.UTC(2026, 2, 1, 12);

const factOf = (write: Omit<Fact, 'extractedAt'>, extractedAt = NOON): Fact => ({ ...write, extractedAt });
const bufferOf = (bytes: Uint8Array): ArrayBuffer => bytes.slice().buffer;

async function query(facts: readonly Fact[], sql: string) {
  const folder = mkdtempSync(join(tmpdir(), 'distributary-duckdb-'));
  try {
    const file = join(folder, 'facts.parquet');
    writeFileSync(file, encodeFacts(format, facts));
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    const rows = await connection.runAndReadAll(sql.replace('FACTS', `'${file}'`));
    return rows.getRowObjectsJson();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('a file of facts', () => {
  const orNull = <T extends Json>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });
  const text = fc.string({ unit: 'grapheme', maxLength: 20 });
  const day = fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true });
  const documents: fc.Arbitrary<JsonObject> = fc.record(
    {
      title: text,
      status: orNull(text),
      tags: fc.array(orNull(text), { maxLength: 4 }),
      priority: fc.maxSafeInteger(),
      amount: fc.double({ noNaN: true, noDefaultInfinity: true }).map(value => (Object.is(value, -0) ? 0 : value)),
      urgent: orNull(fc.boolean()),
      received_on: day.map(date => date.toISOString().slice(0, 10)),
      changed_at: day.map(date => date.toISOString()),
      // The reader of Parquet gives no member of that name back: README, "Limits".
      parties: fc
        .array(fc.dictionary(text, orNull(fc.jsonValue() as fc.Arbitrary<Json>)), { maxLength: 3 })
        .filter(parties => !JSON.stringify(parties).includes('"__proto__"')),
    },
    { requiredKeys: [] },
  );

  test('gives back every document that the contract allows; a null is an absent field', async () => {
    const { keys } = keyBlock(40);
    await fc.assert(
      fc.asyncProperty(fc.array(documents, { minLength: 1, maxLength: 40 }), async made => {
        const facts = made.map((document, index) => factOf(live(keys[index]!, 1, document)));
        expect(made.map(document => documentDefect(format.fields, document))).toEqual(made.map(() => undefined));
        const read = await decodeFacts(format, bufferOf(encodeFacts(format, facts)), { documents: true });
        const withoutNulls = (document: JsonObject) =>
          Object.fromEntries(
            Object.entries(JSON.parse(JSON.stringify(document))).filter(([, value]) => value !== null),
          );
        expect(read).toEqual(facts.map(fact => ({ ...fact, document: withoutNulls(fact.document!) })));
      }),
      process.env.SEED ? { seed: Number(process.env.SEED) } : {},
    );
  });

  test('is read by DuckDB, with types that need no cast', async () => {
    const { keys } = keyBlock(2);
    const facts = [
      factOf(live(keys[0]!, 2)),
      factOf(live(keys[1]!, 1, { changed_at: '2026-01-01T01:00:00.123456+01:00' })),
    ];
    expect(await query(facts, 'SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM FACTS)')).toEqual(
      Object.entries({
        key: 'UUID',
        tenant: 'UUID',
        version: 'BIGINT',
        digest: 'BIGINT',
        committed_at: 'TIMESTAMP WITH TIME ZONE',
        extracted_at: 'TIMESTAMP WITH TIME ZONE',
        deleted: 'BOOLEAN',
        hidden: 'BOOLEAN',
        correction: 'BOOLEAN',
        late: 'BOOLEAN',
        title: 'VARCHAR',
        status: 'VARCHAR',
        tags: 'VARCHAR[]',
        priority: 'BIGINT',
        amount: 'DOUBLE',
        urgent: 'BOOLEAN',
        received_on: 'DATE',
        changed_at: 'TIMESTAMP WITH TIME ZONE',
        parties: 'JSON',
      }).map(([column_name, column_type]) => ({ column_name, column_type })),
    );
    const sql = `SELECT title, tags, priority::INT AS priority, amount, received_on + 1 AS next_day, epoch_us(changed_at) AS at,
      parties->>'$[0].address.city' AS city FROM FACTS ORDER BY key`;
    expect(await query(facts, sql)).toEqual([
      {
        ...(({ title, tags, priority, amount }) => ({ title, tags, priority, amount }))(suiteDocument(2) as never),
        next_day: '2026-02-04',
        at: String(Date.parse('2026-01-01T00:00:02Z') * 1000),
        city: 'Malmö',
      },
      {
        ...{ title: null, tags: null, priority: null, amount: null, next_day: null, city: null },
        at: String(Date.parse('2026-01-01T00:00:00.123Z') * 1000 + 456),
      },
    ]);
  });

  test('says what was deleted, hidden, corrected and late', async () => {
    const { keys } = keyBlock(5);
    const committedAt = NOON;
    const endOfDay = NOON + 12 * HOUR_MS;
    const closed = endOfDay + contract.freshness_contract.maximum_before_alert * 1000;
    const facts = [
      factOf({ ...live(keys[0]!, 1), committedAt }, NOON + 1),
      factOf({ ...live(keys[1]!, 2), committedAt }, closed),
      factOf({ ...live(keys[2]!, 1), committedAt }, closed + 1),
      factOf({ ...deleted(keys[3]!, 3), committedAt }),
      factOf({ ...hidden(keys[4]!, 1), committedAt }),
    ];
    expect(await query(facts, 'SELECT deleted, hidden, correction, late FROM FACTS ORDER BY key')).toEqual([
      { deleted: false, hidden: false, correction: false, late: false },
      { deleted: false, hidden: false, correction: true, late: false },
      { deleted: false, hidden: false, correction: false, late: true },
      { deleted: true, hidden: false, correction: true, late: false },
      { deleted: false, hidden: true, correction: false, late: false },
    ]);
  });

  test('is read by slices of keys', async () => {
    const { keys } = keyBlock(50);
    const bytes = bufferOf(
      encodeFacts(
        format,
        keys.map(key => factOf(live(key, 1))),
      ),
    );
    const slice = { from: keys[10]!, below: keys[20]! };
    const read = await decodeFacts(format, bytes, { slice, documents: false });
    expect(read.map(({ key }) => key)).toEqual(keys.slice(10, 20));
    expect(read[0]).toEqual({ ...factOf(live(keys[10]!, 1)), document: {} });
  });

  test('of an older contract lacks the new field; of a newer one it is not known', async () => {
    const { title: _, ...fewer } = contract.fields;
    const older = factFormat({ ...contract, fields: fewer });
    const fact = factOf(live(keyBlock(1).keys[0]!, 1, { status: 'open' }));
    const file = bufferOf(encodeFacts(older, [fact]));
    expect(await decodeFacts(format, file, { documents: true })).toEqual([fact]);
    expect(await isKnown(format, file)).toBe(true);
    expect(await isKnown(older, bufferOf(encodeFacts(format, [fact])))).toBe(false);
  });
});

test.each<[string, JsonObject, string | undefined]>([
  ['unknown field', { colour: 'red' }, 'field colour is not in the contract'],
  ['text', { title: 5 }, 'field title is not text'],
  ['integer', { priority: 1.5 }, 'field priority is not an integer'],
  ['large integer', { priority: 2 ** 53 }, 'field priority is not an integer'],
  ['number', { amount: '1' }, 'field amount is not a number'],
  ['boolean', { urgent: 'yes' }, 'field urgent is not true or false'],
  ['date', { received_on: '2026-02-29' }, 'field received_on is not a date such as 2026-02-28'],
  ['leap day', { received_on: '2028-02-29' }, undefined],
  ['time', { changed_at: '2026-02-28T09:30:00' }, 'field changed_at is not a time with its zone'],
  ['list', { tags: 'one' }, 'field tags is not a list, each item text'],
  ['item', { tags: ['one', 2] }, 'field tags is not a list, each item text'],
  ['objects', { parties: [1] }, 'field parties is not a list, each item an object'],
])('a document with a wrong %s is told by its field, without the value', (_, document, defect) => {
  const told = documentDefect(format.fields, document);
  if (defect === undefined) expect(told).toBeUndefined();
  else expect(told).toContain(defect);
});

test('times keep their microseconds, also before 1970', () => {
  const same = ['2026-02-28T09:30:00.123Z', '2026-02-28T09:30:00.123456Z', '1969-12-31T23:59:59.999999Z'];
  expect(same.map(text => timeOfMicros(microsOfTime(text)!))).toEqual(same);
  expect(timeOfMicros(microsOfTime('2026-02-28T09:30:00.5+05:30')!)).toBe('2026-02-28T04:00:00.500Z');
  expect(['2026-02-30T00:00:00Z', '2026-01-01', 'today', ''].map(microsOfTime)).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  expect(['1970-01-02', '2026-02-30', '26-1-1', ''].map(daysOfDate)).toEqual([1, undefined, undefined, undefined]);
});

test('a field cannot have the name of a column that every file has', () => {
  const fields = { ...contract.fields, version: contract.fields.priority! };
  expect(() => factFormat({ ...contract, fields })).toThrow('every fact has a column version already');
});

test('equal facts make an equal id, whatever their order and time; repeated facts count once, the first one', () => {
  const { keys } = keyBlock(2);
  const [a, b] = [factOf(live(keys[0]!, 1)), factOf(live(keys[1]!, 1))];
  const draft = draftOf(format, [a, b]);
  expect(draftOf(format, [{ ...b, extractedAt: NOON + 5 }, a]).id).toBe(draft.id);
  expect(draftOf(format, [a, factOf(live(keys[1]!, 2))]).id).not.toBe(draft.id);
  const merged = mergedDraftOf(format, [{ ...a, extractedAt: NOON + 5 }, b, a], ['x', 'y']);
  expect(merged.contents).toMatchObject({ day: '2026-01-01', rows: 2, min_key: keys[0], max_key: keys[1] });
  expect(merged.id).toBe(mergedDraftOf(format, [a], ['y', 'x']).id);
});

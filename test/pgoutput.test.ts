import fc from 'fast-check';
import { OutputDecoder, type Relation } from '../functions/relay/pgoutput.ts';

/** Encodes what a server sends, by the manual's "Logical Replication Message Formats". */
const int16 = (value: number) => Buffer.from(new Uint16Array([value]).buffer).swap16();
const int32 = (value: number) => Buffer.from(new Uint32Array([value]).buffer).swap32();
const int64 = (value: bigint) => Buffer.from(new BigUint64Array([value]).buffer).swap64();
const word = (text: string) => Buffer.from(`${text}\0`);
const tag = (letter: string) => Buffer.from(letter, 'latin1');

const TABLE_OID = 4_000_000_000;

function relationMessage({ schema, table, columns }: Relation): Buffer {
  const encoded = columns.flatMap(name => [Buffer.from([0]), word(name), int32(25), int32(0xffffffff)]);
  const head = [tag('R'), int32(TABLE_OID), word(schema), word(table), tag('d'), int16(columns.length)];
  return Buffer.concat([...head, ...encoded]);
}

function insertMessage(values: readonly (string | null)[]): Buffer {
  const encoded = values.flatMap(value => {
    if (value === null) return [tag('n')];
    const bytes = Buffer.from(value);
    return [tag('t'), int32(bytes.length), bytes];
  });
  return Buffer.concat([tag('I'), int32(TABLE_OID), tag('N'), int16(values.length), ...encoded]);
}

const outbox: Relation = { schema: 'public', table: 'outbox', columns: ['id', 'change', 'payload'] };

function decoderOf(relation: Relation): OutputDecoder {
  const decoder = new OutputDecoder();
  decoder.decode(relationMessage(relation));
  return decoder;
}

test('an insert becomes a row by the names that its table announced', () => {
  const decoder = decoderOf(outbox);
  const payload = '{"title":"Überweisung – 金額 💶"}';
  expect(decoder.decode(insertMessage(['7', null, payload]))).toEqual({
    tag: 'insert',
    relation: outbox,
    row: { id: '7', change: null, payload },
  });
});

test('any row of any table reads as it was written, wherever in the buffer it lies', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 40 });
  const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,20}$/);
  const columns = fc.uniqueArray(name, { minLength: 1, maxLength: 20 });
  const tableAndRow = fc
    .tuple(name, name, columns)
    .chain(([schema, table, names]) =>
      fc.tuple(
        fc.constant({ schema, table, columns: names }),
        fc.array(fc.option(text), { minLength: names.length, maxLength: names.length }),
      ),
    );
  fc.assert(
    fc.property(tableAndRow, fc.uint8Array(), fc.uint8Array(), ([relation, values], before, after) => {
      const buffer = Buffer.concat([before, insertMessage(values), after]);
      const message = decoderOf(relation).decode(buffer, before.length);
      const row = Object.fromEntries(relation.columns.map((column, index) => [column, values[index]]));
      expect(message).toEqual({ tag: 'insert', relation, row });
    }),
  );
});

test('a row outlives the buffer it was read from', () => {
  const buffer = insertMessage(['1', 'restricted', '{"a":1}']);
  const message = decoderOf(outbox).decode(buffer);
  buffer.fill(0xff);
  expect(message).toMatchObject({ row: { id: '1', change: 'restricted', payload: '{"a":1}' } });
});

test('begin tells when the transaction was committed, and commit where it ends', () => {
  const decoder = new OutputDecoder();
  const committedAt = Date.UTC(2026, 1, 3, 4, 5, 6, 789);
  const microseconds = BigInt(committedAt - Date.UTC(2000, 0, 1)) * 1000n + 321n;
  const begin = Buffer.concat([tag('B'), int64(0x16_0000_0100n), int64(microseconds), int32(4_294_967_290)]);
  expect(decoder.decode(begin)).toEqual({ tag: 'begin', committedAt, xid: 4_294_967_290 });
  const commit = Buffer.concat([tag('C'), Buffer.from([0]), int64(1n), int64(0x16_b374_d848n), int64(microseconds)]);
  expect(decoder.decode(commit)).toEqual({ tag: 'commit', endLsn: 0x16_b374_d848n });
});

test('a table announced again has its new columns, and rows read before keep theirs', () => {
  const decoder = decoderOf(outbox);
  const before = decoder.decode(insertMessage(['1', 'a', null]));
  decoder.decode(relationMessage({ ...outbox, columns: [...outbox.columns, 'lane'] }));
  expect(decoder.decode(insertMessage(['2', 'b', null, 'priority']))).toMatchObject({ row: { lane: 'priority' } });
  expect(before).toMatchObject({ relation: outbox, row: { id: '1' } });
});

test.each(['T', 'Y', 'O', 'M'])('a message tagged %s holds no row and is passed over', letter => {
  expect(new OutputDecoder().decode(Buffer.concat([tag(letter), Buffer.alloc(40)]))).toEqual({ tag: 'ignored' });
});

test.each([
  ['U', 'an update'],
  ['D', 'a delete'],
  ['S', 'a message tagged 0x53'],
])('a message tagged %s means a publication that was not made for us', (letter, what) => {
  const decode = () => decoderOf(outbox).decode(Buffer.concat([tag(letter), int32(TABLE_OID)]));
  expect(decode).toThrow(
    expect.objectContaining({ code: 'publication-unusable', message: `the publication sent ${what}` }),
  );
});

test('a row of a table that was not announced is refused, and so is a value that was left out', () => {
  expect(() => new OutputDecoder().decode(insertMessage(['1']))).toThrow(/table 4000000000, which was not announced/);
  const leftOut = Buffer.concat([tag('I'), int32(TABLE_OID), tag('N'), int16(1), tag('u')]);
  expect(() => decoderOf(outbox).decode(leftOut)).toThrow(/kind 0x75 in column id/);
});

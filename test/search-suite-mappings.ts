import { external, type Json, type Promises, refusal } from './search-suite-bench.ts';

const EVERY_TYPE = {
  keyword: { type: 'keyword' },
  text: { type: 'text' },
  long: { type: 'long' },
  exact: { type: 'long', coerce: false },
  integer: { type: 'integer' },
  double: { type: 'double' },
  boolean: { type: 'boolean' },
  date: { type: 'date' },
  object: { properties: { inner: { type: 'keyword' } } },
} as const;

/** What a field of each type refuses; the reason names the field. */
const MISFITS: readonly [field: string, value: unknown, reason: string][] = [
  [
    'keyword',
    { a: 1 },
    "failed to parse field [keyword] of type [keyword] in document with id 'x'. Preview of field's value: '{a=1}'",
  ],
  [
    'text',
    { a: 1 },
    "failed to parse field [text] of type [text] in document with id 'x'. Preview of field's value: '{a=1}'",
  ],
  [
    'long',
    'many',
    "failed to parse field [long] of type [long] in document with id 'x'. Preview of field's value: 'many'",
  ],
  [
    'long',
    true,
    "failed to parse field [long] of type [long] in document with id 'x'. Preview of field's value: 'true'",
  ],
  [
    'exact',
    '12',
    "failed to parse field [exact] of type [long] in document with id 'x'. Preview of field's value: '12'",
  ],
  [
    'exact',
    1.5,
    "failed to parse field [exact] of type [long] in document with id 'x'. Preview of field's value: '1.5'",
  ],
  [
    'integer',
    3e9,
    "failed to parse field [integer] of type [integer] in document with id 'x'. Preview of field's value: '3000000000'",
  ],
  [
    'double',
    'x',
    "failed to parse field [double] of type [double] in document with id 'x'. Preview of field's value: 'x'",
  ],
  [
    'boolean',
    'yes',
    "failed to parse field [boolean] of type [boolean] in document with id 'x'. Preview of field's value: 'yes'",
  ],
  [
    'boolean',
    1,
    "failed to parse field [boolean] of type [boolean] in document with id 'x'. Preview of field's value: '1'",
  ],
  [
    'date',
    '2024-02-30',
    "failed to parse field [date] of type [date] in document with id 'x'. Preview of field's value: '2024-02-30'",
  ],
  [
    'date',
    '2024-1-2',
    "failed to parse field [date] of type [date] in document with id 'x'. Preview of field's value: '2024-1-2'",
  ],
  ['date', '', "failed to parse field [date] of type [date] in document with id 'x'. Preview of field's value: ''"],
  ['object', 'x', 'object mapping for [object] tried to parse field [object] as object, but found a concrete value'],
];

const TAKEN: readonly [field: string, value: unknown][] = [
  ['keyword', 5],
  ['keyword', ['a', ['b']]],
  ['long', '12'],
  ['long', 1.5],
  ['long', ''],
  ['exact', 12],
  ['boolean', 'true'],
  ['date', '2024'],
  ['date', '2024-02-29T10:00+02:00'],
  ['date', '2024-02-29T10:00:00.123456789Z'],
  ['date', 1_700_000_000_000],
  ['object', [{ inner: 'a' }, { inner: ['b', null] }]],
];

export const mappingPromises: Promises = bench => {
  const strict = () => bench().index({ mappings: { dynamic: 'strict', properties: EVERY_TYPE } });
  let refusing: string;
  beforeAll(async () => {
    refusing = await strict();
  });

  test.each(MISFITS)('a field of type %s refuses %j', async (field, value, reason) => {
    const items = await bench().bulk(refusing, [{ index: { _id: 'x' } }, { [field]: value }]);
    expect(items).toMatchObject([{ status: 400, error: { type: 'mapper_parsing_exception', reason } }]);
  });

  test('what can be read as the type is taken, null always', async () => {
    const nothing = Object.keys(EVERY_TYPE).map((field): [string, null] => [field, null]);
    const lines = [...TAKEN, ...nothing].flatMap(([field, value], n) => [
      { index: { _id: `${n}` } },
      { [field]: value },
    ]);
    const items = await bench().bulk(await strict(), lines);
    expect(items.filter(({ status }) => status !== 201)).toEqual([]);
  });

  test('a refused document leaves the others of its bulk, and its older version, alone', async () => {
    const index = await strict();
    await bench().bulk(index, [{ index: external('a', 1) }, { long: 1 }]);
    const items = await bench().bulk(index, [
      { index: external('a', 2) },
      { long: 'x' },
      { index: external('b', 1) },
      { long: 1 },
    ]);
    expect(items.map(({ status }) => status)).toEqual([400, 201]);
    expect((await bench().client.get({ index, id: 'a' })).body).toMatchObject({ _version: 1, _source: { long: 1 } });
  });

  test('what does not fit is refused as such, not as outranked, however old it is', async () => {
    await bench().bulk(refusing, [{ index: external('aged', 5) }, { long: 1 }]);
    const items = await bench().bulk(
      refusing,
      [{ long: 'x' }, { other: 1 }, { long: 2 }].flatMap(doc => [{ index: external('aged', 3) }, doc]),
    );
    expect(items.map(({ status, error }) => [status, error?.type])).toEqual([
      [400, 'mapper_parsing_exception'],
      [400, 'strict_dynamic_mapping_exception'],
      [409, 'version_conflict_engine_exception'],
    ]);
  });

  test('strict refuses unknown fields, at every depth, null or not', async () => {
    const lines = [{ other: 1 }, { object: { other: 1 } }, { other: null }].flatMap(doc => [{ index: {} }, doc]);
    const items = await bench().bulk(await strict(), lines);
    expect(items.map(({ error }) => error?.reason)).toEqual(
      ['[other] within [_doc]', '[other] within [object]', '[other] within [_doc]'].map(
        what => `mapping set to strict, dynamic introduction of ${what} is not allowed`,
      ),
    );
    expect(items[0]!.error?.type).toBe('strict_dynamic_mapping_exception');
  });

  test('false keeps unknown fields without finding them; an object not enabled is carried whole', async () => {
    const index = await bench().index({
      mappings: { dynamic: false, properties: { carried: { type: 'object', enabled: false }, k: { type: 'keyword' } } },
    });
    const source = { k: 'a', other: 1, carried: { any: ['thing', { at: 'all' }] } };
    await bench().bulk(index, [{ index: { _id: 'a' } }, source], { refresh: true });
    expect((await bench().search(index, { query: { term: { other: 1 } } })).hits.hits).toEqual([]);
    expect((await bench().search(index, { query: { term: { k: 'a' } } })).hits.hits).toMatchObject([
      { _source: source },
    ]);
    const mapping = (await bench().client.indices.getMapping({ index })).body[index]!.mappings;
    expect(Object.keys(mapping.properties as Json)).toEqual(['carried', 'k']);
  });

  test('without a word on it, fields are guessed from the first value', async () => {
    const index = await bench().index();
    const source = {
      l: 1,
      f: 1.5,
      s: 'text',
      b: true,
      d: '2024-01-01',
      t: '2024-01-01T10:00:00Z',
      o: { p: [1, 2] },
      n: null,
      e: [],
      o2: {},
      digits: '12',
    };
    await bench().bulk(index, [{ index: {} }, source]);
    const string = { type: 'text', fields: { keyword: { type: 'keyword', ignore_above: 256 } } };
    expect((await bench().client.indices.getMapping({ index })).body[index]!.mappings).toEqual({
      properties: {
        l: { type: 'long' },
        f: { type: 'float' },
        s: string,
        b: { type: 'boolean' },
        d: { type: 'date' },
        t: { type: 'date' },
        o: { properties: { p: { type: 'long' } } },
        o2: { type: 'object' },
        digits: string,
      },
    });
    expect(await bench().bulk(index, [{ index: {} }, { l: 'x', fresh: 1 }])).toMatchObject([{ status: 400 }]);
    expect((await bench().client.indices.getMapping({ index })).body[index]!.mappings.properties).not.toHaveProperty(
      'fresh',
    );
  });

  test('a mapping reads back as it was written', async () => {
    const mappings = {
      dynamic: 'strict',
      _meta: { contract: 7 },
      properties: { ...EVERY_TYPE, title: { type: 'text', fields: { raw: { type: 'keyword', ignore_above: 9 } } } },
    };
    const index = await bench().index({ mappings });
    expect((await bench().client.indices.getMapping({ index })).body[index]!.mappings).toEqual(mappings);
    const { body } = await bench().client.indices.get({ index });
    expect(body[index]).toMatchObject({
      aliases: {},
      mappings,
      settings: { index: { number_of_replicas: '0', provided_name: index } },
    });
  });

  test('a mapping grows, and no field changes its type', async () => {
    const index = await strict();
    const { client } = bench();
    const put = (properties: Json) => client.indices.putMapping({ index, body: { properties } as never });
    await put({ later: { type: 'keyword' }, object: { properties: { more: { type: 'long' } } } });
    const { properties } = (await client.indices.getMapping({ index })).body[index]!.mappings;
    expect(properties).toEqual({
      ...EVERY_TYPE,
      later: { type: 'keyword' },
      object: { properties: { inner: { type: 'keyword' }, more: { type: 'long' } } },
    });
    expect(await refusal(put({ long: { type: 'keyword' } }))).toEqual({
      status: 400,
      type: 'illegal_argument_exception',
      reason: 'mapper [long] cannot be changed from type [long] to [keyword]',
    });
    expect(await refusal(put({ object: { type: 'keyword' } }))).toMatchObject({ type: 'illegal_argument_exception' });
  });

  test('a type that is none refuses the index', async () => {
    const mappings = { properties: { x: { type: 'strng' } } };
    expect(await refusal(bench().index({ mappings }))).toEqual({
      status: 400,
      type: 'mapper_parsing_exception',
      reason: 'No handler for type [strng] declared on field [x]',
    });
  });

  test('a term has 32,766 bytes at most', async () => {
    const index = await strict();
    const lines = [32_766, 32_767].flatMap(length => [{ index: {} }, { keyword: 'a'.repeat(length) }]);
    const items = await bench().bulk(index, lines);
    expect(items.map(({ status }) => status)).toEqual([201, 400]);
    expect(items[1]!.error?.reason).toMatch(/^Document contains at least one immense term in field="keyword"/);
  });
};

import { type Found, ids, type Json, type Promises, refusal } from './search-suite-bench.ts';

const MAPPING = {
  dynamic: 'strict',
  properties: {
    k: { type: 'keyword' },
    short: { type: 'keyword', ignore_above: 5 },
    t: { type: 'text' },
    t2: { type: 'text' },
    n: { type: 'long' },
    f: { type: 'double' },
    b: { type: 'boolean' },
    d: { type: 'date' },
    o: { properties: { x: { type: 'keyword' }, y: { type: 'text' } } },
  },
};

const DOCUMENTS: Readonly<Record<string, Json>> = {
  1: {
    k: 'open',
    t: 'The quick brown fox jumps over the lazy dog',
    t2: 'quick',
    n: 1,
    f: 1.5,
    b: true,
    d: '2024-01-01T00:00:00Z',
    o: [
      { x: 'p', y: 'alpha beta' },
      { x: 'q', y: 'gamma' },
    ],
    short: 'abc',
  },
  2: { k: 'closed', t: 'A quick brown dog', n: 2, f: 2.5, b: false, d: '2024-01-15T12:00:00Z', short: 'abcdefg' },
  3: {
    k: 'open',
    t: "Lazy cats; don't jump. e-mail: a.b@c.com 3.14 foo_bar",
    n: 3,
    d: '2024-02-01T00:00:00Z',
    o: { x: 'q' },
  },
  4: { k: ['open', 'urgent'], t: ['fox fox', 'quick quick fox'], n: [10, 20], f: -1 },
  5: { n: null },
  10: { k: 'Zed', n: 5, d: '2023-12-31T23:59:59.999Z' },
};
const ALL = ['1', '2', '3', '4', '5', '10'];

/** Who matches, best first; scores where they are more than a constant 1. */
type Row = readonly [query: Json, ids: readonly string[], scores?: readonly number[]];

const VALUES: readonly Row[] = [
  [{ match_all: {} }, ALL],
  [{ match_all: { boost: 2 } }, ALL, [2, 2, 2, 2, 2, 2]],
  [{ match_none: {} }, []],
  [{ term: { k: 'open' } }, ['1', '3', '4']],
  [{ term: { k: { value: 'open', boost: 3 } } }, ['1', '3', '4'], [3, 3, 3]],
  [{ term: { k: 'OPEN' } }, []],
  [{ term: { n: 20 } }, ['4']],
  [{ term: { n: '2' } }, ['2']],
  [{ term: { n: 1.5 } }, []],
  [{ term: { b: 'true' } }, ['1'], [0.31506687]],
  [{ term: { d: '2024-01-15' } }, ['2']],
  [{ term: { t: 'quick' } }, ['4', '2', '1'], [0.24240044, 0.19659248, 0.14515841]],
  [{ term: { t: 'Quick' } }, []],
  [{ term: { 'o.x': 'q' } }, ['1', '3']],
  [{ term: { short: 'abcdefg' } }, []],
  [{ term: { unheard: 'x' } }, []],
  [{ term: { _id: '1' } }, ['1']],
  [{ terms: { _id: ['1', '10', 'z'] } }, ['1', '10']],
  [{ terms: { k: ['Zed', 'urgent'] } }, ['4', '10']],
  [{ terms: { n: [1, 20] } }, ['1', '4']],
  [{ terms: { k: [] } }, []],
  [{ ids: { values: ['3', '1', 'z'] } }, ['1', '3']],
  [{ prefix: { k: 'op' } }, ['1', '3', '4']],
  [{ prefix: { k: { value: 'OP', case_insensitive: true } } }, ['1', '3', '4']],
  [{ prefix: { t: 'qui' } }, ['1', '2', '4']],
  [{ prefix: { t: 'QUI' } }, []],
  [{ exists: { field: 'n' } }, ['1', '2', '3', '4', '10']],
  [{ exists: { field: 'o' } }, ['1', '3']],
  [{ exists: { field: 'short' } }, ['1']],
  [{ exists: { field: 'unheard' } }, []],
  [{ constant_score: { filter: { term: { t: 'quick' } }, boost: 2 } }, ['1', '2', '4'], [2, 2, 2]],
];

const RANGES: readonly Row[] = [
  [{ range: { n: { gte: 2, lt: 10 } } }, ['2', '3', '10']],
  [{ range: { n: { gt: 2, lte: 10 } } }, ['3', '4', '10']],
  [{ range: { n: { gt: 2.5, lte: '3' } } }, ['3']],
  [{ range: { f: { lt: 0 } } }, ['4']],
  [{ range: { k: { gte: 'closed', lt: 'open' } } }, ['2']],
  [{ range: { k: { gt: 'open' } } }, ['4']],
  [{ range: { d: { gte: '2024-01-01', lte: '2024-01-15' } } }, ['1', '2']],
  [{ range: { d: { gt: '2024-01-01' } } }, ['2', '3']],
  [{ range: { d: { lt: '2024-01-01' } } }, ['10']],
  [{ range: { d: { lte: '2024-01-01' } } }, ['1', '10']],
  [{ range: { d: { gte: '2024-01-20||/M', lte: '2024-01-20||/M' } } }, ['1', '2']],
  [{ range: { d: { gte: '2024-01-01||+1M', lt: '2024-02-01||+1d' } } }, ['3']],
  [{ range: { d: { gte: 1_705_320_000_000 } } }, ['2', '3']],
  [{ range: { d: { gte: 'now-1d' } } }, []],
  [{ range: { d: { lte: 'now/d' } } }, ['1', '2', '3', '10']],
];

const COMBINED: readonly Row[] = [
  [{ bool: {} }, ALL],
  [
    { bool: { must: [{ match: { t: 'quick' } }], filter: [{ term: { k: 'open' } }] } },
    ['4', '1'],
    [0.24240044, 0.14515841],
  ],
  [{ bool: { must: { term: { k: 'open' } }, must_not: { term: { n: 3 } } } }, ['1', '4']],
  [{ bool: { must_not: [{ term: { k: 'open' } }] } }, ['2', '5', '10'], [0, 0, 0]],
  [{ bool: { filter: [{ term: { k: 'open' } }] } }, ['1', '3', '4'], [0, 0, 0]],
  [
    { bool: { should: [{ term: { k: 'open' } }, { match: { t: 'dog' } }] } },
    ['1', '3', '4', '2'],
    [1.2820947, 1, 1, 0.38204962],
  ],
  [
    { bool: { should: [{ match: { t: 'fox' } }, { term: { k: 'open' } }], minimum_should_match: 2 } },
    ['4', '1'],
    [1.5273945, 1.2820947],
  ],
  [{ bool: { should: [{ term: { k: 'open' } }, { term: { n: 1 } }], minimum_should_match: '100%' } }, ['1'], [2]],
  [
    { bool: { should: [{ term: { k: 'open' } }, { term: { n: 1 } }], minimum_should_match: -1 } },
    ['1', '3', '4'],
    [2, 1, 1],
  ],
  [{ bool: { should: [{ term: { k: 'Zed' } }], minimum_should_match: 0 } }, ['10']],
  [
    { bool: { should: [{ term: { k: 'Zed' } }], filter: [{ exists: { field: 'd' } }] } },
    ['10', '1', '2', '3'],
    [1, 0, 0, 0],
  ],
  [{ bool: { must: [{ term: { k: 'open' } }], boost: 2 } }, ['1', '3', '4'], [2, 2, 2]],
];

const TEXTS: readonly Row[] = [
  [{ match: { t: 'quick fox' } }, ['4', '1', '2'], [0.76979506, 0.4272532, 0.19659248]],
  [{ match: { t: { query: 'Quick FOX', operator: 'and' } } }, ['4', '1'], [0.76979506, 0.4272532]],
  [{ match: { t: { query: 'quick fox dog', minimum_should_match: 3 } } }, ['1'], [0.70934796]],
  [
    { match: { t: { query: 'quick fox dog', minimum_should_match: '70%' } } },
    ['4', '1', '2'],
    [0.76979506, 0.70934796, 0.57864213],
  ],
  [{ match: { t: "don't a.b c.com 3.14 foo_bar mail" } }, ['3'], [2.7937489]],
  [{ match: { t: '' } }, []],
  [{ match: { k: 'open' } }, ['1', '3', '4']],
  [{ match: { n: '2' } }, ['2']],
  [{ match: { 'o.y': 'beta gamma' } }, ['1'], [0.26152915]],
  [{ match_phrase: { t: 'quick brown' } }, ['2', '1'], [0.5786421, 0.4272532]],
  [{ match_phrase: { t: 'brown quick' } }, []],
  [{ match_phrase: { t: 'fox quick' } }, []],
  [{ match_phrase: { 'o.y': 'beta gamma' } }, []],
  [{ multi_match: { query: 'quick', fields: ['t', 't2^2'] } }, ['1', '4', '2'], [0.26152915, 0.24240044, 0.19659248]],
  [{ multi_match: { query: 'quick dog', fields: ['t', 't2'], operator: 'and' } }, ['2', '1'], [0.57864213, 0.4272532]],
  [
    { multi_match: { query: 'quick dog', fields: ['t*'], type: 'most_fields' } },
    ['2', '1', '4'],
    [0.57864213, 0.55801773, 0.24240044],
  ],
  [{ multi_match: { query: 'quick brown', fields: ['t', 't2'], type: 'phrase' } }, ['2', '1'], [0.5786421, 0.4272532]],
  [
    { multi_match: { query: 'quick', fields: ['t', 'n'], lenient: true } },
    ['4', '2', '1'],
    [0.24240044, 0.19659248, 0.14515841],
  ],
  [{ multi_match: { query: 'open quick' } }, ['4', '2', '1'], [0.24240044, 0.19659248, 0.14515841]],
];

const simple = (query: string, more: Json = {}) => ({ simple_query_string: { query, fields: ['t'], ...more } });
const and = { default_operator: 'and' };

const TYPED: readonly Row[] = [
  [simple('quick dog'), ['2', '1', '4'], [0.57864213, 0.4272532, 0.24240044]],
  [simple('quick dog', and), ['2', '1'], [0.57864213, 0.4272532]],
  [simple('quick +dog'), ['2', '1'], [0.57864213, 0.4272532]],
  [simple('quick -dog', and), ['4'], [1.2424004]],
  [simple('-quick'), ['3', '5', '10']],
  [simple('"quick brown" | cats'), ['2', '3', '1'], [0.5786421, 0.4656248, 0.4272532]],
  [simple('(quick brown) | lazy', and), ['1', '2', '3'], [0.70934796, 0.57864213, 0.26806796]],
  [simple('quick | cats dog', and), ['2', '1'], [0.57864213, 0.4272532]],
  [simple('QUI*'), ['1', '2', '4']],
  [simple('quick*fox'), ['4', '1', '2'], [0.76979506, 0.4272532, 0.19659248]],
  [simple('e-mail'), ['3'], [0.9312496]],
  [simple('quick \\+dog', and), ['2', '1'], [0.57864213, 0.4272532]],
  [simple('quick dog', { minimum_should_match: '2' }), ['2', '1'], [0.57864213, 0.4272532]],
  [simple('quick dog', { fields: ['t', 't2^3'] }), ['1', '2', '4'], [0.81954694, 0.57864213, 0.24240044]],
  [simple('open', { fields: ['k', 't'] }), ['1', '3', '4']],
  [simple(''), []],
  [simple('+ ( " |'), []],
];

const REFUSED: readonly [query: Json, status: number, type: string, reason: RegExp][] = [
  [{ blah: {} }, 400, 'parsing_exception', /unknown query \[blah\]/],
  [{ term: { n: 'x' } }, 400, 'query_shard_exception', /failed to create query: For input string: "x"/],
  [{ match: { n: 'x' } }, 400, 'query_shard_exception', /failed to create query: For input string: "x"/],
  [{ range: { n: { gte: 'x' } } }, 400, 'query_shard_exception', /failed to create query: For input string: "x"/],
  [{ range: { d: { gte: 'x' } } }, 400, 'parse_exception', /failed to parse date field \[x\] with format/],
  [{ range: { n: { above: 1 } } }, 400, 'parsing_exception', /\[range\] query does not support \[above\]/],
  [{ term: { k: 'a', n: 1 } }, 400, 'parsing_exception', /\[term\] query doesn't support multiple fields/],
  [{ terms: { k: 'a' } }, 400, 'parsing_exception', /\[terms\] query does not support \[k\]/],
  [{ bool: { musty: [] } }, 400, 'x_content_parse_exception', /\[bool\] unknown field \[musty\]/],
  [{ match: { t: { query: 'x', operator: 'xor' } } }, 400, 'illegal_argument_exception', /No enum constant/],
];

export const queryPromises: Promises = bench => {
  let index: string;
  beforeAll(async () => {
    index = await bench().index({ settings: { refresh_interval: '-1' }, mappings: MAPPING });
    const lines = ALL.flatMap(_id => [{ index: { _id } }, DOCUMENTS[_id]!]);
    await bench().bulk(index, lines, { refresh: true });
  });

  const promise = ([query, expected, scores]: Row) =>
    test(JSON.stringify(query), async () => {
      const found = await bench().search(index, { query, _source: false });
      expect(ids(found)).toEqual(expected);
      expect(found.hits.total).toEqual({ value: expected.length, relation: 'eq' });
      expectScores(found, scores ?? expected.map(() => 1));
      const counted = await bench().client.count({ index, body: { query } as never });
      expect(counted.body.count).toBe(expected.length);
    });
  describe('values', () => VALUES.forEach(promise));
  describe('ranges', () => RANGES.forEach(promise));
  describe('combinations', () => COMBINED.forEach(promise));
  describe('texts', () => TEXTS.forEach(promise));
  describe('what a user types', () => TYPED.forEach(promise));

  test.each(REFUSED)('%j is refused', async (query, status, type, reason) => {
    const refused = await refusal(bench().search(index, { query }));
    expect(refused).toEqual({ status, type, reason: expect.stringMatching(reason) });
  });
};

function expectScores({ hits }: Found, scores: readonly number[]): void {
  expect(hits.hits.map(({ _score }) => Number(_score?.toFixed(5)))).toEqual(
    scores.map(score => Number(score.toFixed(5))),
  );
  expect(hits.max_score).toBe(hits.hits[0]?._score ?? null);
}

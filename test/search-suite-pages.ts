import { type Found, ids, type Json, type Promises, refusal } from './search-suite-bench.ts';

const LONG_TEXT =
  'The bank closed my account without a word. I called them on Monday, and nobody could tell me why the account had been ' +
  'closed or where the money went. Then a letter came. It said that my account was under review for reasons which they were ' +
  'not at liberty to discuss with me or with anybody else outside of the bank. I want my money back!';

const DOCUMENTS: Readonly<Record<string, Json>> = {
  a: { k: 'x', n: 3, d: '2024-01-03', f: 1.5, t: 'quick brown fox', o: { p: 'deep', q: ['r', 's'] } },
  b: { k: 'y', n: 1, d: '2024-01-01', f: -2, b: true, t: ['quick quick', 'slow fox'] },
  c: { k: ['x', 'z'], n: [2, 9], d: '2024-01-02', b: false, t: LONG_TEXT },
  d: { t: 'brown bear' },
};
const ALL = Object.keys(DOCUMENTS);

const LEAST_LONG = -(2 ** 63);
const GREATEST_LONG = 2 ** 63;

/** Order and the values shown for it. */
const SORTS: readonly [sort: unknown, ids: string[], values: unknown[][]][] = [
  [['n'], ['b', 'c', 'a', 'd'], [[1], [2], [3], [GREATEST_LONG]]],
  [[{ n: 'desc' }], ['c', 'a', 'b', 'd'], [[9], [3], [1], [LEAST_LONG]]],
  [[{ n: { order: 'asc', missing: '_first' } }], ['d', 'b', 'c', 'a'], [[LEAST_LONG], [1], [2], [3]]],
  [
    [{ n: { order: 'asc', missing: 2 } }, { _id: 'desc' }],
    ['b', 'd', 'c', 'a'],
    [
      [1, 'b'],
      [2, 'd'],
      [2, 'c'],
      [3, 'a'],
    ],
  ],
  [[{ n: { order: 'asc', mode: 'max' } }], ['b', 'a', 'c', 'd'], [[1], [3], [9], [GREATEST_LONG]]],
  [
    ['k', { _id: 'desc' }],
    ['c', 'a', 'b', 'd'],
    [
      ['x', 'c'],
      ['x', 'a'],
      ['y', 'b'],
      [null, 'd'],
    ],
  ],
  [[{ k: 'desc' }], ['c', 'b', 'a', 'd'], [['z'], ['y'], ['x'], [null]]],
  [[{ d: { order: 'desc' } }], ['a', 'c', 'b', 'd'], [[1704240000000], [1704153600000], [1704067200000], [LEAST_LONG]]],
  [
    [{ d: { order: 'asc', missing: 1704067200001 } }],
    ['b', 'd', 'c', 'a'],
    [[1704067200000], [1704067200001], [1704153600000], [1704240000000]],
  ],
  [
    [{ f: 'asc' }, '_id'],
    ['b', 'a', 'c', 'd'],
    [
      [-2, 'b'],
      [1.5, 'a'],
      ['Infinity', 'c'],
      ['Infinity', 'd'],
    ],
  ],
  [
    [{ b: 'asc' }, '_id'],
    ['c', 'b', 'a', 'd'],
    [
      [0, 'c'],
      [1, 'b'],
      [2147483647, 'a'],
      [2147483647, 'd'],
    ],
  ],
  [{ _id: 'desc' }, ['d', 'c', 'b', 'a'], [['d'], ['c'], ['b'], ['a']]],
  [[{ later: { order: 'asc', unmapped_type: 'long' } }], ALL, ALL.map(() => [GREATEST_LONG])],
];

const SOURCES: readonly [source: unknown, shown: unknown][] = [
  [true, DOCUMENTS.a],
  [false, undefined],
  ['k', { k: 'x' }],
  [['k', 'o.q'], { k: 'x', o: { q: ['r', 's'] } }],
  [
    { includes: ['o.*', 'n'], excludes: ['o.p'] },
    { n: 3, o: { q: ['r', 's'] } },
  ],
  [{ excludes: ['t', 'o', 'd*', 'f'] }, { k: 'x', n: 3 }],
];

const HIGHLIGHTS: readonly [query: Json, highlight: Json, id: string, shown: Json | undefined][] = [
  [{ match: { t: 'quick fox' } }, { fields: { t: {} } }, 'a', { t: ['<em>quick</em> brown <em>fox</em>'] }],
  [
    { match: { t: 'quick fox' } },
    { fields: { t: {} } },
    'b',
    { t: ['<em>quick</em> <em>quick</em>', 'slow <em>fox</em>'] },
  ],
  [{ match_phrase: { t: 'brown fox' } }, { fields: { '*': {} } }, 'a', { t: ['quick <em>brown</em> <em>fox</em>'] }],
  [{ prefix: { t: 'bro' } }, { fields: { t: {} } }, 'd', { t: ['<em>brown</em> bear'] }],
  [{ term: { k: 'x' } }, { fields: { k: {}, t: {} } }, 'c', { k: ['<em>x</em>'] }],
  [{ match: { t: 'quick' } }, { fields: { k: {} } }, 'a', undefined],
  [{ match: { t: 'bear' } }, { pre_tags: ['['], post_tags: [']'], fields: { t: {} } }, 'd', { t: ['brown [bear]'] }],
  [
    { bool: { filter: [{ match: { t: 'bear' } }], must_not: [{ term: { k: 'x' } }] } },
    { fields: { t: {} } },
    'd',
    { t: ['brown <em>bear</em>'] },
  ],
  [
    { match: { t: 'account money' } },
    { fields: { t: {} } },
    'c',
    {
      t: [
        'The bank closed my <em>account</em> without a word.',
        'I called them on Monday, and nobody could tell me why the <em>account</em> had been closed or where the <em>money</em>',
        'It said that my <em>account</em> was under review for reasons which they were not at liberty to discuss with me',
        'I want my <em>money</em> back!',
      ],
    },
  ],
  [
    { match: { t: 'account money' } },
    { fields: { t: { number_of_fragments: 1, fragment_size: 40 } } },
    'c',
    { t: ['I want my <em>money</em> back!'] },
  ],
  [
    { match: { t: 'bank' } },
    { fields: { t: { number_of_fragments: 0 } } },
    'c',
    { t: [LONG_TEXT.replaceAll('bank', '<em>bank</em>')] },
  ],
];

export const pagePromises: Promises = bench => {
  let index: string;
  const search = (body: Json): Promise<Found> => bench().search(index, body);
  beforeAll(async () => {
    index = await bench().index({
      settings: { refresh_interval: '-1' },
      mappings: {
        properties: {
          k: { type: 'keyword' },
          n: { type: 'long' },
          d: { type: 'date' },
          f: { type: 'double' },
          b: { type: 'boolean' },
          t: { type: 'text' },
        },
      },
    });
    await bench().bulk(
      index,
      ALL.flatMap(_id => [{ index: { _id } }, DOCUMENTS[_id]!]),
      { refresh: true },
    );
  });

  test.each(SORTS)('sorted by %j', async (sort, expected, values) => {
    const found = await search({ sort });
    expect(ids(found)).toEqual(expected);
    expect(found.hits.hits.map(hit => hit.sort)).toEqual(values);
    expect(found.hits).toMatchObject({ max_score: null, hits: ALL.map(() => ({ _score: null })) });
  });

  test('scores are shown beside a sort only when asked for', async () => {
    const found = await search({ sort: ['_id'], track_scores: true });
    expect(found.hits).toMatchObject({ max_score: 1, hits: ALL.map(() => ({ _score: 1 })) });
    const byScore = await search({ query: { match: { t: 'quick' } }, sort: ['_score', { _id: 'asc' }] });
    expect(byScore.hits.hits.map(({ _score, sort }) => [_score, ...sort!])).toEqual(
      byScore.hits.hits.map(({ _id, _score }) => [_score, _score, _id]),
    );
  });

  test('search_after walks through all hits once, in pages', async () => {
    for (const sort of [[{ _id: 'asc' }], [{ k: 'desc' }, { _id: 'asc' }], [{ n: 'asc' }, { _id: 'desc' }]]) {
      const whole = ids(await search({ sort }));
      const walked: string[] = [];
      for (let after: readonly unknown[] | undefined; ; ) {
        const { hits } = await search({ sort, size: 1, ...(after && { search_after: after }) });
        if (!hits.hits[0]) break;
        expect(hits.total!.value).toBe(ALL.length);
        walked.push(hits.hits[0]._id);
        after = hits.hits[0].sort;
      }
      expect(walked).toEqual(whole);
    }
  });

  test('ids sort as their bytes do', async () => {
    const odd = await bench().index();
    const names = ['a', 'A', '10', '9', 'é', '\u{1F600}', '\uFF21'];
    await bench().bulk(
      odd,
      names.flatMap(_id => [{ index: { _id } }, {}]),
      { refresh: true },
    );
    expect(ids(await bench().search(odd, { sort: ['_id'] }))).toEqual([
      '10',
      '9',
      'A',
      'a',
      'é',
      '\uFF21',
      '\u{1F600}',
    ]);
  });

  test('from and size cut a page out, and the total stays', async () => {
    const found = await search({ from: 1, size: 2, sort: ['_id'] });
    expect([ids(found), found.hits.total]).toEqual([['b', 'c'], { value: 4, relation: 'eq' }]);
    expect((await search({ size: 0 })).hits).toEqual({
      total: { value: 4, relation: 'eq' },
      max_score: null,
      hits: [],
    });
  });

  test('hits are counted as far as asked', async () => {
    expect((await search({ track_total_hits: 2 })).hits.total).toEqual({ value: 2, relation: 'gte' });
    expect((await search({ track_total_hits: true })).hits.total).toEqual({ value: 4, relation: 'eq' });
    expect((await search({ track_total_hits: false })).hits).not.toHaveProperty('total');
  });

  test.each(SOURCES)('_source %j', async (source, shown) => {
    const [hit] = (await search({ query: { ids: { values: ['a'] } }, _source: source })).hits.hits;
    expect(hit!._source).toEqual(shown);
  });

  test.each(HIGHLIGHTS)('highlight %j %j of %s', async (query, highlight, id, shown) => {
    const { hits } = await search({ query, highlight, _source: false });
    expect(hits.hits.find(({ _id }) => _id === id)?.highlight).toEqual(shown);
  });

  test('a highlight can be shown in a page: html in the text is made harmless', async () => {
    await bench().index();
    const html = await bench().index({ mappings: { properties: { t: { type: 'text' } } } });
    await bench().bulk(html, [{ index: {} }, { t: `<b onclick="x('y')">bold & brave</b>` }], { refresh: true });
    const highlight = { encoder: 'html', fields: { t: {} } };
    const { hits } = await bench().search(html, { query: { match: { t: 'brave' } }, highlight });
    expect(hits.hits[0]!.highlight).toEqual({
      t: ['&lt;b onclick=&quot;x(&#x27;y&#x27;)&quot;&gt;bold &amp; <em>brave</em>&lt;&#x2F;b&gt;'],
    });
  });

  test.each([
    [{ size: -1 }, /\[size\] parameter cannot be negative, found \[-1\]/],
    [{ from: -1 }, /\[from\] parameter cannot be negative, found \[-1\]/],
    [
      { size: 10_001 },
      /Result window is too large, from \+ size must be less than or equal to: \[10000\] but was \[10001\]/,
    ],
    [{ sort: ['unheard'] }, /No mapping found for \[unheard\] in order to sort on/],
    [{ sort: ['t'] }, /Text fields are not optimised for operations that require per-document field data/],
    [{ search_after: [1] }, /Sort must contain at least one field/],
    [{ sort: ['n'], search_after: [1, 2] }, /search_after has 2 value\(s\) but sort has 1/],
    [{ sort: ['n'], search_after: ['x'] }, /Failed to parse search_after value for field \[n\]/],
    [{ sort: [{ n: { order: 'up' } }] }, /\[field_sort\] failed to parse field \[order\]/],
  ])('%j is refused', async (body, reason) => {
    expect(await refusal(search(body))).toMatchObject({ status: 400, reason: expect.stringMatching(reason) });
  });

  test('a date that is missing counts as milliseconds; text for it is refused', async () => {
    const sort = [{ d: { order: 'asc', missing: '9999-12-31T00:00:00Z' } }];
    expect(await refusal(search({ sort }))).toEqual({
      status: 400,
      type: 'number_format_exception',
      reason: 'For input string: "9999-12-31T00:00:00Z"',
    });
  });

  test('several indices are searched as one, an index that is missing is refused', async () => {
    const other = await bench().index({ mappings: { properties: { n: { type: 'long' } } } });
    await bench().bulk(other, [{ index: { _id: 'z' } }, { n: 4 }], { refresh: true });
    const found = await bench().search(`${index},${other}`, { sort: [{ n: 'desc' }] });
    expect(ids(found)).toEqual(['c', 'z', 'a', 'b', 'd']);
    expect(found.hits.hits[1]!._index).toBe(other);
    const missing = { status: 404, type: 'index_not_found_exception', reason: 'no such index [nowhere]' };
    expect(await refusal(bench().search(`${index},nowhere`))).toEqual(missing);
    expect((await bench().search('nowhere-*')).hits.hits).toEqual([]);
  });
};

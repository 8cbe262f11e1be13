import { type Json, type Promises, refusal } from './search-suite-bench.ts';

const DOCUMENTS: readonly Json[] = [
  { k: 'open', n: 1, f: 1.5, b: true, d: '2024-01-01T00:00:00Z' },
  { k: 'closed', n: 2, f: 2.5, b: false, d: '2024-01-15T12:00:00Z' },
  { k: 'open', n: 3, d: '2024-03-01T00:00:00Z' },
  { k: ['open', 'urgent'], n: [10, 20], f: -1 },
  { t: 'text alone' },
  { k: 'Zed', n: 5, d: '2023-12-31T23:59:59.999Z' },
];

const buckets = (...list: readonly [key: unknown, doc_count: number][]) => ({
  doc_count_error_upper_bound: 0,
  sum_other_doc_count: 0,
  buckets: list.map(([key, doc_count]) => ({ key, doc_count })),
});
const date = (text: string) => ({ key: Date.parse(text), key_as_string: text });

const METRICS: readonly [name: string, aggregation: Json, expected: Json][] = [
  ['sum', { sum: { field: 'n' } }, { value: 41 }],
  ['min', { min: { field: 'n' } }, { value: 1 }],
  ['max of a date', { max: { field: 'd' } }, { value: 1709251200000, value_as_string: '2024-03-01T00:00:00.000Z' }],
  ['avg', { avg: { field: 'f' } }, { value: 1 }],
  ['value_count', { value_count: { field: 'n' } }, { value: 6 }],
  ['value_count of keywords', { value_count: { field: 'k' } }, { value: 6 }],
  ['cardinality', { cardinality: { field: 'k' } }, { value: 4 }],
  ['stats', { stats: { field: 'n' } }, { count: 6, min: 1, max: 20, avg: 41 / 6, sum: 41 }],
  ['a field that no document has', { sum: { field: 'unheard' } }, { value: 0 }],
  ['missing counts as', { sum: { field: 'n', missing: 100 } }, { value: 141 }],
];

const BUCKETS: readonly [name: string, aggregation: Json, expected: Json][] = [
  [
    'terms, most first, then by name',
    { terms: { field: 'k' } },
    buckets(['open', 3], ['Zed', 1], ['closed', 1], ['urgent', 1]),
  ],
  ['terms, the first only', { terms: { field: 'k', size: 1 } }, { ...buckets(['open', 3]), sum_other_doc_count: 3 }],
  [
    'terms by key',
    { terms: { field: 'k', order: { _key: 'desc' } } },
    buckets(['urgent', 1], ['open', 3], ['closed', 1], ['Zed', 1]),
  ],
  ['terms with many', { terms: { field: 'k', min_doc_count: 2 } }, buckets(['open', 3])],
  ['terms of a few', { terms: { field: 'k', include: ['Zed', 'open'], exclude: ['open'] } }, buckets(['Zed', 1])],
  [
    'terms with a place for none',
    { terms: { field: 'k', missing: '-' } },
    buckets(['open', 3], ['-', 1], ['Zed', 1], ['closed', 1], ['urgent', 1]),
  ],
  ['terms of numbers', { terms: { field: 'n', size: 2 } }, { ...buckets([1, 1], [2, 1]), sum_other_doc_count: 4 }],
  [
    'terms of booleans',
    { terms: { field: 'b' } },
    {
      ...buckets(),
      buckets: [
        { key: 0, key_as_string: 'false', doc_count: 1 },
        { key: 1, key_as_string: 'true', doc_count: 1 },
      ],
    },
  ],
  ['filter', { filter: { term: { k: 'open' } } }, { doc_count: 3 }],
  [
    'filters by name',
    {
      filters: {
        other_bucket_key: 'rest',
        filters: { open: { term: { k: 'open' } }, large: { range: { n: { gte: 3 } } } },
      },
    },
    { buckets: { open: { doc_count: 3 }, large: { doc_count: 3 }, rest: { doc_count: 2 } } },
  ],
  ['filters in a list', { filters: { filters: [{ term: { k: 'Zed' } }] } }, { buckets: [{ doc_count: 1 }] }],
  [
    'range',
    { range: { field: 'n', ranges: [{ key: 'large', from: 10 }, { to: 2 }, { from: 2, to: 10 }] } },
    {
      buckets: [
        { key: '*-2.0', to: 2, doc_count: 1 },
        { key: '2.0-10.0', from: 2, to: 10, doc_count: 3 },
        { key: 'large', from: 10, doc_count: 1 },
      ],
    },
  ],
  [
    'histogram with its gaps',
    { histogram: { field: 'n', interval: 5 } },
    {
      buckets: [
        [0, 3],
        [5, 1],
        [10, 1],
        [15, 0],
        [20, 1],
      ].map(([key, doc_count]) => ({ key, doc_count })),
    },
  ],
  [
    'date_histogram by month, gaps too',
    { date_histogram: { field: 'd', calendar_interval: 'month' } },
    {
      buckets: [
        { ...date('2023-12-01T00:00:00.000Z'), doc_count: 1 },
        { ...date('2024-01-01T00:00:00.000Z'), doc_count: 2 },
        { ...date('2024-02-01T00:00:00.000Z'), doc_count: 0 },
        { ...date('2024-03-01T00:00:00.000Z'), doc_count: 1 },
      ],
    },
  ],
  [
    'date_histogram by day, as asked',
    { date_histogram: { field: 'd', calendar_interval: 'day', min_doc_count: 1, format: 'yyyy-MM-dd' } },
    {
      buckets: ['2023-12-31', '2024-01-01', '2024-01-15', '2024-03-01'].map(day => ({
        key: Date.parse(day),
        key_as_string: day,
        doc_count: 1,
      })),
    },
  ],
  [
    'buckets within buckets',
    {
      terms: { field: 'k', order: { top: 'desc' } },
      aggs: { top: { max: { field: 'n' } }, flags: { terms: { field: 'b' } } },
    },
    {
      ...buckets(),
      buckets: [
        {
          key: 'open',
          doc_count: 3,
          top: { value: 20 },
          flags: { ...buckets(), buckets: [{ key: 1, key_as_string: 'true', doc_count: 1 }] },
        },
        { key: 'urgent', doc_count: 1, top: { value: 20 }, flags: buckets() },
        { key: 'Zed', doc_count: 1, top: { value: 5 }, flags: buckets() },
        {
          key: 'closed',
          doc_count: 1,
          top: { value: 2 },
          flags: { ...buckets(), buckets: [{ key: 0, key_as_string: 'false', doc_count: 1 }] },
        },
      ],
    },
  ],
];

export const aggregationPromises: Promises = bench => {
  let index: string;
  beforeAll(async () => {
    const properties = {
      k: { type: 'keyword' },
      n: { type: 'long' },
      f: { type: 'double' },
      b: { type: 'boolean' },
      d: { type: 'date' },
      t: { type: 'text' },
    };
    index = await bench().index({ mappings: { properties } });
    await bench().bulk(
      index,
      DOCUMENTS.flatMap(source => [{ index: {} }, source]),
      { refresh: true },
    );
  });
  const aggregate = async (aggregation: Json, query: Json = { match_all: {} }) => {
    const found = await bench().search(index, { size: 0, query, aggs: { asked: aggregation } });
    expect(found.hits.hits).toEqual([]);
    return found.aggregations!.asked;
  };

  test.each([...METRICS, ...BUCKETS])('%s', async (_, aggregation, expected) => {
    expect(await aggregate(aggregation)).toEqual(expected);
  });

  test.each([
    [{ sum: { field: 'n' } }, { value: 0 }],
    [{ min: { field: 'n' } }, { value: null }],
    [{ stats: { field: 'n' } }, { count: 0, min: null, max: null, avg: null, sum: 0 }],
    [{ terms: { field: 'k' } }, buckets()],
    [{ date_histogram: { field: 'd', calendar_interval: 'day' } }, { buckets: [] }],
  ])('%j of nothing', async (aggregation, expected) => {
    expect(await aggregate(aggregation, { term: { k: 'nobody' } })).toEqual(expected);
  });

  test('composite walks through all combinations, page by page', async () => {
    const sources = [{ k: { terms: { field: 'k' } } }, { n: { terms: { field: 'n', order: 'desc' } } }];
    const walked: unknown[] = [];
    for (let after: unknown; ; ) {
      const composite = { size: 2, sources, ...(after !== undefined && { after }) };
      const page = (await aggregate({ composite })) as {
        after_key?: unknown;
        buckets: { key: Json; doc_count: number }[];
      };
      walked.push(...page.buckets.map(({ key, doc_count }) => [key.k, key.n, doc_count]));
      after = page.after_key;
      if (after === undefined) break;
    }
    expect(walked).toEqual([
      ['Zed', 5, 1],
      ['closed', 2, 1],
      ['open', 20, 1],
      ['open', 10, 1],
      ['open', 3, 1],
      ['open', 1, 1],
      ['urgent', 20, 1],
      ['urgent', 10, 1],
    ]);
  });

  test('composite has a place for what has no value', async () => {
    const sources = [{ b: { terms: { field: 'b', missing_bucket: true } } }];
    expect(await aggregate({ composite: { sources } })).toEqual({
      after_key: { b: true },
      buckets: [
        { key: { b: null }, doc_count: 4 },
        { key: { b: false }, doc_count: 1 },
        { key: { b: true }, doc_count: 1 },
      ],
    });
  });

  test.each([
    [{ sum: { field: 'k' } }, 400, /Field \[k\] of type \[keyword\] is not supported for aggregation \[sum\]/],
    [{ terms: { field: 't' } }, 400, /Text fields are not optimised/],
    [{ terms: {} }, 400, /Required one of fields \[field, script\]/],
    [{ terms: { field: 'k', size: 0 } }, 400, /\[terms\] failed to parse field \[size\]/],
    [{ terms: { field: 'k', order: { none: 'asc' } } }, 500, /Invalid aggregation order path \[none\]/],
    [{ histogram: { field: 'n', interval: 0 } }, 400, /\[histogram\] failed to parse field \[interval\]/],
    [{ blah: { field: 'k' } }, 400, /Unknown aggregation type \[blah\]/],
  ])('%j is refused', async (aggregation, status, reason) => {
    expect(await refusal(aggregate(aggregation))).toMatchObject({ status, reason: expect.stringMatching(reason) });
  });
};

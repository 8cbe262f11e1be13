import { setTimeout as sleep } from 'node:timers/promises';
import { external, ids, type Promises, refusal } from './search-suite-bench.ts';

/** OpenSearch judges the age of a delete by a clock that ticks every second or so. */
const FORGOTTEN_MS = 2_500;
/** A refresh every second, on a busy machine. */
const SOON_MS = 10_000;

const conflict = (id: string, current: number, given: number) => ({
  type: 'version_conflict_engine_exception',
  reason: `[${id}]: version conflict, current version [${current}] is higher or equal to the one provided [${given}]`,
});

export const documentPromises: Promises = bench => {
  test('a newer version is applied, an equal or older one is a conflict that names both', async () => {
    const index = await bench().index();
    const lines = [5, 5, 4, 7].flatMap(version => [{ index: external('a', version) }, { version }]);
    const items = await bench().bulk(index, lines);
    expect(items.map(({ status }) => status)).toEqual([201, 409, 409, 200]);
    expect(items.map(({ result }) => result)).toEqual(['created', undefined, undefined, 'updated']);
    expect(items[1]!.error).toMatchObject({ ...conflict('a', 5, 5), index });
    expect(items[2]!.error).toMatchObject(conflict('a', 5, 4));
    const { body } = await bench().client.get({ index, id: 'a' });
    expect(body).toMatchObject({ _index: index, _id: 'a', _version: 7, found: true, _source: { version: 7 } });
  });

  test('external_gte takes an equal version too', async () => {
    const index = await bench().index();
    const lines = [5, 5, 4].flatMap(version => [{ index: { _id: 'a', version, version_type: 'external_gte' } }, {}]);
    const items = await bench().bulk(index, lines);
    expect(items.map(({ status }) => status)).toEqual([201, 200, 409]);
    expect(items[2]!.error?.reason).toBe(
      '[a]: version conflict, current version [5] is higher than the one provided [4]',
    );
  });

  test('versions of 53 bits are exact', async () => {
    const index = await bench().index();
    const version = 2 ** 53 - 1;
    await bench().bulk(index, [{ index: external('a', version - 1) }, {}, { index: external('a', version) }, {}]);
    expect((await bench().client.get({ index, id: 'a' })).body._version).toBe(version);
  });

  test('a delete outranks older writes, also of a document that never was', async () => {
    const index = await bench().index();
    const items = await bench().bulk(index, [
      { delete: external('a', 9) },
      { index: external('a', 8) },
      {},
      { index: external('a', 10) },
      {},
      { delete: external('a', 11) },
      { delete: external('a', 11) },
    ]);
    expect(items.map(({ status }) => status)).toEqual([404, 409, 201, 200, 409]);
    expect(items.map(({ result }) => result)).toEqual(['not_found', undefined, 'created', 'deleted', undefined]);
    expect(items[1]!.error).toMatchObject(conflict('a', 9, 8));
    const gone = await bench().client.get({ index, id: 'a' }, { ignore: [404] });
    expect([gone.statusCode, gone.body]).toMatchObject([404, { _index: index, _id: 'a', found: false }]);
  });

  test('the version of a delete is remembered for index.gc_deletes, and then forgotten', async () => {
    const index = await bench().index({ settings: { gc_deletes: '1s' } });
    const remembering = await bench().index();
    for (const each of [index, remembering]) {
      await bench().bulk(each, [{ index: external('a', 5) }, {}, { delete: external('a', 6) }]);
    }
    expect(await bench().bulk(index, [{ index: external('a', 4) }, {}])).toMatchObject([{ status: 409 }]);
    await sleep(FORGOTTEN_MS);
    expect(await bench().bulk(index, [{ index: external('a', 4) }, {}])).toMatchObject([{ status: 201, _version: 4 }]);
    expect(await bench().bulk(remembering, [{ index: external('a', 4) }, {}])).toMatchObject([{ status: 409 }]);
  });

  test('without external versions each write counts up by one, from one', async () => {
    const index = await bench().index();
    const items = await bench().bulk(index, [
      { index: { _id: 'a' } },
      {},
      { index: { _id: 'a' } },
      {},
      { delete: { _id: 'a' } },
    ]);
    expect(items.map(({ _version }) => _version)).toEqual([1, 2, 3]);
    expect(await bench().bulk(index, [{ create: { _id: 'a' } }, {}])).toMatchObject([{ _version: 4, status: 201 }]);
  });

  test('create refuses what is there; an id can be left to the engine', async () => {
    const index = await bench().index();
    const items = await bench().bulk(index, [
      { create: { _id: 'a' } },
      {},
      { create: { _id: 'a' } },
      {},
      { index: {} },
      {},
    ]);
    expect(items.map(({ status }) => status)).toEqual([201, 409, 201]);
    expect(items[1]!.error?.reason).toBe('[a]: version conflict, document already exists (current version [1])');
    expect(items[2]).toMatchObject({ _id: expect.stringMatching(/^[\w-]{20}$/) });
  });

  test('a read by id sees a write at once, a search after the refresh', async () => {
    const index = await bench().index({ settings: { refresh_interval: '-1' } });
    const { client } = bench();
    await bench().bulk(index, [{ index: { _id: 'a' } }, { n: 1 }], { refresh: true });
    await bench().bulk(index, [{ index: { _id: 'a' } }, { n: 2 }, { index: { _id: 'b' } }, { n: 2 }]);
    expect((await client.get({ index, id: 'a' })).body._source).toEqual({ n: 2 });
    expect((await bench().search(index)).hits.hits).toMatchObject([{ _id: 'a', _source: { n: 1 } }]);
    await client.indices.refresh({ index });
    expect((await bench().search(index)).hits.hits).toMatchObject([{ _source: { n: 2 } }, { _source: { n: 2 } }]);
    await client.delete({ index, id: 'a' });
    expect(ids(await bench().search(index))).toEqual(['a', 'b']);
    await client.indices.refresh({ index });
    expect(ids(await bench().search(index))).toEqual(['b']);
  });

  test('the refresh comes by itself, every second unless told otherwise, and on wait_for', async () => {
    const index = await bench().index({ settings: { refresh_interval: '1s' } });
    await bench().search(index);
    await bench().bulk(index, [{ index: { _id: 'a' } }, {}]);
    const deadline = Date.now() + SOON_MS;
    while ((await bench().search(index)).hits.total!.value === 0 && Date.now() < deadline) await sleep(50);
    expect(ids(await bench().search(index))).toEqual(['a']);
    await bench().client.index({ index, id: 'b', body: {}, refresh: 'wait_for' });
    expect(ids(await bench().search(index))).toEqual(['a', 'b']);
    await bench().client.indices.putSettings({ index, body: { index: { refresh_interval: '1h' } } });
    await bench().bulk(index, [{ index: { _id: 'c' } }, {}]);
    await sleep(1_500);
    expect(ids(await bench().search(index))).toEqual(['a', 'b']);
  });

  test('single writes answer as bulk items do', async () => {
    const index = await bench().index();
    const { client } = bench();
    const version = { version: 5, version_type: 'external' } as const;
    const first = await client.index({ index, id: 'a', body: { n: 1 }, ...version });
    expect([first.statusCode, first.body]).toMatchObject([201, { _id: 'a', _version: 5, result: 'created' }]);
    const again = await refusal(client.index({ index, id: 'a', body: { n: 1 }, ...version }));
    expect(again).toEqual({ status: 409, ...conflict('a', 5, 5) });
    const gone = await client.delete({ index, id: 'a', version: 6, version_type: 'external' });
    expect(gone.body).toMatchObject({ _version: 6, result: 'deleted', _shards: { failed: 0 } });
    const created = await client.create({ index, id: 'b', body: {} });
    expect(created.body.result).toBe('created');
    expect((await client.exists({ index, id: 'b' })).body).toBe(true);
    expect((await client.exists({ index, id: 'zzz' })).body).toBe(false);
  });

  test('several reads come in the order asked for, missing ones too', async () => {
    const index = await bench().index();
    await bench().bulk(index, [{ index: { _id: 'a' } }, { n: 1, m: 2 }]);
    const { body } = await bench().client.mget({ index, body: { ids: ['z', 'a'] } });
    expect(body.docs).toMatchObject([
      { _id: 'z', found: false },
      { _id: 'a', found: true, _source: { n: 1, m: 2 } },
    ]);
    const docs = [
      { _index: index, _id: 'a', _source: ['m'] },
      { _index: 'nowhere', _id: 'a' },
    ];
    const two = await bench().client.mget({ body: { docs } });
    expect(two.body.docs[0]).toMatchObject({ _source: { m: 2 } });
  });

  test.each([
    [
      'an unknown action',
      [{ upsert: { _id: 'a' } }, {}],
      'illegal_argument_exception',
      /Malformed action\/metadata line \[1\]/,
    ],
    [
      'an unknown option',
      [{ index: { _id: 'a', ttl: 1 } }, {}],
      'illegal_argument_exception',
      /unknown parameter \[ttl\]/,
    ],
    [
      'a version without its type',
      [{ index: { _id: 'a', version: 3 } }, {}],
      'action_request_validation_exception',
      /internal versioning can not be used for optimistic concurrency control/,
    ],
    ['no action', [], 'parse_exception', /request body is required/],
  ])('%s refuses the whole bulk', async (_, lines, type, reason) => {
    const index = await bench().index();
    const body = lines.map(line => `${JSON.stringify(line)}\n`).join('');
    const asked = bench().client.bulk({ index, body: body as never });
    expect(await refusal(asked)).toEqual({ status: 400, type, reason: expect.stringMatching(reason) });
    expect((await bench().client.count({ index })).body.count).toBe(0);
  });

  test('a write makes the index it goes to, unless an alias is required', async () => {
    const { client } = bench();
    const index = 'made-by-a-write';
    expect(await bench().bulk(index, [{ index: { _id: 'a' } }, {}], { require_alias: true })).toMatchObject([
      { status: 404, error: { type: 'index_not_found_exception' } },
    ]);
    expect(await bench().bulk(index, [{ delete: { _id: 'a' } }])).toMatchObject([{ status: 404 }]);
    expect((await client.indices.exists({ index })).body).toBe(false);
    expect(await bench().bulk(index, [{ index: { _id: 'a' } }, {}])).toMatchObject([{ status: 201 }]);
    expect((await client.indices.exists({ index })).body).toBe(true);
  });

  test('deleting by query takes what searches see, and leaves what was written since', async () => {
    const index = await bench().index({ settings: { refresh_interval: '-1' } });
    const lines = ['a', 'b', 'c'].flatMap(_id => [{ index: { _id } }, { n: _id === 'c' ? 2 : 1 }]);
    await bench().bulk(index, lines, { refresh: true });
    await bench().bulk(index, [{ index: { _id: 'b' } }, { n: 1 }]);
    const body = { query: { term: { n: 1 } } };
    const asked = bench().client.deleteByQuery({ index, body, conflicts: 'proceed', refresh: true });
    expect((await asked).body).toMatchObject({ total: 2, deleted: 1, version_conflicts: 1 });
    expect(ids(await bench().search(index))).toEqual(['c', 'b']);
  });
};

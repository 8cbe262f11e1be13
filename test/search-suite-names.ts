import { ids, type Json, type Promises, refusal } from './search-suite-bench.ts';

export const namePromises: Promises = bench => {
  const client = () => bench().client;
  const update = (...actions: Json[]) => client().indices.updateAliases({ body: { actions } as never });
  const behind = async (name: string) =>
    (await client().indices.getAlias({ name }, { ignore: [404] })).body as unknown as Record<string, Json>;

  test('it is OpenSearch 3.6', async () => {
    expect((await client().info()).body.version).toMatchObject({ distribution: 'opensearch', number: '3.6.0' });
  });

  test('an index exists from its creation to its deletion, once', async () => {
    const index = await bench().index();
    expect((await client().indices.exists({ index })).body).toBe(true);
    expect(await refusal(client().indices.create({ index }))).toMatchObject({
      status: 400,
      type: 'resource_already_exists_exception',
      reason: expect.stringMatching(/^index \[suite-\d+\/.{20,}\] already exists$/),
    });
    await client().indices.delete({ index });
    expect((await client().indices.exists({ index })).body).toBe(false);
    const missing = { status: 404, type: 'index_not_found_exception', reason: `no such index [${index}]` };
    expect(await refusal(client().indices.delete({ index }))).toEqual(missing);
    expect(await refusal(client().get({ index, id: 'a' }))).toEqual(missing);
    expect(await refusal(client().count({ index }))).toEqual(missing);
  });

  test('what is made anew under an old name holds nothing of the old', async () => {
    const index = await bench().index();
    await bench().bulk(index, [{ index: { _id: 'a', version: 9, version_type: 'external' } }, {}]);
    await client().indices.delete({ index });
    await client().indices.create({ index, body: { settings: { number_of_replicas: 0 } } });
    expect(
      await bench().bulk(index, [{ index: { _id: 'a', version: 1, version_type: 'external' } }, {}]),
    ).toMatchObject([{ status: 201 }]);
  });

  test.each([
    ['Upper', 'must be lowercase'],
    ['a b', 'must not contain the following characters'],
    ['-a', "must not start with '_', '-', or '+'"],
  ])('no index is called %j', async (index, why) => {
    expect(await refusal(client().indices.create({ index }))).toMatchObject({
      status: 400,
      type: 'invalid_index_name_exception',
      reason: expect.stringContaining(`Invalid index name [${index}], ${why}`),
    });
  });

  test('settings change while the index lives, but not its shape', async () => {
    const index = await bench().index();
    await client().indices.putSettings({
      index,
      body: { index: { refresh_interval: '7s' }, gc_deletes: '5s' } as never,
    });
    const read = async () =>
      (await client().indices.getSettings({ index })).body[index]!.settings!.index as unknown as Json;
    expect(await read()).toMatchObject({ refresh_interval: '7s', gc_deletes: '5s', number_of_shards: '1' });
    await client().indices.putSettings({ index, body: { refresh_interval: null } as never });
    expect(await read()).not.toHaveProperty('refresh_interval');
    const put = (body: Json) => client().indices.putSettings({ index, body: body as never });
    expect(await refusal(put({ refresh_interval: '5x' }))).toMatchObject({
      status: 400,
      reason:
        'failed to parse setting [index.refresh_interval] with value [5x] as a time value: unit is missing or unrecognized',
    });
    expect(await refusal(put({ number_of_shards: 2 }))).toMatchObject({
      status: 400,
      reason: expect.stringContaining("Can't update non dynamic settings [[index.number_of_shards]]"),
    });
  });

  test('an alias moves from one index to the next in one step', async () => {
    const [blue, green] = [await bench().index(), await bench().index()];
    const alias = `${blue}-readers`;
    await update({ add: { index: blue, alias } });
    expect(await behind(alias)).toEqual({ [blue]: { aliases: { [alias]: {} } } });
    await update({ remove: { index: blue, alias } }, { add: { index: green, alias, is_write_index: true } });
    expect(await behind(alias)).toEqual({ [green]: { aliases: { [alias]: { is_write_index: true } } } });
    await bench().bulk(alias, [{ index: { _id: 'a' } }, {}], { refresh: true });
    expect((await bench().search(alias)).hits.hits).toMatchObject([{ _index: green, _id: 'a' }]);
    expect((await client().get({ index: alias, id: 'a' })).body).toMatchObject({ _index: green, found: true });
    expect((await client().indices.existsAlias({ name: alias })).body).toBe(true);
  });

  test('one bad action undoes all of them', async () => {
    const index = await bench().index();
    const alias = `${index}-x`;
    expect(
      await refusal(update({ add: { index, alias } }, { remove: { index, alias: 'none', must_exist: true } })),
    ).toMatchObject({
      status: 404,
      type: 'aliases_not_found_exception',
      reason: 'aliases [none] missing',
    });
    expect(await behind(alias)).toEqual({ error: `alias [${alias}] missing`, status: 404 });
    expect((await client().indices.existsAlias({ name: alias })).body).toBe(false);
    expect(await refusal(update({ remove: { index, alias: 'none' } }))).toMatchObject({ status: 404 });
    expect(await refusal(update({ add: { index: 'nowhere', alias } }))).toMatchObject({ status: 404 });
    expect(await refusal(update({ add: { index, alias: index } }))).toMatchObject({
      type: 'invalid_alias_name_exception',
    });
  });

  test('an alias may take the name of an index that goes in the same step', async () => {
    const [old, next] = [await bench().index(), await bench().index()];
    await update({ remove_index: { index: old } }, { add: { index: next, alias: old } });
    expect(await behind(old)).toEqual({ [next]: { aliases: { [old]: {} } } });
    expect(await refusal(client().indices.delete({ index: old }))).toMatchObject({
      status: 400,
      reason: expect.stringContaining(`The provided expression [${old}] matches an alias`),
    });
  });

  test('writes through an alias of several indices need one that is marked', async () => {
    const [one, two] = [await bench().index(), await bench().index()];
    const alias = `${one}-both`;
    await update({ add: { indices: [one, two], alias } });
    expect(await bench().bulk(alias, [{ index: { _id: 'a' } }, {}])).toMatchObject([
      { status: 400, error: { reason: expect.stringMatching(/^no write index is defined for alias/) } },
    ]);
    await update({ add: { index: two, alias, is_write_index: true } });
    expect(await bench().bulk(alias, [{ index: { _id: 'a' } }, {}], { refresh: true })).toMatchObject([
      { status: 201 },
    ]);
    expect((await bench().search(alias)).hits.hits).toMatchObject([{ _index: two }]);
    expect(await refusal(client().get({ index: alias, id: 'a' }))).toMatchObject({
      // Real OpenSearch names them in an order of its own.
      reason: expect.stringMatching(
        new RegExp(`^alias \\[${alias}\\] has more than one .* \\[(${one}, ${two}|${two}, ${one})\\], can't execute`),
      ),
    });
    expect(await refusal(update({ add: { index: one, alias, is_write_index: true } }))).toMatchObject({ status: 500 });
  });

  test('a filtered alias lets its readers see no more than the filter', async () => {
    const index = await bench().index({ mappings: { properties: { k: { type: 'keyword' } } } });
    const [alias, other] = [`${index}-open`, `${index}-closed`];
    const filter = (k: string) => ({ term: { k } });
    await update(
      { add: { index, alias, filter: filter('open') } },
      { add: { index, alias: other, filter: filter('closed') } },
    );
    expect(await behind(alias)).toEqual({ [index]: { aliases: { [alias]: { filter: filter('open') } } } });
    const lines = ['open', 'closed', 'secret'].flatMap(k => [{ index: { _id: k } }, { k }]);
    await bench().bulk(index, lines, { refresh: true });
    expect(ids(await bench().search(alias))).toEqual(['open']);
    expect(ids(await bench().search(alias, { query: { term: { k: 'secret' } } }))).toEqual([]);
    expect(ids(await bench().search(`${alias},${other}`))).toEqual(['open', 'closed']);
    expect(ids(await bench().search(`${alias},${index}`))).toEqual(['open', 'closed', 'secret']);
    expect((await client().count({ index: alias })).body.count).toBe(1);
    const aggs = { k: { cardinality: { field: 'k' } } };
    expect((await bench().search(alias, { size: 0, aggs })).aggregations).toEqual({ k: { value: 1 } });
    const blind = { add: { index, alias: `${index}-x`, filter: { blah: {} } } };
    expect(await refusal(update(blind))).toMatchObject({ reason: `failed to parse filter for alias [${index}-x]` });
  });

  test('single aliases can be put and removed', async () => {
    const index = await bench().index();
    const name = `${index}-put`;
    await client().indices.putAlias({ index, name });
    expect(await behind(name)).toHaveProperty(index);
    await client().indices.deleteAlias({ index, name });
    expect(await refusal(client().indices.deleteAlias({ index, name }))).toMatchObject({ status: 404 });
  });

  test('a template shapes the indices whose names it matches', async () => {
    const template = {
      settings: { refresh_interval: '5s', number_of_replicas: 0 },
      mappings: { dynamic: 'strict', properties: { k: { type: 'keyword' } } },
      aliases: { 'all-shaped': {} },
    };
    await client().indices.putIndexTemplate({
      name: 'shaped',
      body: { index_patterns: ['shaped-*'], priority: 5, template } as never,
    });
    const [read] = (await client().indices.getIndexTemplate({ name: 'shaped' })).body
      .index_templates as unknown as Json[];
    expect(read).toMatchObject({ name: 'shaped', index_template: { index_patterns: ['shaped-*'], priority: 5 } });
    await client().indices.create({ index: 'shaped-1', body: { mappings: { properties: { n: { type: 'long' } } } } });
    expect((await client().indices.get({ index: 'shaped-1' })).body['shaped-1']).toMatchObject({
      aliases: { 'all-shaped': {} },
      mappings: { dynamic: 'strict', properties: { k: { type: 'keyword' }, n: { type: 'long' } } },
      settings: { index: { refresh_interval: '5s' } },
    });
    expect(await bench().bulk('shaped-2', [{ index: {} }, { other: 1 }])).toMatchObject([{ status: 400 }]);
    await client().indices.deleteIndexTemplate({ name: 'shaped' });
    expect((await client().indices.existsIndexTemplate({ name: 'shaped' })).body).toBe(false);
  });

  test('figures: documents by index, health by replicas that have no node', async () => {
    const index = await bench().index({ settings: { refresh_interval: '-1' } });
    await bench().bulk(index, [{ index: {} }, {}, { index: {} }, {}], { refresh: true });
    const { body: rows } = await client().cat.indices({ index, format: 'json' });
    expect(rows).toMatchObject([{ index, health: 'green', status: 'open', 'docs.count': '2', pri: '1', rep: '0' }]);
    const { body: stats } = await client().indices.stats({ index, metric: 'docs,store' as never });
    expect(stats.indices![index]!.primaries).toMatchObject({
      docs: { count: 2 },
      store: { size_in_bytes: expect.any(Number) },
    });
    const health = (more: Json = {}) => client().cluster.health({ index, ...more }, { ignore: [408] });
    expect((await health()).body).toMatchObject({ status: 'green', timed_out: false, active_shards: 1 });
    await client().indices.putSettings({ index, body: { number_of_replicas: 1 } as never });
    const waited = await health({ wait_for_status: 'green', timeout: '50ms' });
    expect(waited.statusCode).toBe(408);
    expect(waited.body).toMatchObject({ status: 'yellow', timed_out: true, unassigned_shards: 1 });
  });
};

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { synthesise } from '../lib/pipeline-app.ts';
import { pipelinePlaces } from '../local/pipeline-places.ts';
import { parseTimetable } from '../local/runtime/timetable.ts';
import { readAssembly } from '../local/template/assembly.ts';
import { IGNORED_TYPES } from '../local/template/ignored.ts';
import { readModel } from '../local/template/model.ts';
import { bundled, ROOT } from './templates.ts';
import { rootOnValkey } from './valkey-root.ts';

const folder = mkdtempSync(join(tmpdir(), 'coverage-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The cheapest deployment, the one with the most resources, and one whose cache is a Valkey. */
const VARIANTS = [
  { name: 'small', root: ROOT, size: 'small' },
  { name: 'production', root: ROOT, size: 'production' },
  { name: 'valkey', root: rootOnValkey(join(folder, 'root')), size: 'small' },
] as const;
const NAMES = VARIANTS.map(({ name }) => name);

const assemblies = new Map<string, ReturnType<typeof readAssembly>>();
beforeAll(async () => {
  const bundles = await bundled();
  for (const { name, root, size } of VARIANTS) {
    const outdir = join(folder, name);
    const context = { size, alarmEmail: 'ops@bureau.example' };
    await synthesise({ root, outdir, context, bundles, checkTemplates: false });
    assemblies.set(name, readAssembly(outdir));
  }
  bundles.dispose();
}, 120_000);

const modelOf = (size: string) =>
  readModel(assemblies.get(size)!, {
    queueUrl: name => `http://127.0.0.1:1/000000000000/${name}`,
    database: { host: '127.0.0.1', port: 5432 },
    searchDomain: '127.0.0.1:9200',
    cache: { host: '127.0.0.1', port: 6379 },
  });

test.each(NAMES)('local mode knows every resource, property and reference of the %s app', size => {
  const { functions, queues, mappings, tables, alarms } = modelOf(size);
  for (const part of [functions, queues, mappings, tables, alarms]) expect(part).not.toHaveLength(0);
});

test('what local mode polls, schedules and subscribes is in the template too', () => {
  const { functions, mappings, schedules, subscriptions, queues, topics } = modelOf('small');
  const names = functions.map(({ name }) => name);
  const queueArns = queues.map(({ arn }) => arn);
  for (const { functionName, queueArn } of mappings) {
    expect(names).toContain(functionName);
    expect(queueArns).toContain(queueArn);
  }
  for (const { functionName, expression } of schedules) {
    expect(names).toContain(functionName);
    expect(parseTimetable(expression).next(0)).toBeGreaterThan(0);
  }
  for (const { topicArn, queueArn } of subscriptions) {
    expect(topics.map(({ arn }) => arn)).toContain(topicArn);
    expect(queueArns).toContain(queueArn);
  }
});

test('every store of the template can be found by its name', () => {
  const { stores } = pipelinePlaces(modelOf('small'));
  expect(Object.keys(stores).sort()).toEqual([
    ...['case-archive', 'case-facts', 'case-search', 'case-timeline', 'investigator-worklist'],
  ]);
  for (const store of Object.values(stores)) expect(store.index ?? store.table ?? store.bucket).toBeTruthy();
});

test('no type is ignored that no template has', () => {
  const types = [...assemblies.values()].flatMap(({ stacks }) =>
    stacks.flatMap(({ resources }) => Object.values(resources).map(({ Type }) => Type)),
  );
  const unused = Object.keys(IGNORED_TYPES).filter(
    ignored =>
      !types.some(type => type === ignored || (ignored.endsWith('*') && type.startsWith(ignored.slice(0, -1)))),
  );
  expect(unused).toEqual([]);
});

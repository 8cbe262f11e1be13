import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { type AggregateContract, parseAggregateContract } from '../core/aggregate-contract.ts';
import { writeStates } from '../core/backfill.ts';
import { applyBatch } from '../core/batch.ts';
import type { JsonObject, StateChange } from '../core/change.ts';
import { encodeChange, encodePack } from '../core/pack.ts';
import { type Projection, projection } from '../core/projection.ts';
import { type AnyProjector, defineProjector } from '../core/projector.ts';
import type { Store, Stored, Target } from '../core/store.ts';
import type { FieldType, ProjectedContract } from '../core/store-contract.ts';
import { type AggregateId, storedVersion, type TenantId } from '../core/version.ts';
import { openSearchStore } from '../functions/stores/opensearch.ts';
import { openSearchClient } from '../functions/stores/opensearch-client.ts';
import { Engine } from '../local/search/embedded/engine.ts';
import { answer } from '../local/search/embedded/http.ts';
import { routes } from '../local/search/embedded/routes.ts';
import { suiteContract } from '../testing/store-samples.ts';

/**
 * The way of a change of schema, with the party as it is shipped, version 1 and 2: expand (projectors that know both, and
 * documents that have the fields of both), migrate (producers one by one, a second target beside the first), contract (the
 * first target and version 1 go). At no point does a producer, a projector or a reader stop, and nothing fails for good.
 * The store is the one that minds: an index of OpenSearch refuses a field that it was not made with.
 */

const TENANT = '00000000-0000-4000-8000-0000000000aa' as TenantId;
const keyOf = (n: number) => `00000000-0000-4000-8000-00000000000${n}` as AggregateId;

const text = readFileSync(join(import.meta.dirname, '..', 'contracts', 'aggregates', 'party.yaml'), 'utf8');
const both = parseAggregateContract(text, 'party.yaml');
/** As it was before version 2: what a function knows that was deployed then. */
const before: AggregateContract = { ...both, versions: both.versions.slice(0, 1), current: both.versions[0]! };

const engine = new Engine(':memory:');
const server = createServer((incoming, outgoing) => void answer(engine, routes, incoming, outgoing));
let client: ReturnType<typeof openSearchClient>;
beforeAll(async () => {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  client = openSearchClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
afterAll(async () => {
  await client?.close();
  server.close();
  server.closeAllConnections();
  for (const index of [...engine.indices.values()]) engine.drop(index); // Each has a timer.
  engine.storage.close();
});

/** What of a store a deployment brings: its functions share a contract, and open the store with it. */
interface Deployment {
  readonly project: Projection;
  readonly open: () => Store;
}

type PartyDocument = (party: { name: string; kind: string; contact: { zip: string | null } }) => JsonObject;

function deployment(
  fields: Readonly<Record<string, FieldType>>,
  aggregates: readonly AggregateContract[],
  project?: PartyDocument,
): Deployment {
  const contract: ProjectedContract = {
    ...suiteContract('directory', 'opensearch'),
    aggregates: ['party'],
    fields: Object.fromEntries(
      Object.entries(fields).map(([name, type]) => [name, { type, list: false, pii: 'personal', protected: false }]),
    ),
  };
  const projectors = project ? [defineProjector({ store: 'directory', on: 'party', project }) as AnyProjector] : [];
  return {
    project: projection({ contract, aggregates, projectors }),
    open: () => openSearchStore({ client, contract }),
  };
}

/** Knows states of version 1, and copies their fields. */
const FORMER = deployment({ display_name: 'text', zip: 'keyword' }, [before]);
/** Expanded: states of both, documents for the readers of before and of after. */
const EXPANDED = deployment(
  { display_name: 'text', zip: 'keyword', name: 'text', kind: 'keyword' },
  [both],
  ({ name, kind, contact: { zip } }) => ({ display_name: name, name, kind, zip }),
);
const CONTRACTED = deployment(
  { name: 'text', kind: 'keyword', zip: 'keyword' },
  [both],
  ({ name, kind, contact: { zip } }) => ({ name, kind, zip }),
);

/** What the two kinds of producers write of the same party. */
const STATES: Readonly<Record<1 | 2, (n: number) => JsonObject>> = {
  1: n => ({ display_name: `Bank ${n}`, type: 'organisation', email: null, zip: `1000${n % 10}`, fax: null }),
  2: n => ({
    name: `Bank ${n}`,
    kind: 'company',
    contact: { email: null, zip: `1000${n % 10}`, us_state: null },
    created_at: null,
  }),
};

function written(key: AggregateId, number: number, schemaVersion: 1 | 2): StateChange {
  const version = storedVersion(0, number);
  const header = { aggregate: 'party', change: 'updated', key, tenant: TENANT, version, lane: 'standard' } as const;
  const id = `${version}@${key}`;
  return {
    kind: 'state',
    id,
    ...header,
    digest: number,
    schemaVersion,
    committedAt: number,
    state: STATES[schemaVersion](number),
  };
}

let generations = 0;
const generation = (): Target => ({ store: 'directory', name: `directory.${++generations}` });

/** Delivers it as a queue does; what comes back is delivered again, what failed for good is told. */
async function deliver(changes: readonly StateChange[], by: Deployment, targets: readonly Target[]) {
  const failed: string[] = [];
  const messages = changes.map(({ kind: _, state, ...header }, index) => ({
    id: String(index),
    body: encodePack([encodeChange(header, { state: JSON.stringify(state) })]),
  }));
  const report = await applyBatch(messages, {
    store: by.open(),
    targets: async () => targets,
    project: by.project,
    resolve: async change => change as StateChange,
    deadLetter: async letters => {
      failed.push(...letters.map(({ error }) => error.code));
    },
  });
  expect(report.later.size).toBe(0);
  return failed;
}

const held = async (target: Target): Promise<Stored[]> => Array.fromAsync(EXPANDED.open().scan(target, {}));
const digest = (target: Target) => EXPANDED.open().digest(target, {});

/** Each document has at least these fields. */
async function expectShown(target: Target, fields: readonly string[]): Promise<void> {
  for (const { document } of await held(target)) expect(Object.keys(document!)).toEqual(expect.arrayContaining(fields));
}

/** Which key is written next, by a producer of which version once both may be. */
const commit = fc.record({ key: fc.integer({ min: 0, max: 4 }), schema: fc.constantFrom(1 as const, 2 as const) });
const commits = fc.array(commit, { minLength: 1, maxLength: 12 });
const history = fc.record({
  former: commits,
  migrating: commits,
  settling: commits,
  last: commits,
  /** CloudFormation says nothing of when it updates which function. */
  provisionedFirst: fc.boolean(),
  greenMadeBy: fc.constantFrom('former', 'expanded'),
  order: fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
});

test('expand, migrate, contract: both versions side by side, every reader served, one result', async () => {
  await fc.assert(
    fc.asyncProperty(history, async ({ former, migrating, settling, last, order, provisionedFirst, greenMadeBy }) => {
      const [blue, green, end] = [generation(), generation(), generation()];
      const numbers = new Map<number, number>();
      const make = (list: readonly { key: number; schema: 1 | 2 }[], only?: 1 | 2) =>
        list.map(({ key, schema }) => {
          numbers.set(key, (numbers.get(key) ?? 0) + 1);
          return written(keyOf(key), numbers.get(key)!, only ?? schema);
        });
      const shuffled = (list: readonly StateChange[]) =>
        list
          .map(one => [order.next().value as number, one] as const)
          .sort(([a], [b]) => a - b)
          .map(([, one]) => one);
      const backfill = async (by: Deployment, target: Target, changes: readonly StateChange[]) => {
        const newest = [...Map.groupBy(changes, ({ key }) => key).values()].map(
          list => list.toSorted((a, b) => b.version - a.version)[0]!,
        );
        expect(await writeStates({ store: by.open(), project: by.project, targets: [target] }, newest)).toEqual([]);
      };

      // Before: producers and projectors of version 1.
      await FORMER.open().create(blue);
      const first = make(former, 1);
      expect(await deliver(shuffled(first), FORMER, [blue])).toEqual([]);

      // Expand: instances of both deployments at once, the target being told of the new fields at any time.
      const rest = make(migrating, 1);
      if (provisionedFirst) await EXPANDED.open().create(blue);
      for (const part of [shuffled(rest), shuffled([...first, ...rest])]) {
        const half = part.length / 2;
        expect(await deliver(part.slice(0, half), EXPANDED, [blue])).toEqual([]);
        expect(await deliver(part.slice(half), FORMER, [blue])).toEqual([]);
      }
      await EXPANDED.open().create(blue);
      await expectShown(blue, ['display_name', 'zip']);

      // Migrate: producers of both versions at once, and a green target, which an operation of before may have made.
      await (greenMadeBy === 'former' ? FORMER : EXPANDED).open().create(green);
      const mixed = make(migrating);
      const stream = shuffled([...mixed, ...mixed]);
      const half = stream.length / 2;
      expect(await deliver(stream.slice(0, half), EXPANDED, [blue, green])).toEqual([]);
      await backfill(EXPANDED, green, [...first, ...rest, ...mixed]);
      expect(await deliver(stream.slice(half), EXPANDED, [blue, green])).toEqual([]);
      expect(await digest(green)).toEqual(await digest(blue));
      await expectShown(blue, ['display_name', 'zip']);

      // Readers have moved, and may go back: the former target takes every change all the same.
      const since = make(settling);
      expect(await deliver(shuffled(since), EXPANDED, [green, blue])).toEqual([]);
      expect(await digest(green)).toEqual(await digest(blue));
      await expectShown(green, ['name', 'kind', 'zip']);
      await expectShown(blue, ['display_name', 'zip']);

      // Contract: version 2 only, and the old targets go. What was late of version 1 still lands, or is outranked.
      await EXPANDED.open().drop(blue);
      const late = make(last, 2);
      const all = [...first, ...rest, ...mixed, ...since, ...late];
      await CONTRACTED.open().create(end);
      expect(await deliver(shuffled(all), CONTRACTED, [green, end])).toEqual([]);
      expect(await digest(end)).toEqual(await digest(green));
      await EXPANDED.open().drop(green);
      const expected = [...numbers].map(([key, number]) => ({
        key: keyOf(key),
        document: { name: `Bank ${number}`, kind: 'company', zip: `1000${number % 10}` },
      }));
      expect(await held(end)).toEqual(
        expected.sort((a, b) => (a.key < b.key ? -1 : 1)).map(one => expect.objectContaining(one)),
      );
      await EXPANDED.open().drop(end);
    }),
    { numRuns: 25 },
  );
});

test('the order matters: a producer of version 2 before its projectors fails what it writes, until they are deployed', async () => {
  const blue = generation();
  await FORMER.open().create(blue);
  const [one, two] = [written(keyOf(1), 1, 1), written(keyOf(1), 2, 2)];
  expect(await deliver([one, two], FORMER, [blue])).toEqual(['schema-newer']);
  // What could be shown still is; a redrive of the other lands once the projector knows it.
  expect((await held(blue)).map(({ version }) => version)).toEqual([one.version]);
  expect(await deliver([two], EXPANDED, [blue])).toEqual([]);
  expect((await held(blue)).map(({ document }) => document)).toMatchObject([{ display_name: 'Bank 2', zip: '10002' }]);
});

test('a field that changes its type in place fails what does not fit, for as long as a target of the other type is fed', async () => {
  const numbered = deployment({ zip: 'integer' }, [both], ({ contact: { zip } }) => ({ zip: Number(zip) }));
  const lettered = deployment({ zip: 'keyword' }, [both], ({ contact: { zip } }) => ({ zip: `D-${zip}` }));
  const [blue, green] = [generation(), generation()];
  const [one, two] = [written(keyOf(1), 1, 2), written(keyOf(1), 2, 2)];
  await numbered.open().create(blue);
  expect(await deliver([one], numbered, [blue])).toEqual([]);
  await lettered.open().create(blue);
  await lettered.open().create(green);
  expect(await deliver([two], lettered, [blue, green])).toEqual(['document-refused']);
  expect((await held(blue)).map(({ version }) => version)).toEqual([one.version]);
  // The new target has it; the other one, were readers to go back to it, would show less: that is still told.
  expect((await held(green)).map(({ version }) => version)).toEqual([two.version]);
  expect(await deliver([two], lettered, [green, blue])).toEqual(['document-refused']);
  // Without a way back a redrive lands.
  expect(await deliver([two], lettered, [green])).toEqual([]);
});

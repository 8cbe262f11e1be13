import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { type AggregateContract, parseAggregateContract } from '../core/aggregate-contract.ts';
import { writeStates } from '../core/backfill.ts';
import { applyBatch } from '../core/batch.ts';
import type { JsonObject, StateChange } from '../core/change.ts';
import { encodeChange, encodePack } from '../core/pack.ts';
import { type Projection, projection } from '../core/projection.ts';
import { defineProjector } from '../core/projector.ts';
import type { Store, Stored, Target } from '../core/store.ts';
import { type AggregateId, storedVersion, type TenantId } from '../core/version.ts';
import { memoryStore } from '../functions/stores/memory.ts';
import { suiteContract } from '../testing/store-samples.ts';

/**
 * The way of a change of schema, with the party as it is shipped, version 1 and 2: expand (projectors that know both),
 * migrate (producers one by one, a second target beside the first), contract (the first target and version 1 go). At no
 * point does a producer, a projector or a reader stop, and nothing fails for good.
 */

const TENANT = '00000000-0000-4000-8000-0000000000aa' as TenantId;
const keyOf = (n: number) => `00000000-0000-4000-8000-00000000000${n}` as AggregateId;

const text = readFileSync(join(import.meta.dirname, '..', 'contracts', 'aggregates', 'party.yaml'), 'utf8');
const both = parseAggregateContract(text, 'party.yaml');
/** As it was before version 2: what a function knows that was deployed then. */
const before: AggregateContract = { ...both, versions: both.versions.slice(0, 1), current: both.versions[0]! };

const store = suiteContract('directory', 'dynamodb');
const field = { type: 'text', list: false, pii: 'personal', protected: false } as const;
const contractOf = (...names: readonly string[]) => ({
  ...store,
  aggregates: ['party'],
  fields: Object.fromEntries(names.map(name => [name, field])),
});

/** Of each deployment: the states that it knows, and the documents that it makes. */
const FORMER = projection({ contract: contractOf('display_name', 'zip'), aggregates: [before], projectors: [] });
/** Expanded: states of both, documents as their readers still expect them. */
const EXPANDED = projection({
  contract: contractOf('display_name', 'zip'),
  aggregates: [both],
  projectors: [
    defineProjector({
      store: 'directory',
      on: 'party',
      project: ({ name, contact }) => ({ display_name: name, zip: contact.zip }),
    }),
  ],
});
const MIGRATED = projection({
  contract: contractOf('name', 'kind', 'zip'),
  aggregates: [both],
  projectors: [
    defineProjector({
      store: 'directory',
      on: 'party',
      project: ({ name, kind, contact }) => ({ name, kind, zip: contact.zip }),
    }),
  ],
});

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

const blue: Target = { store: 'directory', name: 'directory.1' };
const green: Target = { store: 'directory', name: 'directory.2' };

/** Delivers it as a queue does; what comes back is delivered again, what failed for good is told. */
async function deliver(changes: readonly StateChange[], project: Projection, into: Store, targets: readonly Target[]) {
  const failed: string[] = [];
  const messages = changes.map(({ kind: _, state, ...header }, index) => ({
    id: String(index),
    body: encodePack([encodeChange(header, { state: JSON.stringify(state) })]),
  }));
  const report = await applyBatch(messages, {
    store: into,
    targets: async () => targets,
    project,
    resolve: async change => change as StateChange,
    deadLetter: async letters => {
      failed.push(...letters.map(({ error }) => error.code));
    },
  });
  expect(report.later.size).toBe(0);
  return failed;
}

const held = async (into: Store, target: Target): Promise<Stored[]> => Array.fromAsync(into.scan(target, {}));

/** Which key is written next, by a producer of which version once both may be. */
const commit = fc.record({ key: fc.integer({ min: 0, max: 4 }), schema: fc.constantFrom(1 as const, 2 as const) });
const commits = fc.array(commit, { minLength: 1, maxLength: 12 });
const history = fc.record({
  former: commits,
  migrating: commits,
  last: commits,
  order: fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
});

test('expand, migrate, contract: both versions side by side, every reader served, one result', async () => {
  await fc.assert(
    fc.asyncProperty(history, async ({ former, migrating, last, order }) => {
      const into = memoryStore();
      await into.create(blue);
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

      // Before: producers and projectors of version 1.
      const first = make(former, 1);
      expect(await deliver(shuffled(first), FORMER, into, [blue])).toEqual([]);

      // Expand: projectors that know both, instance by instance; what each of them makes is the same.
      const [again, rest] = [shuffled(first), make(migrating, 1)];
      expect(await deliver(again, EXPANDED, into, [blue])).toEqual([]);
      expect(await deliver(shuffled(rest), FORMER, into, [blue])).toEqual([]);
      const shown = await held(into, blue);
      expect(await deliver(rest, EXPANDED, into, [blue])).toEqual([]);
      expect(await held(into, blue)).toEqual(shown);

      // Migrate: producers of both versions at once, and a green target with documents of the new shape.
      const mixed = make(migrating);
      await into.create(green);
      const stream = shuffled([...mixed, ...mixed]);
      for (const half of [stream.slice(0, stream.length / 2), stream.slice(stream.length / 2)]) {
        expect(await deliver(half, EXPANDED, into, [blue])).toEqual([]);
        expect(await deliver(half, MIGRATED, into, [green])).toEqual([]);
        for (const { document } of await held(into, blue)) {
          expect(Object.keys(document!).sort()).toEqual(['display_name', 'zip']);
        }
      }
      // The backfill takes the newest state of each, in whichever version its producer wrote it.
      const newest = [...Map.groupBy([...first, ...rest, ...mixed], ({ key }) => key).values()].map(
        list => list.sort((a, b) => b.version - a.version)[0]!,
      );
      expect(await writeStates({ store: into, project: MIGRATED, targets: [green] }, newest)).toEqual([]);
      expect(await into.digest(green, {})).toEqual(await into.digest(blue, {}));
      await into.cutOver(green);

      // Contract: version 2 only, and the old target goes. What was late of version 1 still lands, or is outranked.
      await into.drop(blue);
      const end = make(last, 2);
      expect(await deliver(shuffled([...end, ...rest, ...first]), MIGRATED, into, [green])).toEqual([]);
      const expected = [...numbers].map(([key, number]) => ({
        key: keyOf(key),
        document: { name: `Bank ${number}`, kind: 'company', zip: `1000${number % 10}` },
      }));
      expect(await held(into, green)).toEqual(
        expected.sort((a, b) => (a.key < b.key ? -1 : 1)).map(one => expect.objectContaining(one)),
      );
    }),
    { numRuns: 60 },
  );
});

test('the order matters: a producer of version 2 before its projectors fails what it writes, until they are deployed', async () => {
  const into = memoryStore();
  await into.create(blue);
  const [one, two] = [written(keyOf(1), 1, 1), written(keyOf(1), 2, 2)];
  expect(await deliver([one, two], FORMER, into, [blue])).toEqual(['schema-newer']);
  // What could be shown still is; a redrive of the other lands once the projector knows it.
  expect((await held(into, blue)).map(({ version }) => version)).toEqual([one.version]);
  expect(await deliver([two], EXPANDED, into, [blue])).toEqual([]);
  expect((await held(into, blue)).map(({ document }) => document)).toEqual([{ display_name: 'Bank 2', zip: '10002' }]);
});

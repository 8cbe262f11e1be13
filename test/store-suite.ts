import fc from 'fast-check';
import type { JsonObject } from '../core/change.ts';
import { digestOfScan, EMPTY_DIGEST, inRange } from '../core/digest.ts';
import type { Outcome, Store, Stored, Target, Write } from '../core/store.ts';
import { deleted, digestOf, documentOfBytes, hidden, keyBlock, live, newest, suiteDocument } from './store-samples.ts';

/** What the suite needs to know of a store, opened for the contract `suiteContract(name, engine)`. */
export interface StoreUnderTest {
  /** Nothing has ever been cut over for its `store_name`. */
  readonly store: Store;
  /** A target whose name was never used; nothing is created yet. */
  target(): Target;
  /** Lets the engine forget what it keeps of its own deletes, as it would in an hour. */
  forgetDeletes?(target: Target): Promise<void>;
  /** A document within the size limit that the engine never takes. */
  refusedDocument?: JsonObject;
  /** Runs `during` while the engine does not answer; when this resolves it answers again, with its data. */
  outage?(during: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

/** What not every engine has: `lacks` names what is missing, and its tests are skipped by name. */
export type Capability = 'forgetDeletes' | 'refusedDocument' | 'outage';

/** One test at most, for a real engine on a busy machine. */
const TEST_TIMEOUT_MS = 60_000;
/** Opening may mean starting a server. */
const OPEN_TIMEOUT_MS = 180_000;
/** Histories that the property test tries; each costs a handful of round trips. */
const HISTORIES = 25;
const MANY_WRITES = 1000;
const WRITERS = 6;

async function collect(scan: AsyncIterable<Stored>): Promise<Stored[]> {
  const all: Stored[] = [];
  for await (const stored of scan) all.push(stored);
  return all;
}

const kinds = (outcomes: readonly Outcome[]): string[] => outcomes.map(({ kind }) => kind);
const codes = (outcomes: readonly Outcome[]): string[] =>
  outcomes.map(outcome => ('error' in outcome ? outcome.error.code : outcome.kind));

/**
 * The promises of the store port (core/store.ts) as tests, for every engine here and for a plug-in author's own.
 * `open` is called once before the tests and its result closed after them. `SEED` in the environment repeats a history.
 */
export function testStore(
  title: string,
  open: () => Promise<StoreUnderTest>,
  { lacks = [] }: { readonly lacks?: readonly Capability[] } = {},
): void {
  describe(title, () => {
    let subject: StoreUnderTest;
    let store: Store;
    const promise = (name: string, body: () => Promise<void>) => test(name, body, TEST_TIMEOUT_MS);
    const promiseWith = (capability: Capability, name: string, body: () => Promise<void>) =>
      (lacks.includes(capability) ? test.skip : test)(`${name} (${capability})`, body, TEST_TIMEOUT_MS);

    beforeAll(async () => {
      subject = await open();
      store = subject.store;
    }, OPEN_TIMEOUT_MS);
    afterAll(async () => subject?.close(), OPEN_TIMEOUT_MS);

    async function fresh(): Promise<Target> {
      const target = subject.target();
      await store.create(target);
      return target;
    }

    /** Everything the port lets one see of a target agrees with what was written to it. */
    async function expectHeld(target: Target, writes: readonly Write[]): Promise<void> {
      const held = newest(writes);
      expect(await collect(store.scan(target, {}))).toEqual(held);
      expect(await store.digest(target, {})).toEqual(digestOf(writes));
      for (const write of held.slice(0, 20)) expect(await store.read(target, write.key)).toEqual(write);
    }

    describe('newest wins', () => {
      promise('a write is held whole, with every type of field', async () => {
        const target = await fresh();
        const writes = keyBlock(6).keys.map((key, index) => live(key, index + 1));
        expect(kinds(await store.write(target, writes))).toEqual(writes.map(() => 'applied'));
        await expectHeld(target, writes);
      });

      promise('fields may be absent, null or empty, and so may the whole document', async () => {
        const target = await fresh();
        const sparse = [{}, { title: null, tags: [], parties: null }, { status: '', tags: [''], parties: [{}] }];
        const writes = keyBlock(3).keys.map((key, index) => live(key, 1, sparse[index]));
        expect(kinds(await store.write(target, writes))).toEqual(['applied', 'applied', 'applied']);
        const held = await collect(store.scan(target, {}));
        expect(held.map(withoutVoid)).toEqual(writes.map(withoutVoid));
      });

      promise('a newer document replaces the older one, nothing of it stays', async () => {
        const target = await fresh();
        const [key] = keyBlock(1).keys;
        await store.write(target, [live(key!, 1)]);
        const newer = live(key!, 2, { status: 'open' });
        expect(kinds(await store.write(target, [newer]))).toEqual(['applied']);
        await expectHeld(target, [newer]);
      });

      promise('an older and an equal version change nothing', async () => {
        const target = await fresh();
        const [key] = keyBlock(1).keys;
        const first = live(key!, 5);
        await store.write(target, [first]);
        const late = [live(key!, 4), { ...first, document: suiteDocument(99) }, deleted(key!, 3), hidden(key!, 5)];
        for (const write of late) expectLanded(await store.write(target, [write]));
        await expectHeld(target, [first]);
      });

      promise('of several writes to a key in one call the newest wins, wherever it stands', async () => {
        const target = await fresh();
        const [a, b, c] = keyBlock(3).keys;
        const writes = [3, 1, 2].map(n => live(a!, n)).concat([1, 2, 3].map(n => live(b!, n)));
        writes.push(deleted(c!, 2), live(c!, 1), live(c!, 1));
        const outcomes = await store.write(target, writes);
        expectLanded(outcomes);
        expect(outcomes).toHaveLength(writes.length);
        await expectHeld(target, writes);
      });

      promise('any history, repeated, reordered, split and raced, ends as the newest per key', async () => {
        const target = await fresh();
        await fc.assert(
          fc.asyncProperty(historyArbitrary, async ({ edits, batches, writers }) => {
            const { keys, range } = keyBlock(KEYS_IN_HISTORY);
            const writes = edits.map(edit => writeOf(keys[edit.key]!, edit));
            const calls = batches.map(batch => batch.map(index => writes[index % writes.length]!));
            calls.push(writes.slice().reverse());
            await race(calls, writers, async call => expectLanded(await store.write(target, call)));
            expect(await collect(store.scan(target, range))).toEqual(newest(writes));
            expect(await store.digest(target, range)).toEqual(digestOf(writes));
          }),
          { numRuns: HISTORIES, ...(process.env.SEED ? { seed: Number(process.env.SEED) } : {}) },
        );
      });

      promise(`${WRITERS} writers that race over the same keys agree`, async () => {
        const target = await fresh();
        const { keys } = keyBlock(12);
        const all = keys.flatMap(key => [1, 2, 3, 4, 5, 6, 7].map(n => (n === 4 ? deleted(key, n) : live(key, n))));
        const writer = async (seed: number) => {
          const order = all.map((write, index) => ({ write, rank: (index * (seed * 2 + 5)) % all.length }));
          const mine = order.sort((a, b) => a.rank - b.rank).map(({ write }) => write);
          for (let from = 0; from < mine.length; from += 10) {
            expectLanded(await store.write(target, mine.slice(from, from + 10)));
          }
        };
        await Promise.all(Array.from({ length: WRITERS }, (_, seed) => writer(seed)));
        await expectHeld(target, all);
      });
    });

    describe('tombstones', () => {
      promise('a late older write does not bring back what was deleted or hidden', async () => {
        const target = await fresh();
        const [a, b] = keyBlock(2).keys;
        const writes = [live(a!, 1), deleted(a!, 3), live(b!, 1), hidden(b!, 3)];
        expectLanded(await store.write(target, writes));
        expectLanded(await store.write(target, [live(a!, 2), live(b!, 2)]));
        await expectHeld(target, writes);
      });

      promiseWith('forgetDeletes', 'nor does it when the engine has forgotten its own deletes', async () => {
        const target = await fresh();
        const [a, b, neverSeen] = keyBlock(3).keys;
        const writes = [live(a!, 1), deleted(a!, 3), live(b!, 1), hidden(b!, 3), deleted(neverSeen!, 3)];
        expectLanded(await store.write(target, writes));
        await subject.forgetDeletes!(target);
        expectLanded(await store.write(target, [live(a!, 2), live(b!, 2), live(neverSeen!, 2)]));
        await expectHeld(target, writes);
      });

      promise('a hidden aggregate counts in the digest, a deleted one does not', async () => {
        const target = await fresh();
        const [a, b] = keyBlock(2).keys;
        const shown = hidden(a!, 1);
        await store.write(target, [shown, deleted(b!, 1)]);
        expect(await store.digest(target, {})).toEqual({ count: 1, sum: shown.digest });
        expect(await store.read(target, b!)).toEqual(deleted(b!, 1));
      });

      promise('a newer document takes the place of a tombstone', async () => {
        const target = await fresh();
        const [key] = keyBlock(1).keys;
        const writes = [deleted(key!, 1), live(key!, 2)];
        for (const write of writes) expect(kinds(await store.write(target, [write]))).toEqual(['applied']);
        await expectHeld(target, writes);
      });
    });

    describe('calls', () => {
      promise('an empty call does nothing', async () => {
        const target = await fresh();
        expect(await store.write(target, [])).toEqual([]);
        await expectHeld(target, []);
      });

      promise(`${MANY_WRITES} writes in one call, seen at once and in key order`, async () => {
        const target = await fresh();
        const { keys } = keyBlock(MANY_WRITES);
        const writes = keys.map((key, index) => (index % 10 === 0 ? deleted(key, 1) : live(key, 1 + (index % 7))));
        const shuffled = writes.toSorted((a, b) => a.digest - b.digest);
        expect(kinds(await store.write(target, shuffled))).toEqual(writes.map(() => 'applied'));
        await expectHeld(target, writes);
      });

      promise('a document of the largest size lands; one byte more is refused and touches no other', async () => {
        const target = await fresh();
        const [before, largest, over, after] = keyBlock(4).keys;
        const writes = [
          live(before!, 1),
          live(largest!, 1, documentOfBytes(store.maxDocumentBytes)),
          live(over!, 1, documentOfBytes(store.maxDocumentBytes + 1)),
          live(after!, 1),
        ];
        const outcomes = await store.write(target, writes);
        expect(codes(outcomes)).toEqual(['applied', 'applied', 'document-too-large', 'applied']);
        expect(kinds(outcomes)[2]).toBe('refused');
        await expectHeld(target, [writes[0]!, writes[1]!, writes[3]!]);
      });

      promiseWith('refusedDocument', 'a document the store refuses touches no other', async () => {
        const target = await fresh();
        const [before, poison, after] = keyBlock(3).keys;
        const writes = [live(before!, 1), live(poison!, 2, subject.refusedDocument!), live(after!, 1)];
        const outcomes = await store.write(target, writes);
        expect(codes(outcomes)).toEqual(['applied', 'document-refused', 'applied']);
        const older = live(poison!, 1);
        expect(kinds(await store.write(target, [older]))).toEqual(['applied']);
        await expectHeld(target, [writes[0]!, older, writes[2]!]);
      });

      promiseWith(
        'outage',
        'while the store is down every write is unavailable; when it is back they land',
        async () => {
          const target = await fresh();
          const writes = keyBlock(40).keys.map(key => live(key, 2));
          await store.write(target, writes.slice(0, 5));
          await subject.outage!(async () => {
            expect(codes(await store.write(target, writes))).toEqual(writes.map(() => 'store-unavailable'));
            const unavailable = { code: 'store-unavailable' };
            await expect(store.read(target, writes[0]!.key)).rejects.toMatchObject(unavailable);
            await expect(store.digest(target, {})).rejects.toMatchObject(unavailable);
            await expect(collect(store.scan(target, {}))).rejects.toMatchObject(unavailable);
            await expect(store.current()).rejects.toMatchObject(unavailable);
          });
          expectLanded(await store.write(target, writes));
          await expectHeld(target, writes);
        },
      );

      promise('a target that does not exist takes no write and gets none made up', async () => {
        const target = subject.target();
        const [key] = keyBlock(1).keys;
        for (let attempt = 0; attempt < 2; attempt++) {
          const outcomes = await store.write(target, [live(key!, 1)]);
          expect([kinds(outcomes), codes(outcomes)]).toEqual([['unavailable'], ['target-missing']]);
          await expect(store.read(target, key!)).rejects.toMatchObject({ code: 'target-missing' });
        }
      });
    });

    describe('reading', () => {
      promise('a key never written is undefined', async () => {
        const target = await fresh();
        expect(await store.read(target, keyBlock(1).keys[0]!)).toBeUndefined();
      });

      promise('a range includes its start and excludes its end, for scan and digest alike', async () => {
        const target = await fresh();
        const { keys } = keyBlock(9);
        const writes = keys.map((key, index) => (index === 4 ? deleted(key, 1) : live(key, 1)));
        await store.write(target, writes.toReversed());
        const [, second, , , , , , eighth] = keys;
        for (const range of [{}, { from: second! }, { to: eighth! }, { from: second!, to: eighth! }]) {
          const inside = writes.filter(({ key }) => inRange(key, range));
          expect(await collect(store.scan(target, range))).toEqual(inside);
          expect(await store.digest(target, range)).toEqual(digestOf(inside));
          expect(await digestOfScan(store.scan(target, range))).toEqual(digestOf(inside));
        }
        expect(await store.digest(target, { from: second!, to: second! })).toEqual(EMPTY_DIGEST);
      });

      promise('a scan can be left half way', async () => {
        const target = await fresh();
        const writes = keyBlock(5).keys.map(key => live(key, 1));
        await store.write(target, writes);
        const seen: Stored[] = [];
        for await (const stored of store.scan(target, {})) if (seen.push(stored) === 2) break;
        expect(seen).toEqual(writes.slice(0, 2));
      });
    });

    describe('life of a target', () => {
      promise('readers see no target, then the one cut over to, then the next; always exactly one', async () => {
        expect(await store.current()).toBeUndefined();
        const [blue, green] = [await fresh(), await fresh()];
        await store.cutOver(blue);
        expect(await store.current()).toEqual(blue);
        const seen = new Set<string | undefined>();
        const cutOvers = (async () => {
          for (const to of [green, blue, green, green, blue, green]) await store.cutOver(to);
        })();
        let settled = false;
        const end = cutOvers.finally(() => (settled = true));
        while (!settled) seen.add((await store.current())?.name);
        await end;
        expect([blue.name, green.name]).toEqual(expect.arrayContaining([...seen]));
        expect(await store.current()).toEqual(green);
      });

      promise('creating twice keeps what is there', async () => {
        const target = await fresh();
        const writes = keyBlock(2).keys.map(key => live(key, 1));
        await store.write(target, writes);
        await Promise.all([store.create(target), store.create(target)]);
        await expectHeld(target, writes);
      });

      promise('targets of one store do not touch each other', async () => {
        const [blue, green] = [await fresh(), await fresh()];
        const { keys } = keyBlock(2);
        const [old, young] = [keys.map(key => live(key, 1)), keys.map(key => live(key, 2))];
        await Promise.all([store.write(blue, old), store.write(green, young)]);
        await expectHeld(blue, old);
        await expectHeld(green, young);
      });

      promise('a target that does not exist cannot be cut over to', async () => {
        await expect(store.cutOver(subject.target())).rejects.toMatchObject({ code: 'target-missing' });
      });

      promise('an old target is dropped for good, twice is fine; the current one is not', async () => {
        const [blue, green] = [await fresh(), await fresh()];
        const writes = keyBlock(2).keys.map(key => live(key, 1));
        for (const target of [blue, green]) await store.write(target, writes);
        await store.cutOver(blue);
        await store.cutOver(green);
        await expect(store.drop(green)).rejects.toMatchObject({ code: 'target-current' });
        await expectHeld(green, writes);
        for (let twice = 0; twice < 2; twice++) await store.drop(blue);
        expect(codes(await store.write(blue, writes))).toEqual(['target-missing', 'target-missing']);
        expect(await store.current()).toEqual(green);
      });
    });
  });
}

/** An engine with columns cannot tell a field that is null or an empty list from one that is absent. */
function withoutVoid<Row extends Stored>(row: Row): Row {
  const said = ([, value]: [string, unknown]) => value !== null && !(Array.isArray(value) && value.length === 0);
  return { ...row, document: row.document && Object.fromEntries(Object.entries(row.document).filter(said)) };
}

/** `stale` may be told as `applied` by an engine that cannot tell; neither leaves a write behind. */
function expectLanded(outcomes: readonly Outcome[]): void {
  expect(codes(outcomes).filter(code => code !== 'applied' && code !== 'stale')).toEqual([]);
}

const KEYS_IN_HISTORY = 4;

interface Edit {
  readonly key: number;
  readonly n: number;
  readonly what: 'live' | 'hidden' | 'deleted';
}

const writeOf = (key: Write['key'], { n, what }: Edit): Write => ({ live, hidden, deleted })[what](key, n);

/** Versions of a few aggregates, and calls that carry them in any order, any number of times, from several writers. */
const historyArbitrary = fc.record({
  edits: fc.uniqueArray(
    fc.record({
      key: fc.nat(KEYS_IN_HISTORY - 1),
      n: fc.integer({ min: 1, max: 8 }),
      what: fc.constantFrom('live', 'live', 'hidden', 'deleted'),
    }),
    { selector: ({ key, n }) => `${key}@${n}`, minLength: 1, maxLength: 16 },
  ),
  batches: fc.array(fc.array(fc.nat(99), { minLength: 1, maxLength: 8 }), { maxLength: 8 }),
  writers: fc.integer({ min: 1, max: 3 }),
});

/** Several writers take the calls in turn; each waits for its own. */
async function race<Call>(calls: readonly Call[], writers: number, act: (call: Call) => Promise<void>): Promise<void> {
  const queue = calls.values();
  await Promise.all(
    Array.from({ length: writers }, async () => {
      for (const call of queue) await act(call);
    }),
  );
}

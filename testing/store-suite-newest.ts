import { expect } from 'expect';
import fc from 'fast-check';
import type { Stored, Write } from '../core/store.ts';
import { deleted, digestOf, hidden, keyBlock, live, newest, suiteDocument } from './store-samples.ts';
import { collect, expectLanded, kinds, type Promises } from './store-suite-bench.ts';

/** Histories that the property test tries; each costs a handful of round trips. */
const HISTORIES = 25;
const WRITERS = 6;

export function newestWins({ promise }: Promises): void {
  promise('a write is held whole, with every type of field', async ({ store, fresh, expectHeld }) => {
    const target = await fresh();
    const writes = keyBlock(6).keys.map((key, index) => live(key, index + 1));
    expect(kinds(await store.write(target, writes))).toEqual(writes.map(() => 'applied'));
    await expectHeld(target, writes);
  });

  promise('fields may be absent, null or empty, and so may the whole document', async ({ store, fresh }) => {
    const target = await fresh();
    const sparse = [{}, { title: null, tags: [], parties: null }, { status: '', tags: [''], parties: [{}] }];
    const writes = keyBlock(3).keys.map((key, index) => live(key, 1, sparse[index]));
    expect(kinds(await store.write(target, writes))).toEqual(['applied', 'applied', 'applied']);
    const held = await collect(store.scan(target, {}));
    expect(held.map(withoutVoid)).toEqual(writes.map(withoutVoid));
  });

  promise('a newer document replaces the older one, nothing of it stays', async ({ store, fresh, expectHeld }) => {
    const target = await fresh();
    const [key] = keyBlock(1).keys;
    await store.write(target, [live(key!, 1)]);
    const newer = live(key!, 2, { status: 'open' });
    expect(kinds(await store.write(target, [newer]))).toEqual(['applied']);
    await expectHeld(target, [newer]);
  });

  promise('an older and an equal version change nothing', async ({ store, fresh, expectHeld }) => {
    const target = await fresh();
    const [key] = keyBlock(1).keys;
    const first = live(key!, 5);
    await store.write(target, [first]);
    const late = [live(key!, 4), { ...first, document: suiteDocument(99) }, deleted(key!, 3), hidden(key!, 5)];
    for (const write of late) expectLanded(await store.write(target, [write]));
    await expectHeld(target, [first]);
  });

  promise(
    'of several writes to a key in one call the newest wins, wherever it stands',
    async ({ store, fresh, expectHeld }) => {
      const target = await fresh();
      const [a, b, c] = keyBlock(3).keys;
      const writes = [3, 1, 2].map(n => live(a!, n)).concat([1, 2, 3].map(n => live(b!, n)));
      writes.push(deleted(c!, 2), live(c!, 1), live(c!, 1));
      const outcomes = await store.write(target, writes);
      expectLanded(outcomes);
      expect(outcomes).toHaveLength(writes.length);
      await expectHeld(target, writes);
    },
  );

  promise('any history, repeated, reordered, split and raced, ends as the newest per key', async ({ store, fresh }) => {
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

  promise(`${WRITERS} writers that race over the same keys agree`, async ({ store, fresh, expectHeld }) => {
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
}

export function tombstones({ promise, promiseWith }: Promises): void {
  promise('a late older write does not bring back what was deleted or hidden', async ({ store, fresh, expectHeld }) => {
    const target = await fresh();
    const [a, b] = keyBlock(2).keys;
    const writes = [live(a!, 1), deleted(a!, 3), live(b!, 1), hidden(b!, 3)];
    expectLanded(await store.write(target, writes));
    expectLanded(await store.write(target, [live(a!, 2), live(b!, 2)]));
    await expectHeld(target, writes);
  });

  promiseWith(
    'forgetDeletes',
    'nor does it when the engine has forgotten its own deletes',
    async ({ store, subject, fresh, expectHeld }) => {
      const target = await fresh();
      const [a, b, neverSeen] = keyBlock(3).keys;
      const writes = [live(a!, 1), deleted(a!, 3), live(b!, 1), hidden(b!, 3), deleted(neverSeen!, 3)];
      expectLanded(await store.write(target, writes));
      await subject.forgetDeletes!(target);
      expectLanded(await store.write(target, [live(a!, 2), live(b!, 2), live(neverSeen!, 2)]));
      await expectHeld(target, writes);
    },
  );

  promise('a hidden aggregate counts in the digest, a deleted one does not', async ({ store, fresh }) => {
    const target = await fresh();
    const [a, b] = keyBlock(2).keys;
    const shown = hidden(a!, 1);
    await store.write(target, [shown, deleted(b!, 1)]);
    expect(await store.digest(target, {})).toEqual({ count: 1, sum: shown.digest });
    expect(await store.read(target, b!)).toEqual(deleted(b!, 1));
  });

  promise('a newer document takes the place of a tombstone', async ({ store, fresh, expectHeld }) => {
    const target = await fresh();
    const [key] = keyBlock(1).keys;
    const writes = [deleted(key!, 1), live(key!, 2)];
    for (const write of writes) expect(kinds(await store.write(target, [write]))).toEqual(['applied']);
    await expectHeld(target, writes);
  });
}

/** An engine with columns cannot tell a field that is null or an empty list from one that is absent. */
function withoutVoid<Row extends Stored>(row: Row): Row {
  const said = ([, value]: [string, unknown]) => value !== null && !(Array.isArray(value) && value.length === 0);
  return { ...row, document: row.document && Object.fromEntries(Object.entries(row.document).filter(said)) };
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

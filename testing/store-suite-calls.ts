import { expect } from 'expect';
import { digestOfScan, EMPTY_DIGEST, inRange } from '../core/digest.ts';
import type { KeyRange, Stored } from '../core/store.ts';
import { deleted, digestOf, documentOfBytes, gainedDocument, keyBlock, live, newest } from './store-samples.ts';
import { codes, collect, expectLanded, kinds, type Promises } from './store-suite-bench.ts';

const MANY_WRITES = 1000;

export function calls({ promise, promiseWith }: Promises): void {
  promise('an empty call does nothing', async ({ store, fresh, expectHeld }) => {
    const target = await fresh();
    expect(await store.write(target, [])).toEqual([]);
    await expectHeld(target, []);
  });

  promise(`${MANY_WRITES} writes in one call, seen at once and in key order`, async ({ store, fresh, expectHeld }) => {
    const target = await fresh();
    const { keys } = keyBlock(MANY_WRITES);
    const writes = keys.map((key, index) => (index % 10 === 0 ? deleted(key, 1) : live(key, 1 + (index % 7))));
    const shuffled = writes.toSorted((a, b) => a.digest - b.digest);
    expect(kinds(await store.write(target, shuffled))).toEqual(writes.map(() => 'applied'));
    await expectHeld(target, writes);
  });

  promise(
    'a document of the largest size lands; one byte more is refused and touches no other',
    async ({ store, fresh, expectHeld }) => {
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
    },
  );

  promiseWith(
    'refusedDocument',
    'a document the store refuses touches no other',
    async ({ store, subject, fresh, expectHeld }) => {
      const target = await fresh();
      const [before, poison, after] = keyBlock(3).keys;
      const writes = [live(before!, 1), live(poison!, 2, subject.refusedDocument!), live(after!, 1)];
      const outcomes = await store.write(target, writes);
      expect(codes(outcomes)).toEqual(['applied', 'document-refused', 'applied']);
      const older = live(poison!, 1);
      expect(kinds(await store.write(target, [older]))).toEqual(['applied']);
      await expectHeld(target, [writes[0]!, older, writes[2]!]);
    },
  );

  promiseWith(
    'outage',
    'while the store is down every write is unavailable; when it is back they land',
    async ({ store, subject, fresh, expectHeld }) => {
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

  promise('a target that does not exist takes no write and gets none made up', async ({ store, subject }) => {
    const target = subject.target();
    const [key] = keyBlock(1).keys;
    for (let attempt = 0; attempt < 2; attempt++) {
      const outcomes = await store.write(target, [live(key!, 1)]);
      expect([kinds(outcomes), codes(outcomes)]).toEqual([['unavailable'], ['target-missing']]);
      await expect(store.read(target, key!)).rejects.toMatchObject({ code: 'target-missing' });
    }
  });
}

export function reading({ promise }: Promises): void {
  promise('a key never written is undefined', async ({ store, fresh }) => {
    const target = await fresh();
    expect(await store.read(target, keyBlock(1).keys[0]!)).toBeUndefined();
  });

  promise('a range includes its start and excludes its end, for scan and digest alike', async ({ store, fresh }) => {
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

  promise('the digests of many ranges are those of each, the empty and the open ones too', async ({ store, fresh }) => {
    const target = await fresh();
    const { keys } = keyBlock(60);
    const writes = keys.map((key, index) => (index % 7 === 4 ? deleted(key, 1) : live(key, 1)));
    await store.write(target, writes);
    const bounds = [...keys.filter((_, index) => index % 9 === 0), keys[54]!, keys[55]!];
    const ranges: KeyRange[] = [
      { to: bounds[0]! },
      ...bounds.slice(1).map((to, index) => ({ from: bounds[index]!, to })),
      { from: bounds.at(-1)! },
    ].filter((_, index) => index !== 2); // Nothing need be asked about what lies between two of them.
    const expected = ranges.map(range => digestOf(writes.filter(({ key }) => inRange(key, range))));
    expect(await store.digests(target, ranges)).toEqual(expected);
    expect(await store.digests(target, [{}])).toEqual([digestOf(writes)]);
    expect(await store.digests(target, [])).toEqual([]);
  });

  promise('a scan can be left half way', async ({ store, fresh }) => {
    const target = await fresh();
    const writes = keyBlock(5).keys.map(key => live(key, 1));
    await store.write(target, writes);
    const seen: Stored[] = [];
    for await (const stored of store.scan(target, {})) if (seen.push(stored) === 2) break;
    expect(seen).toEqual(writes.slice(0, 2));
  });
}

export function lifeOfTarget({ promise, promiseWith }: Promises): void {
  promise(
    'readers see no target, then the one cut over to, then the next; always exactly one',
    async ({ store, fresh }) => {
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
    },
  );

  promise('a store whose target is withdrawn has none; then the target can be dropped', async ({ store, fresh }) => {
    const target = await fresh();
    await store.cutOver(target);
    await store.withdraw();
    await store.withdraw();
    expect(await store.current()).toBeUndefined();
    await store.drop(target);
    await expect(store.digest(target, {})).rejects.toMatchObject({ code: 'target-missing' });
  });

  promise('a target as it was made is as its contract asks', async ({ store, subject, fresh }) => {
    const target = await fresh();
    await store.write(target, [live(keyBlock(1).keys[0]!, 1)]);
    expect((await store.inspect(target)).filter(({ severity }) => severity === 'broken')).toEqual([]);
    await expect(store.inspect(subject.target())).rejects.toMatchObject({ code: 'target-missing' });
  });

  promise('creating twice keeps what is there', async ({ store, fresh, expectHeld }) => {
    const target = await fresh();
    const writes = keyBlock(2).keys.map(key => live(key, 1));
    await store.write(target, writes);
    await Promise.all([store.create(target), store.create(target)]);
    await expectHeld(target, writes);
  });

  promiseWith(
    'gained',
    'a target that is older than a field of its contract takes documents that have it, created again or not',
    async ({ store, subject, fresh }) => {
      const gained = subject.gained!;
      const { keys } = keyBlock(3);
      const former = keys.map(key => live(key, 1));
      const newer = keys.slice(1).map(key => live(key, 2, gainedDocument(2)));
      for (const again of [true, false]) {
        const target = await fresh();
        await store.write(target, former);
        if (again) await gained.create(target);
        expect(kinds(await gained.write(target, newer))).toEqual(newer.map(() => 'applied'));
        // An instance of the former deployment may still be at work.
        expectLanded(await store.write(target, [...former, live(keys[0]!, 2)]));
        const held = newest([live(keys[0]!, 2), ...newer]);
        expect(await collect(gained.scan(target, {}))).toEqual(held);
        expect(await gained.digest(target, {})).toEqual(digestOf(held));
      }
    },
  );

  promise('targets of one store do not touch each other', async ({ store, fresh, expectHeld }) => {
    const [blue, green] = [await fresh(), await fresh()];
    const { keys } = keyBlock(2);
    const [old, young] = [keys.map(key => live(key, 1)), keys.map(key => live(key, 2))];
    await Promise.all([store.write(blue, old), store.write(green, young)]);
    await expectHeld(blue, old);
    await expectHeld(green, young);
  });

  promise('a target that does not exist cannot be cut over to', async ({ store, subject }) => {
    await expect(store.cutOver(subject.target())).rejects.toMatchObject({ code: 'target-missing' });
  });

  promise(
    'an old target is dropped for good, twice is fine; the current one is not',
    async ({ store, fresh, expectHeld }) => {
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
    },
  );
}

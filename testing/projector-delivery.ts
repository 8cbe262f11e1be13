import fc from 'fast-check';
import { newKey, type ProjectorBench, type ProjectorPromise, type Sent } from './projector-bench.ts';
import { expectRebuilt, expectRefused } from './projector-findings.ts';
import { withLongTexts } from './projector-states.ts';

const HISTORIES = 30;
const VERSIONS = 6;
/** Above what travels inside of a message, several of them together. */
const LARGE_TEXT_CHARACTERS = 20_000;
const WRITERS = 8;

/** What queues and crashes do to changes on their way. */
export const deliveryPromises: readonly ProjectorPromise[] = [
  {
    name: 'duplicate: a change that is delivered again changes nothing',
    async check(bench) {
      const [first, second] = versions(bench, 2);
      const packs = [[bench.event(first!), bench.event(first!)], [bench.event(second!)]];
      for (const pack of packs) await bench.deliver([pack, pack]);
      await bench.deliver(packs.slice(0, 1));
      await expectRebuilt(bench, [first!, second!], 'the first change was delivered again, behind the second');
    },
  },
  {
    name: 'reorder: changes in any order, repeated and split over batches, end where a rebuild would',
    async check(bench) {
      const property = fc.asyncProperty(historyArbitrary(bench), async ({ sent, batches }) => {
        const empty = await bench.fresh();
        for (const batch of batches) await empty.deliver(batch.map(index => [empty.event(sent[index]!)]));
        await expectRebuilt(empty, sent, 'changes in another order');
      });
      const seed = process.env.SEED ? { seed: Number(process.env.SEED) } : {};
      const result = await fc.check(property, { numRuns: HISTORIES, ...seed });
      if (!result.failed) return;
      const cause = result.errorInstance;
      throw new Error(`${cause instanceof Error ? cause.message : cause}\n  SEED=${result.seed} repeats it`, { cause });
    },
  },
  {
    name: 'delete, then a late write: what was deleted or hidden does not come back',
    async check(bench) {
      const sent = [false, true].flatMap(isHidden => {
        const [first, second, third] = versions(bench, 3);
        return [first!, second!, { ...third!, state: isHidden ? (bench.hidden[0] ?? null) : null }];
      });
      for (const order of [0, 2, 1]) {
        await bench.deliver(sent.filter((_, index) => index % 3 === order).map(change => [bench.event(change)]));
      }
      await expectRebuilt(bench, sent, 'a deletion, and a write from before it');
    },
  },
  {
    name: 'unchanged large value: it is in the document after every update, although only something else changed',
    async check(bench) {
      const sent = versions(bench, 2).map(change => ({
        ...change,
        state: withLongTexts(bench.aggregate, change.state!, LARGE_TEXT_CHARACTERS),
      }));
      // What a rebuild gives, told by a projector that has not seen the version before.
      const expected = bench.write(sent[1]!);
      for (const change of sent) await bench.deliver([[bench.event(change)]]);
      const stored = await bench.store.read(bench.target, sent[1]!.key);
      const lost = Object.keys(expected.document ?? {}).filter(name => !(name in (stored?.document ?? {})));
      if (lost.length > 0) throw new Error(`after an update of something else the document lacks ${lost.join(', ')}`);
      await expectRebuilt(bench, sent, 'an update that left large values as they were');
    },
  },
  {
    name: 'insert and update in one batch: the updated document stands, in one pack or in two',
    async check(bench) {
      const inOne = versions(bench, 2);
      const inTwo = versions(bench, 2);
      await bench.deliver([
        inOne.map(bench.event),
        [bench.event(inTwo[1]!)],
        [bench.event(inTwo[0]!)],
        inOne.map(bench.event).reverse(),
      ]);
      expectRefused(bench, [], 'an insert and an update in one batch');
      await expectRebuilt(bench, [...inOne, ...inTwo], 'an insert and an update in one batch');
    },
  },
  {
    name: 'zombie writer: one that was frozen with an old version, and many that race, change nothing',
    async check(bench) {
      const sent = versions(bench, VERSIONS);
      const thaw = Promise.withResolvers<void>();
      const frozen = {
        ...bench.store,
        write: async (...call: Parameters<typeof bench.store.write>) =>
          thaw.promise.then(() => bench.store.write(...call)),
      };
      const zombie = bench.deliver([[bench.event(sent[0]!)]], { store: frozen });
      await bench.deliver([[bench.event(sent[1]!)]]);
      thaw.resolve();
      await zombie;
      await expectRebuilt(bench, sent.slice(0, 2), 'a writer came to life again with an old version');
      const writers = Array.from({ length: WRITERS }, (_, writer) => sent[(writer * 5) % sent.length]!);
      await Promise.all([...writers, ...sent.toReversed()].map(change => bench.deliver([[bench.event(change)]])));
      await expectRebuilt(bench, sent, 'writers that raced with several versions');
    },
  },
];

/** So many versions of a new aggregate, each with a document of its own. */
function versions({ shown }: ProjectorBench, count: number): Sent[] {
  const key = newKey();
  return Array.from({ length: count }, (_, index) => ({ key, n: index + 1, state: shown[index % shown.length]! }));
}

/** Versions of an aggregate, some of them deletions, and batches that carry each at least once. */
function historyArbitrary(bench: ProjectorBench) {
  const version = fc.oneof({ arbitrary: fc.constantFrom(...bench.samples), weight: 5 }, fc.constant(null));
  return fc
    .array(version, { minLength: 1, maxLength: VERSIONS })
    .chain(states =>
      fc.record({
        states: fc.constant(states),
        order: fc.shuffledSubarray([...states.keys()], { minLength: states.length }),
        again: fc.array(fc.array(fc.nat(states.length - 1), { maxLength: 4 }), { maxLength: 4 }),
      }),
    )
    .map(({ states, order, again }) => {
      const key = newKey();
      const sent = states.map((state, index): Sent => ({ key, n: index + 1, state }));
      return { sent, batches: [...order.map(index => [index]), ...again] };
    });
}

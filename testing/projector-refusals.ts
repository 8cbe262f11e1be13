import type { Json } from '../core/change.ts';
import { newKey, type ProjectorBench, type ProjectorPromise, type Sent } from './projector-bench.ts';
import { expectRebuilt, expectRefused } from './projector-findings.ts';
import { asFormerly, withLongTexts, withNewerSchema, withProjector } from './projector-states.ts';

const PROBE_CHARACTERS = 1_000;
/** A document that does not grow with its state stays below every limit. */
const BOUNDED_CHARACTERS = 200_000;

/** What will never land as it is: it is set apart, the rest of its pack lands, and what the store had stays. */
export const refusalPromises: readonly ProjectorPromise[] = [
  {
    name: 'key change: a change under another key than its own is refused, and no attribute moves a document',
    async check(bench) {
      const { held, beside } = await prepared(bench);
      const stray = edited(bench.event({ ...held, n: 2 }), { subject: newKey() });
      await bench.deliver([[stray, bench.event(beside)]]);
      expectRefused(bench, ['change-malformed'], 'a change whose id belongs to another key');
      const others = bench.shown.slice(0, 6).map((state, index): Sent => ({ ...held, n: 3 + index, state }));
      for (const change of others) await bench.deliver([[bench.event(change)]]);
      await expectRebuilt(bench, [held, beside, ...others], 'every attribute changed');
    },
  },
  {
    name: 'truncate: an event that is neither a state nor a deletion is refused and removes nothing',
    async check(bench) {
      const { held, beside } = await prepared(bench);
      const type = `${bench.aggregate.aggregate}.truncated`;
      const truncate = edited(bench.event({ ...held, n: 2 }), { type, data: undefined, dataref: undefined });
      await bench.deliver([[truncate, bench.event(beside)]]);
      expectRefused(bench, ['change-malformed'], 'a truncate');
      await expectRebuilt(bench, [held, beside], 'a truncate');
    },
  },
  {
    name: 'oversize: a document beyond the limit of its store is refused and stops nobody',
    async check(bench) {
      const { held, beside } = await prepared(bench);
      const large = { ...held, n: 2, state: withLongTexts(bench.aggregate, held.state!, oversizeOf(bench, held)) };
      const isTooLarge = bytesOf(bench, large) > bench.store.maxDocumentBytes;
      await bench.deliver([[bench.event(large), bench.event(beside)]]);
      expectRefused(bench, isTooLarge ? ['document-too-large'] : [], 'a document of a very large state');
      await expectRebuilt(bench, isTooLarge ? [held, beside] : [held, beside, large], 'a very large state');
    },
  },
  {
    name: 'newer schema version: it is refused until the projector knows it, then lands as it was',
    async check(bench) {
      const { held, beside } = await prepared(bench);
      const schemaVersion = bench.aggregate.current.number + 1;
      const newer = { ...held, n: 2, state: bench.shown[1]!, schemaVersion };
      await bench.deliver([[bench.event(newer), bench.event(beside)]]);
      expectRefused(bench, ['schema-newer'], 'a schema version that nobody here knows');
      await expectRebuilt(bench, [held, beside], 'a schema version that nobody here knows');
      const later = bench.deployed(withNewerSchema(bench.definition, bench.aggregate));
      await later.deliver(
        bench.letters.map(({ body }) => (JSON.parse(body) as Json[]).map(one => JSON.stringify(one))),
      );
      expectRefused(later, [], 'the same change, once its schema version is known');
      const before = { ...beside, state: asFormerly(bench.aggregate, beside.state!), schemaVersion: schemaVersion - 1 };
      await expectRebuilt(later, [newer, before], 'a redrive of what was refused');
    },
  },
  {
    name: 'old schema version: its states are brought up to what the projector knows',
    async check(bench) {
      for (const { number, example } of bench.aggregate.versions) {
        if (number === bench.aggregate.current.number || !example) continue;
        const old: Sent = { key: newKey(), n: 1, state: example, schemaVersion: number };
        const fresh = bench.deployed(bench.definition);
        await fresh.deliver([[fresh.event(old)]]);
        expectRefused(fresh, [], `the example of version ${number} in the contract of ${bench.aggregate.aggregate}`);
      }
      const [state] = bench.shown;
      const later = bench.deployed(withNewerSchema(bench.definition, bench.aggregate));
      const now: Sent = { key: newKey(), n: 1, state: state!, schemaVersion: bench.aggregate.current.number + 1 };
      const formerly = { ...now, state: asFormerly(bench.aggregate, state!), schemaVersion: now.schemaVersion! - 1 };
      await later.deliver([[later.event(formerly)]]);
      expectRefused(later, [], 'a state of the version before');
      const [stored, expected] = [await later.store.read(later.target, now.key), later.write(now)];
      if (JSON.stringify(stored?.document) === JSON.stringify(expected.document)) return;
      throw new Error(`a state of the version before gave another document than the same state of today's version`);
    },
  },
  {
    name: 'a function that throws: its one change is set apart without a word of the content, the rest lands',
    async check(bench) {
      const { held, beside } = await prepared(bench);
      const throwing = withProjector(bench.definition, bench.aggregate, project => (state, context) => {
        if (context.key === held.key) throw new TypeError('secret');
        return project(state, context);
      });
      const broken = bench.deployed(throwing);
      await broken.deliver([[bench.event({ ...held, n: 2 }), bench.event(beside)]]);
      expectRefused(broken, ['projector-threw'], 'a projector that threw on one change of two');
      const [letter] = broken.letters;
      if (letter!.error.message.includes('secret')) throw new Error('the reason quotes what the projector threw');
      await expectRebuilt(bench, [held, beside], 'a projector that threw on one change of two');
    },
  },
];

/** The store holds one document; a second change is there to land beside whatever is refused. */
async function prepared(bench: ProjectorBench): Promise<{ held: Sent; beside: Sent }> {
  const [first, , last] = bench.shown;
  const held = { key: newKey(), n: 1, state: first! };
  await bench.deliver([[bench.event(held)]]);
  return { held, beside: { key: newKey(), n: 1, state: last! } };
}

/** The event with other attributes; undefined removes one. */
const edited = (event: string, attributes: Readonly<Record<string, string | undefined>>): string =>
  JSON.stringify({ ...JSON.parse(event), ...attributes });

const bytesOf = (bench: ProjectorBench, sent: Sent): number =>
  Buffer.byteLength(JSON.stringify(bench.write(sent).document));

/** How long each free text has to be for the document to exceed its store. */
function oversizeOf(bench: ProjectorBench, sent: Sent): number {
  const bytesAt = (characters: number) =>
    bytesOf(bench, { ...sent, state: withLongTexts(bench.aggregate, sent.state!, characters) });
  const growth = (bytesAt(2 * PROBE_CHARACTERS) - bytesAt(PROBE_CHARACTERS)) / PROBE_CHARACTERS;
  if (growth < 1) return BOUNDED_CHARACTERS;
  return Math.ceil(bench.store.maxDocumentBytes / growth) + PROBE_CHARACTERS;
}

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { addDigests, EMPTY_DIGEST } from '../core/digest.ts';
import {
  type CanonicalSide,
  compareRanges,
  type DriftKind,
  type DriftSide,
  type Entry,
  type Fate,
  judge,
  nextWave,
  RANGE_ROWS,
  type Remedy,
  remedyOf,
  type Suspect,
} from '../core/drift.ts';
import type { KeyRange, Target, Write } from '../core/store.ts';
import { type AggregateId, storedVersion, type TenantId, type Version } from '../core/version.ts';
import { memoryStore } from '../functions/stores/memory.ts';

/**
 * Of a store that holds some thousands of keys, among them one or more of each kind of drift, the comparison names exactly
 * those, by their kind; the remedies mend them and touch nothing else. A change on its way is never called drift.
 */

const TENANT = '00000000-0000-4000-8000-0000000000aa' as TenantId;
const TARGET: Target = { store: 'simulated', name: 'simulated.1' };
/** Long before whatever the simulation looks at. */
const YEARS_AGO = 1;
const SEEN_AT = 1000;

/** What a key may be planted as; `sound` and `buried` are as they should be. */
const PLANTS = ['missing', 'extra', 'stale', 'different', 'should-be-tombstone', 'ahead', 'buried'] as const;
type Plant = (typeof PLANTS)[number];
const KIND: Readonly<Record<Plant, DriftKind | undefined>> = {
  missing: 'missing',
  extra: 'extra',
  stale: 'stale',
  different: 'different',
  'should-be-tombstone': 'should-be-tombstone',
  ahead: 'different',
  buried: undefined,
};

/** Spread over the key space as random UUIDs are; equal for equal numbers. */
const keyOf = (number: number): AggregateId => {
  const digits = (Math.imul(number + 1, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0');
  return `${digits}-0000-4000-8000-${number.toString(16).padStart(12, '0')}` as AggregateId;
};
const version = (n: number): Version => storedVersion(0, n);
/** As the canonical store makes them: sums of anything simpler may agree by chance. */
const digestOf = (key: AggregateId, of: Version): number =>
  Math.max(1, createHash('md5').update(`${key}@${of}`).digest().readUInt32BE());
const entryOf = (key: AggregateId, n: number): Entry => ({
  key,
  tenant: TENANT,
  version: version(n),
  digest: digestOf(key, version(n)),
});
const writeOf = (entry: Entry): Write => ({ ...entry, committedAt: 0, document: entry.digest === 0 ? null : {} });

/** The newest version of what lives and, by its last version, of what is gone. */
interface World {
  readonly lives: Map<AggregateId, Entry>;
  readonly gone: Map<AggregateId, Version>;
}

function canonicalOf({ lives }: World): CanonicalSide {
  const sorted = [...lives.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  const keys = sorted.map(({ key }) => key);
  /** Where the first key that is not below it stands. */
  const placeOf = (key: AggregateId): number => {
    let [low, high] = [0, keys.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (keys[middle]! < key) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const within = ({ from, to }: KeyRange) =>
    sorted.slice(from === undefined ? 0 : placeOf(from), to === undefined ? undefined : placeOf(to));
  return {
    digests: async ranges =>
      ranges.map(range =>
        within(range).reduce((sum, { digest }) => addDigests(sum, { count: 1, sum: digest }), EMPTY_DIGEST),
      ),
    async *entries(range) {
      yield* within(range);
    },
    boundAfter: async (range, rows) => within(range)[rows]?.key,
  };
}

const fateOf = ({ lives, gone }: World, key: AggregateId): Fate => {
  const entry = lives.get(key);
  if (entry) return { kind: 'lives', entry };
  const last = gone.get(key);
  return last === undefined ? { kind: 'never-was' } : { kind: 'gone', version: last, at: YEARS_AGO };
};

/** A store that holds what the world says, but for what is planted. */
async function plantedStore(keys: number, planted: ReadonlyMap<number, Plant>) {
  const world: World = { lives: new Map(), gone: new Map() };
  const store = memoryStore();
  await store.create(TARGET);
  const writes: Entry[] = [];
  for (let number = 0; number < keys; number++) {
    const key = keyOf(number);
    const newest = entryOf(key, 3);
    const plant = planted.get(number);
    if (plant === 'should-be-tombstone' || plant === 'buried') world.gone.set(key, version(4));
    else if (plant !== 'extra') world.lives.set(key, newest);
    if (plant === 'buried') writes.push({ ...newest, version: version(4), digest: 0 });
    else if (plant === 'stale') writes.push(entryOf(key, 2));
    else if (plant === 'different') writes.push({ ...newest, digest: newest.digest ^ 1 || 2 });
    else if (plant === 'ahead') writes.push(entryOf(key, 9));
    else if (plant !== 'missing') writes.push(newest);
  }
  await store.write(TARGET, writes.map(writeOf));
  const listed: KeyRange[] = [];
  const side: DriftSide = {
    digests: ranges => store.digests(TARGET, ranges),
    async *entries(range) {
      listed.push(range);
      for await (const stored of store.scan(TARGET, range)) yield stored;
    },
  };
  return { world, store, side, listed };
}

async function compareAll(canonical: CanonicalSide, side: DriftSide): Promise<{ rows: number; suspects: Suspect[] }> {
  const suspects: Suspect[] = [];
  let rows = 0;
  for (let from: AggregateId | undefined; ; ) {
    const { ranges, next } = await nextWave(canonical, from);
    const compared = await compareRanges(canonical, side, ranges);
    rows += compared.rows;
    suspects.push(...compared.suspects);
    if (next === undefined) return { rows, suspects };
    from = next;
  }
}

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
console.log(`SEED=${seed}`);

test('one or more of each kind among thousands: all are found and named, mended, and nothing else is touched', async () => {
  const plants = fc.uniqueArray(fc.record({ number: fc.nat(4999), plant: fc.constantFrom(...PLANTS) }), {
    selector: ({ number }) => number,
    maxLength: 40,
  });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 5000, max: 7000 }), plants, async (keys, some) => {
      // At least one of each, whatever was drawn.
      const planted = new Map([
        ...PLANTS.map((plant, index) => [index * 700 + 1, plant] as const),
        ...some.map(({ number, plant }) => [number, plant] as const),
      ]);
      const { world, store, side } = await plantedStore(keys, planted);
      const before = new Map<AggregateId, unknown>();
      for await (const stored of store.scan(TARGET, {})) before.set(stored.key, stored);

      const { rows, suspects } = await compareAll(canonicalOf(world), side);
      expect(rows).toBe(world.lives.size);
      const found = new Map<AggregateId, { kind: DriftKind; remedy: Remedy }>();
      for (const suspect of suspects) {
        const held = await store.read(TARGET, suspect.key);
        const verdict = judge(suspect, held, fateOf(world, suspect.key), SEEN_AT);
        if (verdict === 'agrees' || verdict === 'lags') throw new Error(`${suspect.key} ${verdict}`);
        found.set(suspect.key, { kind: verdict, remedy: remedyOf(verdict, held, fateOf(world, suspect.key)) });
      }
      const wanted = [...planted].flatMap(([number, plant]) => {
        const kind = KIND[plant];
        return kind === undefined ? [] : [[keyOf(number), kind] as const];
      });
      expect(new Map([...found].map(([key, { kind }]) => [key, kind]))).toEqual(new Map(wanted));

      await mend(world, store, found);
      const ahead = wanted.filter(([key]) => found.get(key)?.remedy.kind === 'rebuild').map(([key]) => key);
      const left = await compareAll(canonicalOf(world), side);
      expect(left.suspects.map(({ key }) => key).sort()).toEqual(ahead.sort());
      for await (const stored of store.scan(TARGET, {})) {
        if (!found.has(stored.key)) expect(stored).toEqual(before.get(stored.key));
      }
    }),
    { numRuns: 6, seed },
  );
}, 60_000);

/** As the projector would, with what each remedy sends it. */
async function mend(
  world: World,
  store: ReturnType<typeof memoryStore>,
  found: ReadonlyMap<AggregateId, { remedy: Remedy }>,
): Promise<void> {
  for (const [key, { remedy }] of found) {
    const living = world.lives.get(key);
    if (remedy.kind === 'publish') await store.write(TARGET, [writeOf(living!)]);
    if (remedy.kind === 'bury') {
      await store.write(TARGET, [writeOf({ key, tenant: TENANT, version: remedy.version, digest: 0 })]);
    }
    if (remedy.kind === 'renew') {
      const renewed = entryOf(key, living!.version + 1);
      world.lives.set(key, renewed);
      await store.write(TARGET, [writeOf(renewed)]);
    }
  }
}

test('only what differs is looked into: one wrong key among 20,000 lists a few hundred', async () => {
  const { world, side, listed, store } = await plantedStore(20_000, new Map([[4321, 'stale']]));
  const canonical = canonicalOf(world);
  const digests = { calls: 0, ranges: 0 };
  const counted: DriftSide = {
    ...side,
    digests(ranges) {
      digests.calls += 1;
      digests.ranges += ranges.length;
      return side.digests(ranges);
    },
  };
  expect((await compareAll(canonical, counted)).suspects).toEqual([{ key: keyOf(4321), seen: version(3) }]);
  expect(digests).toEqual({ calls: 2, ranges: 20_000 / RANGE_ROWS + 8 });
  expect(listed).toHaveLength(1);
  expect((await store.digest(TARGET, listed[0]!)).count).toBeLessThanOrEqual(300);
});

/** `committed`: versions that the canonical store has had by when it was seen, and by when it is judged; 0 is none yet. */
test('a change on its way is never drift, and what was due when it was seen always is', () => {
  const history = fc.record({
    seen: fc.nat(5),
    since: fc.nat(4),
    held: fc.nat(9),
    endsAfter: fc.boolean(),
  });
  const key = keyOf(1);
  fc.assert(
    fc.property(history, ({ seen, since, held, endsAfter }) => {
      const newest = seen + since;
      fc.pre(newest > 0 && held <= newest);
      const fate: Fate = endsAfter
        ? { kind: 'gone', version: version(newest + 1), at: SEEN_AT + 1 }
        : { kind: 'lives', entry: entryOf(key, newest) };
      const suspect: Suspect = { key, seen: seen === 0 ? undefined : version(seen) };
      const verdict = judge(suspect, held === 0 ? undefined : entryOf(key, held), fate, SEEN_AT);
      if (endsAfter) expect(verdict).toBe(held === 0 ? 'agrees' : 'lags');
      else if (held === newest) expect(verdict).toBe('agrees');
      else if (held >= seen) expect(verdict).toBe('lags');
      else expect(verdict).toBe(held === 0 ? 'missing' : 'stale');
    }),
    { numRuns: 1000, seed },
  );
});

import fc from 'fast-check';
import { archivedText, objectOf, segmentSchema } from '../core/archive.ts';
import { verifyArchive } from '../core/archive-verification.ts';
import type { Target, Write } from '../core/store.ts';
import type { ControlItems } from '../functions/control-items.ts';
import { controlTargets } from '../functions/control-targets.ts';
import { type ArchiveStore, archiveStore } from '../functions/stores/archive.ts';
import type { ArchiveObjects } from '../functions/stores/archive-objects.ts';
import { keyBlock, live, suiteContract } from '../testing/store-samples.ts';
import { mapItems } from './map-items.ts';

/**
 * Writers, purges and sealers of one archive at once, their requests in any order, each killed at any of them, some frozen
 * for longer than a lease. Whatever was written is in the manifest or noted for it, and in the end in one segment of a chain
 * that can be proved.
 */

const TARGET: Target = { store: 'kept', name: 'kept.1.1' };
const { hold_field: _, ...archive } = suiteContract('kept', 's3-object-lock').archive!;
const contract = { ...suiteContract('kept', 's3-object-lock'), archive };
const { keys } = keyBlock(4);
/** Small, so that a few writes make several segments, and several pages of a list. */
const SEGMENT_ENTRIES = 4;
const PAGE_ITEMS = 2;
/** While one seals, the others find that it does, and come again. */
const SEAL_ROUNDS = 2;
/** Longer than a lease. */
const FROZEN_MS = 400_000;

/** At which of its requests a process is killed: before that took effect, or before its answer came. */
interface Death {
  readonly at: number;
  readonly applied: boolean;
}
class Killed extends Error {}

interface Process {
  readonly store: ArchiveStore;
  /** Resolves when it is done or killed, and says which. */
  run(work: (store: ArchiveStore) => Promise<void>): Promise<boolean>;
}

class World {
  readonly bucket = new Map<string, string>();
  readonly items = mapItems();
  /** Of each entry, in how many notes it was. */
  readonly noted = new Map<string, number>();
  /** Notes that were removed while an entry of theirs was in no segment. */
  readonly lost: string[] = [];
  readonly #scheduler: fc.Scheduler;
  readonly #freezes: readonly boolean[];
  #now = 1_700_000_000_000;
  #requests = 0;

  constructor(scheduler: fc.Scheduler, freezes: readonly boolean[]) {
    this.#scheduler = scheduler;
    this.#freezes = freezes;
  }

  /** Nobody does anything for so long: the lease of a sealer that died ends. */
  pass(milliseconds: number): void {
    this.#now += milliseconds;
  }

  /** Its clock is off by so much. */
  process(name: string, skewMs: number, death?: Death): Process {
    let [requests, isDead] = [0, false];
    const request = async <T>(what: string, effect: () => Promise<T> | T): Promise<T> => {
      if (!isDead) await this.#scheduler.schedule(Promise.resolve(), `${name}: ${what}`);
      const isLast = !isDead && ++requests === death?.at;
      if (isDead || (isLast && !death?.applied)) {
        isDead = true;
        throw new Killed();
      }
      if (this.#freezes[this.#requests++ % this.#freezes.length]) this.#now += FROZEN_MS;
      const answer = await effect();
      if (!isLast) return answer;
      isDead = true;
      throw new Killed();
    };
    const items = this.#items(request);
    const now = () => {
      this.#now += 10;
      return this.#now + skewMs;
    };
    const store = archiveStore({
      objects: this.#objects(request),
      control: { ...items, ...controlTargets(items, now) },
      contract,
      now,
      segmentEntries: SEGMENT_ENTRIES,
    });
    return {
      store,
      run: work =>
        work(store).then(
          () => true,
          (error: unknown) => {
            if (error instanceof Killed) return false;
            throw error;
          },
        ),
    };
  }

  #items(request: <T>(what: string, effect: () => Promise<T> | T) => Promise<T>): ControlItems {
    return {
      read: (group, name) => request(`read ${name}`, () => this.items.read(group, name)),
      swap: (group, name, expected, body) =>
        request(`swap ${name}`, async () => {
          for (const entry of entriesOf(name, body)) this.noted.set(entry, (this.noted.get(entry) ?? 0) + 1);
          return this.items.swap(group, name, expected, body);
        }),
      remove: (group, name, expected) =>
        request(`remove ${name}`, async () => {
          const note = await this.items.read(group, name);
          const sealed = this.sealed();
          if (note) this.lost.push(...entriesOf(name, note.body).filter(entry => !sealed.has(entry)));
          return this.items.remove(group, name, expected);
        }),
      list: (group, prefix) => paged(request, 'list notes', () => Array.fromAsync(this.items.list(group, prefix))),
    };
  }

  #objects(request: <T>(what: string, effect: () => Promise<T> | T) => Promise<T>): ArchiveObjects {
    const { bucket } = this;
    return {
      put: (key, text) =>
        request(`put ${key}`, () => {
          if (bucket.has(key)) return 'there';
          bucket.set(key, text);
          return 'written';
        }),
      get: key => request(`get ${key}`, () => bucket.get(key)),
      list: prefix => paged(request, `list ${prefix}`, () => this.#names(prefix)),
      hold: () => request('hold', () => {}),
      remove: key => request(`remove ${key}`, () => void bucket.delete(key)),
      erase: key =>
        request(`erase ${key}`, () => {
          bucket.delete(key);
          return 'erased';
        }),
    };
  }

  #names = (prefix: string) => [...this.bucket.keys()].filter(name => name.startsWith(prefix)).sort();

  /** Of each entry, how many segments name it. */
  sealed(): ReadonlyMap<string, number> {
    const sealed = new Map<string, number>();
    for (const name of this.#names(`${TARGET.name}/manifest/`)) {
      const { entries } = segmentSchema.parse(JSON.parse(this.bucket.get(name)!));
      for (const entry of entries) sealed.set(textOf(entry), (sealed.get(textOf(entry)) ?? 0) + 1);
    }
    return sealed;
  }

  async unsealed(): Promise<readonly string[]> {
    const all = await Array.fromAsync(this.items.list(`store#${TARGET.store}`));
    return all.flatMap(({ name, body }) => entriesOf(name, body));
  }

  copy = {
    list: async function* (this: World, prefix: string) {
      yield* this.#names(prefix);
    }.bind(this),
    read: async (object: string) => this.bucket.get(object),
  };
}

const textOf = (entry: object): string => JSON.stringify(Object.entries(entry).sort());
const entriesOf = (name: string, body: object): readonly string[] =>
  name.startsWith('unsealed#') ? (body as { entries: object[] }).entries.map(textOf) : [];

/** What is added or removed between two pages is seen or not. */
async function* paged<Item extends string | { readonly name: string }>(
  request: <T>(what: string, effect: () => Promise<T> | T) => Promise<T>,
  what: string,
  list: () => Promise<readonly Item[]> | readonly Item[],
): AsyncGenerator<Item> {
  const nameOf = (item: Item) => (typeof item === 'string' ? item : item.name);
  for (let after = ''; ; ) {
    const rest = (await request(what, list)).filter(item => nameOf(item) > after);
    const page = rest.slice(0, PAGE_ITEMS);
    yield* page;
    if (rest.length <= PAGE_ITEMS) return;
    after = nameOf(page.at(-1)!);
  }
}

const death = fc.option(fc.record({ at: fc.integer({ min: 1, max: 30 }), applied: fc.boolean() }), { nil: undefined });
const course = fc.record({
  /** Which key each write is of, and how many writes come at once. */
  batches: fc.array(fc.array(fc.nat(keys.length - 1), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 6 }),
  writers: fc.array(death, { minLength: 1, maxLength: 3 }),
  sealers: fc.array(death, { minLength: 2, maxLength: 3 }),
  purge: fc.option(death, { nil: null }),
  freezes: fc.array(fc.boolean(), { minLength: 1, maxLength: 20 }),
});

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
console.log(`SEED=${seed}`);

test('whatever overlaps and dies, what was written is noted or sealed, and in the end sealed once', async () => {
  const property = fc.asyncProperty(fc.scheduler(), course, async (scheduler, given) => {
    const world = new World(scheduler, given.freezes);
    await world.items.swap(`store#${TARGET.store}`, `chain#${TARGET.name}`, 0, { sequence: 0, hash: null });
    let version = 0;
    const batches = given.batches.map(batch => batch.map(key => live(keys[key]!, ++version)));
    const pending = new Set(batches);
    const purged = keys[0]!;

    const acting = given.writers.map((dies, writer) =>
      world.process(`writer ${writer}`, writer * -3001, dies).run(async store => {
        for (const [index, batch] of batches.entries()) {
          if (index % given.writers.length === writer && (await accepted(store, batch))) pending.delete(batch);
        }
      }),
    );
    for (const [sealer, dies] of given.sealers.entries()) {
      const { run } = world.process(`sealer ${sealer}`, sealer + 1, dies);
      const seals = async (store: ArchiveStore) => {
        for (let rounds = 0; rounds < SEAL_ROUNDS; rounds++) await store.seal(TARGET, Number.MAX_SAFE_INTEGER);
      };
      acting.push(run(seals));
    }
    if (given.purge !== null) {
      const { run } = world.process('purge', 7, given.purge);
      acting.push(run(async store => void (await store.erase(TARGET, purged))));
    }
    await scheduler.waitFor(Promise.all(acting));

    expect(world.lost).toEqual([]);
    const kept = new Set([...world.sealed().keys(), ...(await world.unsealed())]);
    expect([...world.noted.keys()].filter(entry => !kept.has(entry))).toEqual([]);

    // The queue delivers again what nobody acknowledged, and the schedule comes again.
    const { run } = world.process('last', 9);
    const settled = run(async store => {
      for (const batch of pending) await accepted(store, batch);
      if (given.purge !== null) await store.erase(TARGET, purged);
      while (!(await store.seal(TARGET, Number.MAX_SAFE_INTEGER))) world.pass(FROZEN_MS);
    });
    await scheduler.waitFor(settled);
    expect(world.lost).toEqual([]);
    expect(await world.unsealed()).toEqual([]);
    const sealed = world.sealed();
    const wrong = [...world.noted].filter(([entry, notes]) => !sealed.has(entry) || sealed.get(entry)! > notes);
    expect(wrong).toEqual([]);
    const isKept = ({ key }: Write) => given.purge === null || key !== purged;
    const writes = batches.flat().filter(isKept);
    expect(writes.map(write => world.bucket.get(objectOf(TARGET.name, write, 'free')))).toEqual(
      writes.map(archivedText),
    );
    expect(await verifyArchive(world.copy, TARGET.name)).toMatchObject({
      faults: [],
      unsealed: 0,
      proved: writes.length,
    });
  });
  await fc.assert(property, { seed, numRuns: 300 });
}, 60_000);

async function accepted(store: ArchiveStore, batch: readonly Write[]): Promise<boolean> {
  const outcomes = await store.write(TARGET, batch);
  return outcomes.every(({ kind }) => kind === 'applied' || kind === 'stale');
}

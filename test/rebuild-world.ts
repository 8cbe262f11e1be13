import { setImmediate } from 'node:timers/promises';
import { applyBatch } from '../core/batch.ts';
import type { JsonObject, ResolvedChange } from '../core/change.ts';
import { DistributaryError } from '../core/errors.ts';
import { encodeChange, encodePack } from '../core/pack.ts';
import type { Definition } from '../core/projection.ts';
import type { Store, Target, Write } from '../core/store.ts';
import { type AggregateId, storedVersion, type TenantId, type Version } from '../core/version.ts';
import type { Control } from '../functions/control.ts';
import type { ControlItem, ControlItems } from '../functions/control-items.ts';
import { type ControlTargets, controlTargets } from '../functions/control-targets.ts';
import { audit } from '../functions/operate/audit/audit.ts';
import type { Canonical } from '../functions/operate/canonical/canonical.ts';
import type { OperateContext, OperatedStore } from '../functions/operate/context.ts';
import { runs } from '../functions/operate/runs/runs.ts';
import { openQuestions } from '../functions/operate/shadow/shadow-questions.ts';
import { memoryStore } from '../functions/stores/memory.ts';

export const STORE = 'case-search';
const TENANT = '00000000-0000-4000-8000-0000000000aa' as TenantId;
const keyOf = (number: number) =>
  `${(number + 1).toString(16).padStart(8, '0')}-0000-4000-8000-000000000000` as AggregateId;

/** Numbers that a seed repeats (mulberry32). */
export function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Time that passes only when nothing can be done any more without it. */
export class Time {
  now = 1_000_000;
  readonly #due: { readonly at: number; readonly order: number; readonly wake: () => void }[] = [];
  #order = 0;

  after(milliseconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#due.push({ at: this.now + Math.max(0, milliseconds), order: this.#order++, wake: resolve });
    return promise;
  }

  /** Runs until the condition holds, or nothing is left to happen. */
  async runUntil(isOver: () => boolean, maxEvents = 200_000): Promise<void> {
    await setImmediate();
    for (let events = 0; !isOver(); events++) {
      if (events > maxEvents) throw new Error('the simulation does not end');
      this.#due.sort((a, b) => a.at - b.at || a.order - b.order);
      const next = this.#due.shift();
      if (!next) return;
      this.now = next.at;
      next.wake();
      await setImmediate();
    }
  }

  /** Runs until this work has ended, and has what it ended with. */
  async outcome<Result>(work: Promise<Result>): Promise<Result> {
    let isOver = false;
    const end = () => {
      isOver = true;
    };
    work.then(end, end);
    await this.runUntil(() => isOver);
    if (!isOver) throw new Error('nothing is left to happen, and the work has not ended');
    return work;
  }
}

/** States are read from a replica. */
const MAX_READER_LAG_MS = 3_000;

interface Row {
  readonly key: AggregateId;
  readonly version: Version;
  readonly digest: number;
  /** Null once deleted. */
  readonly state: JsonObject | null;
}

/** What happens to one request of one process. */
export interface Chances {
  /** The process is killed at this request. */
  readonly kill: number;
  /** It takes up to a minute, longer than any lease. */
  readonly freeze: number;
  /** It takes up to two seconds, where others take some milliseconds. */
  readonly slow: number;
  /** The process is killed at this one of its moments, counted from 1: before a request is through, and before its answer. */
  readonly killAt?: number;
}

/** Once killed it does nothing any more, whatever it was waiting for. */
interface Process {
  readonly chances: Chances;
  isDead: boolean;
  moments: number;
}

const processOf = (chances: Chances): Process => ({ chances, isDead: false, moments: 0 });

/** A canonical store, a queue, projectors and the operations function, all in one process and in their own time. */
export class World {
  readonly time = new Time();
  readonly store: Store = memoryStore();
  readonly rows = new Map<AggregateId, Row>();
  /** Per key, messages that nobody has acknowledged. */
  readonly unacknowledged = new Map<AggregateId, number>();
  /** All that ever was of a key, and from when on: what a reader that lags behind the writer still sees. */
  readonly #past = new Map<AggregateId, { readonly at: number; readonly row: Row }[]>();
  readonly #random: () => number;
  readonly #items = new Map<string, ControlItem>();
  readonly #writers: readonly ReturnType<typeof controlTargets>[];

  constructor(seed: number, writers = 3) {
    this.#random = dice(seed);
    this.#writers = Array.from({ length: writers }, () =>
      controlTargets(this.#controlItems(processOf(QUIET)), () => this.time.now),
    );
  }

  /** One whose readers and writers know this target. */
  static async on(target: Target, seed: number): Promise<World> {
    const world = new World(seed);
    await world.store.create(target);
    await world.store.cutOver(target);
    await world.control().cutOver(target);
    return world;
  }

  random(below: number): number {
    return Math.floor(this.#random() * below);
  }

  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  /** The targets, and all else that is kept, as they stand, without delay. */
  readonly control = (): ControlItems & ControlTargets => {
    const items = this.#rawItems();
    return { ...items, ...controlTargets(items, () => this.time.now) };
  };

  /** A request of a process: it may be late, and the process may not live to see the answer. */
  async #request<Result>(act: () => Promise<Result>, process: Process): Promise<Result> {
    await this.#latency(process);
    this.#perhapsKill(process);
    if (process.isDead) await NEVER;
    const result = await act();
    this.#perhapsKill(process);
    await this.#latency(process);
    if (process.isDead) await NEVER;
    return result;
  }

  #perhapsKill(process: Process): void {
    process.moments += 1;
    const { kill, killAt } = process.chances;
    if (this.chance(kill / 2) || process.moments === killAt) process.isDead = true;
  }

  #latency({ chances: { freeze, slow } }: Process): Promise<void> {
    const most = this.chance(freeze) ? 60_000 : this.chance(slow) ? 2_000 : 50;
    return this.time.after(this.random(most));
  }

  /** Commits a change, and has it delivered: at least once, by any writer, at any time. */
  commit(number: number, deleted: boolean): void {
    const key = keyOf(number);
    const former = this.rows.get(key);
    if (former?.state === null) return; // An identifier is never reused.
    const version = storedVersion(0, (former?.version ?? 0) + 1);
    const state = deleted ? null : { number, version };
    const row = { key, version, state, digest: deleted ? 0 : number * 1000 + version };
    this.rows.set(key, row);
    this.#past.set(key, [...(this.#past.get(key) ?? []), { at: this.time.now, row }]);
    const message = encodePack([eventOf(row, this.time.now)]);
    void this.#deliver(key, message);
    // The same once more, perhaps after everything else has happened.
    if (this.chance(0.3)) void this.time.after(this.random(200_000)).then(() => this.#deliver(key, message));
  }

  /** Whether all that was committed is acknowledged. */
  readonly isQuiet = (): boolean => [...this.unacknowledged.values()].every(count => count === 0);

  async #deliver(key: AggregateId, body: string): Promise<void> {
    this.unacknowledged.set(key, (this.unacknowledged.get(key) ?? 0) + 1);
    await this.time.after(this.random(3_000));
    for (let isDone = false; !isDone; ) {
      const attempt = this.#project(body);
      // A message whose writer says nothing comes back.
      const visibility = this.time.after(100_000).then(() => false);
      isDone = await Promise.race([attempt, visibility]);
      if (!isDone) await this.time.after(this.random(2_000));
    }
    this.unacknowledged.set(key, this.unacknowledged.get(key)! - 1);
  }

  async #project(body: string): Promise<boolean> {
    const targets = this.#writers[this.random(this.#writers.length)]!;
    const process = processOf({ kill: 0.02, freeze: 0.1, slow: 0.2 });
    const write = (target: Target, writes: readonly Write[]) =>
      this.#request(() => this.store.write(target, writes), process);
    const report = await applyBatch([{ id: '1', body }], {
      store: { ...this.store, write },
      targets: () => targets.targetsOf(STORE),
      project: projectChange,
      resolve: async change => change as ResolvedChange,
      deadLetter: async letters => {
        throw letters[0]!.error;
      },
    });
    return report.later.size === 0;
  }

  /** A process of the operations function. */
  operate(chances: Chances, sleeps = true, project: OperatedStore['project'] = projectChange): OperateContext {
    const process = processOf(chances);
    const late =
      <Args extends readonly unknown[], Result>(act: (...args: Args) => Promise<Result>) =>
      (...args: Args) =>
        this.#request(() => act(...args), process);
    const { write, read, create, cutOver, drop, digest } = this.store;
    const store: Store = {
      ...this.store,
      write: late(write),
      read: late(read),
      create: late(create),
      cutOver: late(cutOver),
      drop: late(drop),
      digest: late(digest),
    };
    const items = this.#controlItems(process);
    const now = () => this.time.now;
    const operated: OperatedStore = {
      name: STORE,
      definition: DEFINITION,
      store,
      project,
      questions: openQuestions(DEFINITION.contract, store, {}),
      targetStem: STORE,
    };
    const unused = () => {
      throw new Error('nothing in a rebuild asks for it');
    };
    return {
      stores: [operated],
      store: () => operated,
      control: { ...items, ...controlTargets(items, now), advanceWatermark: unused, watermarksOf: unused } as Control,
      runs: runs(items, now),
      audit: audit(items, now),
      canonical: this.#canonical(late),
      connection: { query: unused, close: async () => {} },
      queues: { sqs: undefined as never, of: unused },
      erasable: undefined as never,
      clock: {
        now,
        sleep: async (milliseconds, signal) => {
          const aborted = Promise.withResolvers<void>();
          signal?.addEventListener('abort', () => aborted.resolve(), { once: true });
          if (signal?.aborted) aborted.resolve();
          await Promise.race([this.time.after(sleeps ? milliseconds : 1), aborted.promise]);
          if (process.isDead) await NEVER;
        },
      },
      deadline: this.time.now + 2 ** 30,
    };
  }

  #canonical(
    late: <Args extends readonly unknown[], Result>(
      act: (...args: Args) => Promise<Result>,
    ) => (...args: Args) => Promise<Result>,
  ): Canonical {
    const sorted = () => [...this.rows.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
    const lagging = () => {
      const at = this.time.now - this.random(MAX_READER_LAG_MS);
      return sorted().flatMap(({ key }) => this.#past.get(key)!.findLast(one => one.at <= at)?.row ?? []);
    };
    const few = 2;
    return {
      read: late(async (_aggregate, { after }) => {
        const rows = lagging().filter(({ key }) => after === undefined || key > after);
        const page = rows.slice(0, few);
        return {
          rows: page.map(row => changeOf(row, this.time.now)),
          next: rows.length > few ? page.at(-1)!.key : undefined,
        };
      }),
      entries: late(async (_aggregates, { from, to }) =>
        sorted().filter(
          ({ key, state }) => state !== null && (from === undefined || key >= from) && (to === undefined || key < to),
        ),
      ),
      found: late(async (_aggregates, keys) =>
        keys.flatMap(key => {
          const row = this.rows.get(key);
          return row ? [changeOf(row, this.time.now)] : [];
        }),
      ),
      boundAfter: late(
        async (_aggregates, from) => sorted().filter(({ key }) => from === undefined || key >= from)[few + 1]?.key,
      ),
      count: late(async () => this.rows.size),
      readOutbox: () => {
        throw new Error('nothing in a rebuild asks for it');
      },
      close: async () => {},
    };
  }

  #rawItems(): ControlItems {
    return this.#controlItems(processOf(QUIET), false);
  }

  #controlItems(process: Process, isLate = true): ControlItems {
    const items = this.#items;
    const nameOf = (group: string, name: string) => `${group} ${name}`;
    const request = <Result>(act: () => Promise<Result>) => (isLate ? this.#request(act, process) : act());
    return {
      read: (group, name) => request(async () => items.get(nameOf(group, name))),
      async *list(group, prefix = '') {
        for (const item of [...items.values()].filter(item => item.group === group && item.name.startsWith(prefix)))
          yield item;
      },
      swap: (group, name, expected, body) =>
        request(async () => {
          if ((items.get(nameOf(group, name))?.revision ?? 0) !== expected) return undefined;
          items.set(nameOf(group, name), { group, name, revision: expected + 1, body: structuredClone(body) });
          return expected + 1;
        }),
      remove: (group, name, expected) =>
        request(async () => {
          const held = items.get(nameOf(group, name));
          if (held && held.revision !== expected) return false;
          items.delete(nameOf(group, name));
          return true;
        }),
    };
  }
}

const NEVER = new Promise<never>(() => {});
export const QUIET: Chances = { kill: 0, freeze: 0, slow: 0 };

/** All that a rebuild reads of it. */
const DEFINITION = {
  contract: {
    store_name: STORE,
    engine: 'opensearch',
    aggregates: ['case'],
    delivery: { timeout: 30 },
    schema_evolution: { document_version: 1 },
    fields: { number: { type: 'integer' } },
  },
  aggregates: [],
  projectors: [],
} as unknown as Definition;

/** Every fifth is hidden: it has a digest and no document. */
export function projectChange(change: ResolvedChange): Write {
  const { key, tenant, version, digest, committedAt } = change;
  const common = { key, tenant, version, digest, committedAt };
  if (change.kind === 'deleted') return { ...common, document: null };
  if (change.kind !== 'state') throw new DistributaryError('change-malformed', 'parked');
  return { ...common, document: Number(change.state.number) % 5 === 4 ? null : change.state };
}

const headerOf = ({ key, version, digest }: Row, committedAt: number) => ({
  aggregate: 'case',
  change: 'updated',
  key,
  tenant: TENANT,
  version,
  digest,
  lane: 'standard' as const,
  schemaVersion: 1,
  committedAt,
});

function eventOf(row: Row, now: number): string {
  return encodeChange(
    headerOf(row, now),
    row.state === null ? { deleted: true } : { state: JSON.stringify(row.state) },
  );
}

function changeOf(row: Row, now: number): ResolvedChange {
  const header = { id: `${row.version}@${row.key}`, ...headerOf(row, now) };
  return row.state === null ? { kind: 'deleted', ...header } : { kind: 'state', ...header, state: row.state };
}

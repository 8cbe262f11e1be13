import * as z from 'zod';
import { type BackfillRange, backfillRange, before, type Refusal } from '../../../core/backfill.ts';
import type { JsonObject, ResolvedChange } from '../../../core/change.ts';
import { DistributaryError } from '../../../core/errors.ts';
import type { Target } from '../../../core/store.ts';
import type { AggregateId, Version } from '../../../core/version.ts';
import type { OperateContext, OperatedStore } from '../context.ts';
import { Interrupted, type RunHandle } from '../runs/run-kind.ts';

/** Rows of a range: what is read again after a kill, at most, and what one connection does at a stretch. */
const RANGE_ROWS = 5_000;
/** Ranges at once: while one waits for the store, another is read. */
const RANGES_AT_ONCE = 3;
/** How often what has been filled is written down. */
const SAVE_EVERY_MS = 500;
/** Tries of one range before the whole step pauses. */
const RANGE_TRIES = 4;
const RANGE_PAUSE_MS = 500;
/** Refusals that are kept with their keys; all are counted. */
export const KEPT_REFUSALS = 20;

const key = z.string().transform(text => text as AggregateId);
const rangeSchema = z.strictObject({
  aggregate: z.string(),
  after: key.nullable(),
  to: key.nullable(),
  done: z.int(),
  finished: z.boolean(),
});
export const refusalSchema = z.strictObject({
  key,
  version: z.int().transform(number => number as Version),
  code: z.string(),
  message: z.string(),
});

/** How far a store has been filled, as a run remembers it: a few ranges, however many rows there are. */
export const fillSchema = z.strictObject({
  /** Where the next range begins: aggregates are filled one after another. */
  aggregate: z.int().default(0),
  from: key.nullable().default(null),
  active: z.array(rangeSchema).default([]),
  rows: z.int().default(0),
  refused: z.int().default(0),
  refusals: z.array(refusalSchema).default([]),
});
export type Fill = z.infer<typeof fillSchema>;

export interface Filling {
  readonly store: OperatedStore;
  readonly targets: readonly Target[];
  /** Rows a second at most. */
  readonly rate: number | undefined;
  readonly begun: Fill;
  /** @default every row is */
  readonly wants?: (change: ResolvedChange) => boolean;
  save(fill: Fill): Promise<void>;
}

/** Fills targets with every state of the store's aggregates, ranges at once; goes on where `begun` was. */
export async function fill(handle: RunHandle, context: OperateContext, filling: Filling): Promise<Fill> {
  return new Filler(handle, context, filling).run();
}

class Filler {
  readonly #handle: RunHandle;
  readonly #context: OperateContext;
  readonly #filling: Filling;
  #fill: Fill;
  #pending: readonly BackfillRange[];
  #choosing: Promise<unknown> = Promise.resolve();
  #saving: Promise<void> | undefined;
  #savedAt = 0;
  #freeAt = 0;
  /** What ended it first. That others were interrupted because of it is no reason. */
  #failure: { readonly error: unknown } | undefined;

  constructor(handle: RunHandle, context: OperateContext, filling: Filling) {
    this.#handle = handle;
    this.#context = context;
    this.#filling = filling;
    this.#fill = filling.begun;
    this.#pending = filling.begun.active;
  }

  async run(): Promise<Fill> {
    await Promise.all(Array.from({ length: RANGES_AT_ONCE }, () => this.#work()));
    await this.#saving?.catch(() => {});
    // What was done before the failure need not be done again.
    const saved = this.#filling.save(this.#fill);
    if (!this.#failure) {
      await saved;
      return this.#fill;
    }
    await saved.catch(() => {}); // It was to spare work; why it ended matters more.
    throw this.#failure.error;
  }

  async #work(): Promise<void> {
    try {
      for (let range = await this.#next(); range; range = await this.#next()) await this.#fillRange(range);
    } catch (error) {
      if (!this.#failure || this.#failure.error instanceof Interrupted) this.#failure = { error };
    }
  }

  /** One at a time: each range begins where the one before ends. */
  #next(): Promise<BackfillRange | undefined> {
    const next = this.#choosing.then(async () => {
      const [left, ...others] = this.#pending;
      this.#pending = others;
      return left ?? this.#cut();
    });
    this.#choosing = next.catch(() => {});
    return next;
  }

  async #cut(): Promise<BackfillRange | undefined> {
    const { aggregates } = this.#filling.store.definition.contract;
    const { aggregate: index, from } = this.#fill;
    const aggregate = aggregates[index];
    if (aggregate === undefined) return undefined;
    const bound = await this.#context.canonical.boundAfter([aggregate], from ?? undefined, RANGE_ROWS);
    const after = from === null ? null : before(from);
    const range: BackfillRange = { aggregate, after, to: bound ?? null, done: 0, finished: false };
    const rest = bound === undefined ? { aggregate: index + 1, from: null } : { from: bound };
    this.#fill = { ...this.#fill, ...rest, active: [...this.#fill.active, range] };
    return range;
  }

  async #fillRange(begun: BackfillRange): Promise<void> {
    let range = begun;
    for (let tries = 1; ; tries++) {
      try {
        await backfillRange(
          this.#ports(range, next => (range = next)),
          range,
        );
        return;
      } catch (error) {
        const mayPass = error instanceof DistributaryError && error.retry === 'later';
        if (!mayPass || tries >= RANGE_TRIES || this.#failure) throw error;
        await this.#handle.sleep(RANGE_PAUSE_MS * 2 ** tries);
      }
    }
  }

  #ports(range: BackfillRange, keep: (range: BackfillRange) => void) {
    const { store, targets, wants } = this.#filling;
    let current = range;
    return {
      store: store.store,
      targets,
      project: store.project,
      read: this.#context.canonical.read,
      ...(wants && { wants }),
      pace: (rows: number) => this.#pace(rows),
      progress: async (next: BackfillRange, refused: readonly Refusal[]) => {
        this.#tell(current, next, refused);
        current = next;
        keep(next);
        await this.#save();
      },
    };
  }

  #tell(former: BackfillRange, next: BackfillRange, refused: readonly Refusal[]): void {
    const { active, rows, refusals } = this.#fill;
    const others = active.filter(({ aggregate, to }) => aggregate !== next.aggregate || to !== next.to);
    this.#fill = {
      ...this.#fill,
      active: next.finished ? others : [...others, next],
      rows: rows + next.done - former.done,
      refused: this.#fill.refused + refused.length,
      refusals: [...refusals, ...refused].slice(0, KEPT_REFUSALS),
    };
  }

  async #pace(rows: number): Promise<void> {
    if (this.#failure || this.#handle.signal.aborted) throw new Interrupted('the step shall end');
    const { rate } = this.#filling;
    if (rate === undefined) return;
    const now = this.#context.clock.now();
    const at = Math.max(now, this.#freeAt);
    this.#freeAt = at + (rows / rate) * 1000;
    if (at > now) await this.#handle.sleep(at - now);
  }

  /** Not more often than is worth it, and one at a time. */
  async #save(): Promise<void> {
    const now = this.#context.clock.now();
    if (this.#saving || now - this.#savedAt < SAVE_EVERY_MS) return;
    this.#savedAt = now;
    this.#saving = this.#filling.save(this.#fill).finally(() => (this.#saving = undefined));
    await this.#saving;
  }
}

/** As JSON: a run's memo holds nothing else. */
export const fillJson = (fill: Fill): JsonObject => fill as unknown as JsonObject;

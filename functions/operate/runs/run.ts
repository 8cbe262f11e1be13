import * as z from 'zod';
import type { JsonObject } from '../../../core/change.ts';

/**
 * `running`: somebody works on it, or will within a minute. `failed`: it waits for what its error asks for; resume it or
 * cancel it. A store has one run at a time: only `done` and `cancelled` make room for the next.
 */
export const RUN_STATES = ['running', 'paused', 'failed', 'done', 'cancelled'] as const;
export type RunState = (typeof RUN_STATES)[number];

export const isFinished = ({ state }: { readonly state: RunState }): boolean =>
  state === 'done' || state === 'cancelled';

const object = z.custom<JsonObject>(
  value => typeof value === 'object' && value !== null && !Array.isArray(value),
  'is no object',
);
const time = z.int().min(0);

export const runSchema = z.strictObject({
  id: z.string().min(1),
  store: z.string().min(1),
  /** Which kind of run, a name in run-kinds.ts: `rebuild`. */
  operation: z.string().min(1),
  state: z.enum(RUN_STATES),
  /** What the last request asked for; whoever works on it complies at the next point where it can be resumed. */
  wanted: z.enum(['run', 'pause', 'cancel']),
  /** What it does now, a name among its kind's steps. */
  step: z.string().min(1),
  actor: z.string(),
  reason: z.string(),
  /** As it was asked for. */
  request: object,
  /** What its steps keep for themselves over crashes. */
  memo: object,
  progress: z.strictObject({
    done: z.number().min(0),
    total: z.number().min(0),
    /** `rows` */
    unit: z.string(),
    ratePerSecond: z.number().min(0),
  }),
  /** Milliseconds since 1970, like all times here. */
  startedAt: time,
  updatedAt: time,
  finishedAt: time.nullable(),
  /** Why it failed, or what it is trying again after. */
  error: z.strictObject({ code: z.string(), message: z.string(), hint: z.string() }).nullable(),
  /** What it has found out; whole once it is done. */
  report: object.nullable(),
  /** Who works on it. After `until` anybody may. */
  lease: z.strictObject({ holder: z.string(), until: time }).nullable(),
});
export type Run = Readonly<z.infer<typeof runSchema>>;
export type RunProgress = Run['progress'];

/** What a request may start. */
export interface NewRun {
  readonly store: string;
  readonly operation: string;
  readonly step: string;
  readonly actor: string;
  readonly reason: string;
  readonly request: JsonObject;
  readonly memo?: JsonObject;
  readonly unit: string;
}

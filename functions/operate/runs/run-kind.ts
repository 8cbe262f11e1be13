import type { JsonObject } from '../../../core/change.ts';
import type { OperateContext } from '../context.ts';
import type { Run, RunProgress } from './run.ts';

/** What a step may change of its run. */
export interface RunPatch {
  readonly memo?: JsonObject;
  readonly progress?: Partial<Pick<RunProgress, 'done' | 'total' | 'unit'>>;
  readonly report?: JsonObject;
}

/** A run in the hands of whoever works on it. */
export interface RunHandle {
  /** As it was last read or written. */
  readonly run: Run;
  /** Aborted when the step shall end: asked to pause or cancel, out of time, or somebody else has taken the run over. */
  readonly signal: AbortSignal;
  /** Writes what is to survive a crash. Throws `Interrupted` when the step shall end; what was asked for is written then. */
  save(patch: RunPatch): Promise<void>;
  /** Waits; throws `Interrupted` when the step shall end before. */
  sleep(milliseconds: number): Promise<void>;
}

/** Thrown through a step to end it where it can be resumed. No error: nobody is told. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** The name of the next step, or that the run is done. */
export type NextStep = string | { readonly done: true };
export const DONE: NextStep = { done: true };

/**
 * Does one part of a run and names the next. It may be killed at any point and is then called again, perhaps while the
 * former caller still runs: whatever it does must be safe to repeat. Throws a DistributaryError: `later` is tried again,
 * `never` fails the run until somebody resumes it.
 */
export type Step = (handle: RunHandle, context: OperateContext) => Promise<NextStep>;

/** A kind of long work; a file each, listed in run-kinds.ts. */
export interface RunKind {
  readonly operation: string;
  readonly steps: Readonly<Record<string, Step>>;
  /** Steps in which it cannot be cancelled any more, and why not: `the readers are being moved`. */
  readonly pastCancelling?: Readonly<Record<string, string>>;
  /** Takes back what the steps have done; safe to repeat. @default there is nothing to take back */
  cancel?(handle: RunHandle, context: OperateContext): Promise<void>;
}

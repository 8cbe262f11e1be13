import type { Definition, Projection } from '../../core/projection.ts';
import type { Store } from '../../core/store.ts';
import type { Control } from '../control.ts';
import type { Audit } from './audit/audit.ts';
import type { Canonical } from './canonical/canonical.ts';
import type { CanonicalConnection } from './canonical/canonical-connection.ts';
import type { ErasablePlaces } from './erase/erasable-places.ts';
import type { FailedQueues } from './failures/failed-queues.ts';
import type { Runs } from './runs/runs.ts';
import type { Questions } from './shadow/shadow-questions.ts';

/** A store as the operations function works on it. */
export interface OperatedStore {
  readonly name: string;
  readonly definition: Definition;
  readonly store: Store;
  readonly project: Projection;
  /** What readers ask, asked of two targets. */
  readonly questions: Questions;
  /** What the names of its targets begin with: its table's name, or its own. */
  readonly targetStem: string;
}

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Ends early, without an error, when the signal is aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** What every operation and every step of a run works with. */
export interface OperateContext {
  /** By name. Throws `usage`, naming the nearest one, for a store that there is not. */
  store(name: string): OperatedStore;
  readonly stores: readonly OperatedStore[];
  readonly control: Control;
  readonly runs: Runs;
  readonly audit: Audit;
  readonly connection: CanonicalConnection;
  readonly canonical: Canonical;
  readonly queues: FailedQueues;
  readonly erasable: ErasablePlaces;
  readonly clock: Clock;
  /** When this invocation has to be through, in milliseconds since 1970. */
  readonly deadline: number;
}

import type { IConstruct } from 'constructs';
import type { BundledFunction, Placement } from '../bundled-function.ts';

/** What a projection writes to: its engine's resource, how functions find it and what they may do with it. */
export interface ProjectedStore extends IConstruct {
  /** Of the engine, as core/environment.ts declares them. */
  readonly variables: Readonly<Record<string, string>>;
  /** Of its projector, besides. @default none */
  readonly writeVariables?: Readonly<Record<string, string>>;
  /** Where its functions run. @default no network of ours */
  readonly placement?: Placement;
  /** Documents in and, for read-your-writes and drift, out. */
  allowWrite(fn: BundledFunction): void;
  /** The first target: created if need be, and put before the readers. */
  allowProvision(fn: BundledFunction): void;
}

import type { JsonObject } from './change.ts';
import type { AggregateId, TenantId } from './version.ts';

/** What a projector may know of a change besides the state. No version, no time: equal states give equal documents. */
export interface ProjectionContext {
  readonly key: AggregateId;
  readonly tenant: TenantId;
  /** The document that the contract's field list makes of a state: each field copied from where it comes. */
  fields(state: object): JsonObject;
}

/**
 * Aggregate name → type of its state. Empty here: `contracts/states.ts`, generated from the aggregate contracts, merges
 * its entries in, and so may a team's own file.
 */
// biome-ignore lint/suspicious/noEmptyInterface: merged into by generated declarations
export interface AggregateStates {}

/** Any aggregate that has a generated type. */
export type AggregateName = keyof AggregateStates & string;

/**
 * A plug-in: which aggregate, which store, and one pure function from the whole state to the document.
 * `null` means that the store shall not hold this aggregate (a tombstone is kept). It never writes to a store itself.
 */
export interface Projector<State> {
  readonly store: string;
  readonly on: string;
  readonly project: (state: State, context: ProjectionContext) => JsonObject | null;
}

/** A projector whose state's type is forgotten: the aggregate's schema has been checked before `project` is called. */
// biome-ignore lint/suspicious/noExplicitAny: the state's type is known to the projector and its aggregate contract only
export type AnyProjector = Projector<any>;

/** Gives `project` the state's type, looked up by `on`. */
export const defineProjector = <On extends AggregateName>(
  projector: Projector<AggregateStates[On]> & { readonly on: On },
): Projector<AggregateStates[On]> => projector;

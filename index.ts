/** What a projector is written with, typed by the aggregates of this package or by a team's own `AggregateStates`. */
export type * from './contracts/states.ts';
export type { Json, JsonObject } from './core/change.ts';
export { DistributaryError, type ErrorCode, errorTable, type Place } from './core/errors.ts';
export type { Definition } from './core/projection.ts';
export * from './core/projector.ts';
export type * from './core/store.ts';
export type { AggregateId, TenantId, Version } from './core/version.ts';

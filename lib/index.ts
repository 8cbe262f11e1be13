/** Constructs for the CDK app of a team that adds projections to a pipeline. */
export type { BundledFunction } from './bundled-function.ts';
export { ContractChecks } from './contract-checks.ts';
export { tagWithRole } from './data-role.ts';
export type { LaneQueues } from './lane-queues.ts';
export type { Projection } from './projection.ts';
export { type SharedValue, SharedValues } from './shared-values.ts';
export { readCatalogueOf } from './team-catalogue.ts';
export { TeamProjection, type TeamProjectionProps } from './team-projection.ts';

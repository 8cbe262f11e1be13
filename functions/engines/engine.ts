import type { Store } from '../../core/store.ts';
import type { ProjectedContract } from '../../core/store-contract.ts';
import type { Control } from '../control.ts';

/** A store's engine as a function finds it: its address is in the environment, declared in core/environment.ts. */
export interface Engine {
  /** Reads the environment. `control` is the table that the function has open already. */
  open(contract: ProjectedContract, control: Control): Store;
  /** Name of the first target that a store ever has. */
  firstTarget(contract: ProjectedContract): string;
}

/**
 * Where targets are made at run time, they are counted per version of the document. No store's name holds a dot, so what a
 * function may do with `case.*` leaves `case-search.*` alone.
 */
export const firstGeneration = ({ store_name, schema_evolution }: ProjectedContract): string =>
  `${store_name}.${schema_evolution.document_version}.1`;

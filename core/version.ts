/** Ids and numbers that must not be mixed up. */
declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** UUID of the tenant that owns an aggregate. */
export type TenantId = Brand<string, 'TenantId'>;
/** UUID of an aggregate; also the key of the documents made from it, for life. */
export type AggregateId = Brand<string, 'AggregateId'>;

/**
 * What stores compare: `epoch · 2^40 + version`, a safe integer. The epoch is raised after a point-in-time restore, so
 * that restored rows outrank what was projected from the lost future.
 */
export type Version = Brand<number, 'Version'>;

const VERSIONS_PER_EPOCH = 2 ** 40;
/** 2^53 / 2^40, less one: the last epoch whose versions are all safe integers. */
export const MAX_EPOCH = 2 ** 13 - 1;

export function storedVersion(epoch: number, version: number): Version {
  if (!Number.isInteger(epoch) || epoch < 0 || epoch > MAX_EPOCH) {
    throw new RangeError(`epoch ${epoch} is not an integer from 0 to ${MAX_EPOCH}`);
  }
  if (!Number.isInteger(version) || version < 1 || version >= VERSIONS_PER_EPOCH) {
    throw new RangeError(`version ${version} is not an integer from 1 to 2^40 - 1`);
  }
  return (epoch * VERSIONS_PER_EPOCH + version) as Version;
}

export const epochOf = (version: Version): number => Math.floor(version / VERSIONS_PER_EPOCH);
/** The row's own version, the one commands compare for their optimistic lock. */
export const rowVersionOf = (version: Version): number => version % VERSIONS_PER_EPOCH;

const KEY_VERSION = 1;
/** The keys' grammar: `permissions/<version of the entry's form>/<user>`, and `lease/` before that of who refreshes it. */
export const keyOf = (user: string): string => `permissions/${KEY_VERSION}/${user}`;
export const leaseOf = (user: string): string => `lease/${keyOf(user)}`;

/**
 * What the one user of a Valkey may do, in the words of its access lists: keys of that grammar, and the three commands that
 * a cache (core/cache.ts) is made of.
 */
export const VALKEY_ACCESS = 'on ~permissions/* ~lease/permissions/* resetchannels -@all +get +set +del';

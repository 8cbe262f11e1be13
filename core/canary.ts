/** Which reads go to a target that is being tried out. */
export interface Canary {
  /** The target's name. */
  readonly candidate: string;
  /** Of a hundred readers so many. */
  readonly percent: number;
  /** These use cases go there as a whole. */
  readonly useCases: readonly string[];
}

/**
 * Whether a read goes to the candidate. A reader who is known by name goes to the same target each time, lest results
 * come and go between two pages; `dice`, from 0 to below 1, decides for one who is not.
 */
export function goesToCandidate(
  { percent, useCases }: Canary,
  useCase: string,
  reader: string | undefined,
  dice: number,
): boolean {
  if (useCases.includes(useCase)) return true;
  return (reader === undefined ? dice * 100 : shareOf(reader)) < percent;
}

/** From 0 to 99, spread evenly over names (FNV-1a). */
function shareOf(reader: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(reader)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return Math.floor((hash / 2 ** 32) * 100);
}

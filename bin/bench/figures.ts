/** What a measurement yields: figures, each with the aim it is held to, if there is one. */

export type Unit = 'changes/s' | 'documents/s' | 'ms' | 's' | 'MB';

export interface Figure {
  /** What was measured, e.g. `relay to nowhere, 1 row a transaction`. */
  readonly name: string;
  readonly value: number;
  readonly unit: Unit;
  /** What the same work costs without us, in the same run. */
  readonly bare?: Bare;
  readonly aim?: Aim;
  /** What a reader has to know to judge the value. */
  readonly note?: string;
}

export interface Bare {
  readonly name: string;
  readonly value: number;
  /** Median of the value against the bare value of its own pair: what else the machine did meanwhile was done to both. */
  readonly ratio: number;
}

/** `ratio`: at least this share of the bare value. The others hold for the value itself. */
export type Aim = { readonly least: number } | { readonly most: number } | { readonly ratio: number };

/** What could not be measured on this machine, and why. */
export interface Omission {
  readonly name: string;
  readonly reason: string;
}

/** Undefined where there is no aim. */
export function isMet({ value, bare, aim }: Figure): boolean | undefined {
  if (!aim) return undefined;
  if ('least' in aim) return value >= aim.least;
  if ('most' in aim) return value < aim.most;
  return bare !== undefined && bare.ratio >= aim.ratio;
}

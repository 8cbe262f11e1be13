import type { EngineOptions } from '../running/local-options.ts';
import type { Progress } from '../terminal/progress.ts';
import type { Figure, Omission } from './figures.ts';

/** In the order in which they run. */
export const MEASUREMENTS = ['relay', 'topic', 'search', 'backfill', 'latency', 'burst'] as const;
export type MeasurementName = (typeof MEASUREMENTS)[number];

/** What measurements have in common. */
export interface Setting {
  /** Time for each measurement, without what it takes to set it up. */
  readonly seconds: number;
  readonly engines: EngineOptions;
  readonly signal: AbortSignal;
  /** Steps of `total` that are over. */
  progress(title: string, total: number): Progress;
  note(line: string): void;
}

export interface Findings {
  readonly figures: readonly Figure[];
  readonly omissions: readonly Omission[];
  /** What took part, with its version. */
  readonly versions: Readonly<Record<string, string>>;
}

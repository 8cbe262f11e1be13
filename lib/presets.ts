import type { Configuration } from './configuration-schema.ts';

/** Sizes of what costs money, by `size`. */
export interface Preset {
  readonly zones: number;
  /** Aurora capacity units, of 2 GiB each. */
  readonly databaseCapacity: { readonly min: number; readonly max: number };
  /** Instances beside the writer, which take over when it fails. */
  readonly databaseReaders: number;
  readonly backupDays: number;
  readonly deletionProtection: boolean;
  readonly searchInstance: string;
  readonly searchNodes: number;
  readonly searchVolumeGibibytes: number;
  readonly logDays: number;
  /** Keep the stores that a rebuild can make again when their stack is deleted. */
  readonly keepDerivedStores: boolean;
}

export const PRESETS: Readonly<Record<Configuration['size'], Preset>> = {
  small: {
    zones: 2,
    databaseCapacity: { min: 0.5, max: 4 },
    databaseReaders: 0,
    backupDays: 7,
    deletionProtection: true,
    searchInstance: 't3.small.search',
    searchNodes: 1,
    searchVolumeGibibytes: 20,
    logDays: 14,
    keepDerivedStores: false,
  },
  production: {
    zones: 3,
    databaseCapacity: { min: 2, max: 64 },
    databaseReaders: 1,
    backupDays: 35,
    deletionProtection: true,
    searchInstance: 'r7g.large.search',
    searchNodes: 3,
    searchVolumeGibibytes: 200,
    logDays: 90,
    keepDerivedStores: true,
  },
};

/** Of the configured size, with what was chosen instead. */
export function presetOf({ size, searchVolumeGibibytes }: Configuration): Preset {
  const preset = PRESETS[size];
  return { ...preset, searchVolumeGibibytes: searchVolumeGibibytes ?? preset.searchVolumeGibibytes };
}

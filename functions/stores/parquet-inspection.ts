import type { Concern } from '../../core/store.ts';
import { counting, type FactFile } from './parquet-manifest.ts';

/** A writer announces a file, writes it and is done within seconds; compaction gives such files up after a while. */
const PENDING_TOO_LONG_MS = 3_600_000;
/** Each slice of keys that is read asks every one of them. */
const MANY_FILES = 5_000;

/** Files carry their own columns, so that those of an older contract are as good; what is left is how many there are. */
export function inspectFiles(files: readonly FactFile[], now: number): readonly Concern[] {
  const concerns: Concern[] = [];
  const pending = files.filter(({ state, since }) => state === 'pending' && now - since > PENDING_TOO_LONG_MS);
  if (pending.length > 0) {
    const what = `${pending.length} files were announced more than an hour ago and never came`;
    concerns.push({ severity: 'risk', what, todo: "read the compaction function's log: it tidies them" });
  }
  const { length } = counting(files);
  if (length > MANY_FILES) {
    const what = `${length} files count: reading gets slow`;
    concerns.push({ severity: 'risk', what, todo: "read the compaction function's log: it should merge them" });
  }
  return concerns;
}

import { LANES } from '../../core/change.ts';
import type { Target } from '../../core/store.ts';
import type { Control } from '../control.ts';
import { counting, type Manifest } from '../stores/parquet-manifest.ts';
import type { Objects } from '../stores/parquet-objects.ts';

export interface Publishing {
  readonly control: Control;
  readonly manifest: Manifest;
  readonly objects: Objects;
  readonly now: () => number;
}

const isoOf = (ms: number): string => new Date(ms).toISOString();

/**
 * Writes `<target>/manifest.json`, from which query engines take the list of files that count: others in the bucket are
 * replaced, or not finished. `as_of`: everything committed before it is in them; absent until both lanes have said so.
 * The files named stay readable for `READERS_GRACE_SECONDS` after a later manifest leaves them out.
 */
export async function publishManifest(
  { control, manifest, objects, now }: Publishing,
  target: Target,
): Promise<number> {
  // Read before the list: what the watermark promises is in the files of a later list.
  const watermarks = await control.watermarksOf(target.store);
  const files = counting(await manifest.entries(target));
  const lanes = LANES.map(lane => watermarks[lane]);
  const asOf = lanes.every(at => at !== undefined) ? Math.min(...lanes) : undefined;
  const published = {
    store: target.store,
    target: target.name,
    published_at: isoOf(now()),
    ...(asOf !== undefined && { as_of: isoOf(asOf) }),
    rows: files.reduce((sum, { rows }) => sum + rows, 0),
    files: files.map(({ object, day, rows, bytes, min_key, max_key, min_committed_at, max_committed_at }) => ({
      key: object,
      day,
      rows,
      bytes,
      min_key,
      max_key,
      min_committed_at: isoOf(min_committed_at),
      max_committed_at: isoOf(max_committed_at),
    })),
  };
  const text = JSON.stringify(published, undefined, 1);
  await objects.put(`${target.name}/manifest.json`, Buffer.from(text), 'application/json');
  return files.length;
}

import { setTimeout as delay } from 'node:timers/promises';
import { DistributaryError } from '../../core/errors.ts';
import type { Run } from '../../functions/operate/runs/run.ts';
import type { Operations } from '../operations.ts';
import type { Bundle } from './bundle.ts';

const STILL_LOOK_MS = 500;

export interface Watching {
  readonly signal: AbortSignal;
  /** Rows done, and of how many where that is known. */
  readonly onProgress: (done: number, total: number) => void;
}

/** Writes what is not in the bundle yet; may be ended at any point, and then goes on behind the last whole part. */
export async function exportInto(
  bundle: Bundle,
  operations: Operations,
  { signal, onProgress }: Watching,
): Promise<void> {
  const { departure } = bundle.index;
  if (bundle.index.manifest) return;
  const manifest = await stillManifest(operations, departure, signal);
  const total = Object.values(manifest.tables).reduce((sum, { rows }) => sum + rows, 0);
  for (const table of tablesOf(manifest)) {
    const written = bundle.index.parts.filter(part => part.table === table);
    let after = written.at(-1)?.next ?? null;
    let isDone = written.length > 0 && after === null;
    while (!isDone) {
      signal.throwIfAborted();
      const { rows, next } = await operations.ask('tenant.departing-rows', { departure, table, after });
      await bundle.addPart(table, rows, next);
      onProgress(rowsIn(bundle), total);
      after = next;
      isDone = next === null;
    }
  }
  bundle.note({ manifest });
}

/** Waits for those who began to write before the tenant was frozen. */
async function stillManifest(operations: Operations, departure: string, signal: AbortSignal) {
  for (;;) {
    const { manifest } = await operations.ask('tenant.departure', { departure });
    if (manifest) return manifest;
    await delay(STILL_LOOK_MS, undefined, { signal });
  }
}

const tablesOf = ({ tables }: Bundle['manifest']): readonly string[] => Object.keys(tables).sort();
const rowsIn = (bundle: Bundle): number => bundle.index.parts.reduce((sum, { rows }) => sum + rows, 0);

/** Brings every part that is not there yet to where it is kept aside; says what keeps it from being let in. */
export async function importFrom(bundle: Bundle, operations: Operations, { signal, onProgress }: Watching) {
  const { manifest } = bundle;
  const { departure, parts } = bundle.index;
  await operations.ask('tenant.arrive', { manifest });
  const there = new Set((await operations.ask('tenant.arrival', { departure })).parts);
  let done = 0;
  for (const [index, part] of parts.entries()) {
    signal.throwIfAborted();
    if (part.rows > 0 && !there.has(index + 1)) {
      const rows = await bundle.readPart(part);
      await operations.ask('tenant.keep', { departure, part: index + 1, table: part.table, rows: [...rows] });
    }
    done += part.rows;
    onProgress(done, rowsIn(bundle));
  }
  const { obstacles } = await operations.ask('tenant.arrival', { departure });
  bundle.note({ checkedAt: obstacles.length === 0 ? new Date().toISOString() : null });
  return obstacles;
}

/** The run under way for this departure, taken up where it has failed or rests; nothing when there is none. */
export async function runUnderWay(
  operations: Operations,
  departure: string,
  operation: string,
): Promise<Run | undefined> {
  const run = await operations.ask('run.read', { store: 'tenant-move' });
  if (run?.operation !== operation || run.request.departure !== departure) return undefined;
  if (run.state === 'running') return run;
  if (run.state === 'failed' || run.state === 'paused') return operations.ask('run.resume', { store: 'tenant-move' });
  return undefined;
}

/** Throws `usage` when a step is not done that has to come before. */
export function mustBeDone(at: string | null, what: string, hint: string): void {
  if (at === null) throw new DistributaryError('usage', what, { hint });
}

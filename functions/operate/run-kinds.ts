import { archiveRun } from './archive-run.ts';
import { backfill } from './backfill.ts';
import { driftRun } from './drift-run.ts';
import { eraseRun } from './erase-run.ts';
import { rebuild } from './rebuild.ts';
import { replay } from './replay.ts';
import { rotateKeysRun } from './rotate-keys.ts';
import type { RunKind } from './run-kind.ts';
import { tenantMoveRun } from './tenant-move.ts';

/** Every kind of long work, by the `operation` of its runs. */
export const RUN_KINDS: readonly RunKind[] = [
  rebuild,
  backfill,
  replay,
  driftRun,
  archiveRun,
  eraseRun,
  tenantMoveRun,
  rotateKeysRun,
];

export const runKind = (operation: string): RunKind | undefined => RUN_KINDS.find(kind => kind.operation === operation);

import { backfill } from '../backfill/backfill.ts';
import { replay } from '../backfill/replay.ts';
import { driftRun } from '../drift/drift-run.ts';
import { eraseRun } from '../erase/erase-run.ts';
import { archiveRun } from '../lifecycle/archive-run.ts';
import { rotateKeysRun } from '../lifecycle/rotate-keys.ts';
import { tenantMoveRun } from '../lifecycle/tenant-move.ts';
import { rebuild } from '../rebuild/rebuild.ts';
import { tenantOpenRun } from '../transfer/open-run.ts';
import { tenantRemoveRun } from '../transfer/remove-run.ts';
import type { RunKind } from './run-kind.ts';

/** Every kind of long work, by the `operation` of its runs. */
export const RUN_KINDS: readonly RunKind[] = [
  rebuild,
  backfill,
  replay,
  driftRun,
  archiveRun,
  eraseRun,
  tenantMoveRun,
  tenantOpenRun,
  tenantRemoveRun,
  rotateKeysRun,
];

export const runKind = (operation: string): RunKind | undefined => RUN_KINDS.find(kind => kind.operation === operation);

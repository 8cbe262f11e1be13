import type { Command } from '../command.ts';
import { archiveCommand } from './archive.ts';
import { auditCommand } from './audit.ts';
import { backfillCommand } from './backfill.ts';
import { benchCommand } from './bench.ts';
import { canaryCommand } from './canary.ts';
import { cancelCommand } from './cancel.ts';
import { contractCommand } from './contract.ts';
import { costCommand } from './cost.ts';
import { demoCommand } from './demo.ts';
import { devCommand } from './dev.ts';
import { doctorCommand } from './doctor.ts';
import { driftCommand } from './drift.ts';
import { drillCommand } from './drill.ts';
import { eraseCommand } from './erase.ts';
import { importCommand } from './import.ts';
import { keysCommand } from './keys.ts';
import { newCommand } from './new-projector.ts';
import { rebuildCommand } from './rebuild.ts';
import { redriveCommand } from './redrive.ts';
import { replayCommand } from './replay.ts';
import { retentionCommand } from './retention.ts';
import { retireCommand } from './retire.ts';
import { rollbackCommand } from './rollback.ts';
import { runsCommand } from './runs.ts';
import { shadowCommand } from './shadow.ts';
import { statusCommand } from './status.ts';
import { tenantCommand } from './tenant.ts';
import { tokenCommand } from './token.ts';

/** In the order in which help lists them. */
// biome-ignore lint/suspicious/noExplicitAny: each command knows its own options; commander has checked them
export const COMMANDS: readonly Command<any>[] = [
  devCommand,
  importCommand,
  statusCommand,
  redriveCommand,
  doctorCommand,
  driftCommand,
  rebuildCommand,
  rollbackCommand,
  shadowCommand,
  canaryCommand,
  cancelCommand,
  runsCommand,
  auditCommand,
  backfillCommand,
  replayCommand,
  eraseCommand,
  retentionCommand,
  retireCommand,
  archiveCommand,
  tenantCommand,
  keysCommand,
  contractCommand,
  costCommand,
  demoCommand,
  drillCommand,
  newCommand,
  benchCommand,
  tokenCommand,
];

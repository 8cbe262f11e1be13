import { DistributaryError } from '../../core/errors.ts';
import type { Command } from '../command.ts';
import { tenantCloseCommand } from './tenant-close.ts';
import { tenantExportCommand } from './tenant-export.ts';
import { tenantImportCommand } from './tenant-import.ts';
import { tenantMoveCommand } from './tenant-move.ts';
import { tenantOpenCommand } from './tenant-open.ts';
import { tenantRemoveCommand } from './tenant-remove.ts';
import { tenantStayCommand } from './tenant-stay.ts';

export const tenantCommand: Command = {
  usage: 'tenant',
  summary: 'move a tenant, to another one or to another deployment',
  examples: [{ line: 'distributary help tenant', what: 'what it takes' }],
  options: [],
  commands: [
    tenantMoveCommand,
    tenantExportCommand,
    tenantStayCommand,
    tenantImportCommand,
    tenantCloseCommand,
    tenantOpenCommand,
    tenantRemoveCommand,
  ],

  async run() {
    throw new DistributaryError('usage', 'tenant does nothing by itself');
  },
};

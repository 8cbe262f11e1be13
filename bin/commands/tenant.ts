import { DistributaryError } from '../../core/errors.ts';
import type { Command } from '../command.ts';
import { tenantMoveCommand } from './tenant-move.ts';

export const tenantCommand: Command = {
  usage: 'tenant',
  summary: 'move a tenant',
  examples: [{ line: 'distributary help tenant', what: 'what it takes' }],
  options: [],
  commands: [tenantMoveCommand],

  async run() {
    throw new DistributaryError('usage', 'tenant does nothing by itself');
  },
};

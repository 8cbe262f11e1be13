import { DistributaryError } from '../../core/errors.ts';
import type { Command } from '../command.ts';
import { tenantMoveCommand } from './tenant-move.ts';

export const tenantCommand: Command = {
  usage: 'tenant',
  summary: 'move a tenant',
  examples: [{ line: 'distributary tenant move 11aa… --to 22bb…', what: 'all of its cases and parties' }],
  options: [],
  commands: [tenantMoveCommand],

  async run() {
    throw new DistributaryError('usage', 'tenant does nothing by itself');
  },
};

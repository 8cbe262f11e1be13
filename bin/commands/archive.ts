import { DistributaryError } from '../../core/errors.ts';
import type { Command } from '../command.ts';
import { archiveSealCommand } from './archive-seal.ts';
import { archiveVerifyCommand } from './archive-verify.ts';

export const archiveCommand: Command = {
  usage: 'archive',
  summary: 'prove an archive, or bring its manifest up to date',
  examples: [{ line: 'distributary archive verify ./copy', what: 'whether everything is there as it was written' }],
  options: [],
  commands: [archiveVerifyCommand, archiveSealCommand],

  async run() {
    throw new DistributaryError('usage', 'archive does nothing by itself');
  },
};

import { DistributaryError } from '../../core/errors.ts';
import type { Command } from '../command.ts';
import { keysRotateCommand } from './keys-rotate.ts';

export const keysCommand: Command = {
  usage: 'keys',
  summary: 'rotate the keys of protected fields',
  examples: [{ line: 'distributary keys rotate case-timeline', what: 'every value under the current key' }],
  options: [],
  commands: [keysRotateCommand],

  async run() {
    throw new DistributaryError('usage', 'keys does nothing by itself');
  },
};

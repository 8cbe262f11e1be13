import { DistributaryError } from '../../core/errors.ts';
import type { Command } from '../command.ts';
import { drillAuthorizationCommand } from './drill-authorization.ts';
import { drillErasureCommand } from './drill-erasure.ts';

export const drillCommand: Command = {
  usage: 'drill',
  summary: 'try a promise on a running system, and report',
  examples: [
    { line: 'distributary drill authorization', what: 'whether anybody is shown what the policy refuses' },
    { line: 'distributary drill erasure', what: 'whether an erasure leaves a trace' },
  ],
  options: [],
  commands: [drillAuthorizationCommand, drillErasureCommand],

  async run() {
    throw new DistributaryError('usage', 'drill does nothing by itself');
  },
};

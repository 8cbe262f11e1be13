import { DistributaryError } from '../../core/errors.ts';
import type { Command } from '../command.ts';
import { contractExportCommand } from './contract-export.ts';
import { contractLintCommand } from './contract-lint.ts';
import { contractAdrCommand, contractRunbookCommand } from './contract-pages.ts';
import { contractPlanCommand } from './contract-plan.ts';
import { contractAuthorityCommand, contractMatrixCommand } from './contract-tables.ts';

export const contractCommand: Command = {
  usage: 'contract',
  summary: 'ask the contracts: checklist, authority, matrix, plan, pages, exports',
  description: 'Each of these reads contracts/ only, and needs nothing that runs.',
  examples: [
    { line: 'distributary contract lint', what: 'what every store has to answer, and what it did not' },
    { line: 'distributary contract plan main', what: 'what a change of the contracts asks for' },
    { line: 'distributary contract runbook case-search', what: 'what to type when one of its alarms rings' },
  ],
  options: [],
  commands: [
    contractLintCommand,
    contractMatrixCommand,
    contractAuthorityCommand,
    contractAdrCommand,
    contractRunbookCommand,
    contractPlanCommand,
    contractExportCommand,
  ],

  async run() {
    throw new DistributaryError('usage', 'contract does nothing by itself');
  },
};

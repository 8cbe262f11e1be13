import { decisionRecord } from '../../core/governance/decision-record.ts';
import { alarmsOf, runbook } from '../../core/governance/runbook.ts';
import type { StoreContract } from '../../core/store-contract.ts';
import { type Command, EXIT } from '../command.ts';
import { catalogueAt, chosenStores, type RootOptions, rootOption } from './contract-root.ts';

export const contractAdrCommand: Command<RootOptions> = {
  usage: 'adr <store>',
  summary: "write a store's architecture decision record out of its contract",
  examples: [{ line: 'distributary contract adr case-search', what: 'as Markdown' }],
  options: [rootOption()],

  async run([store = ''], options, { terminal, json }) {
    const [contract] = chosenStores(catalogueAt(options), store) as [StoreContract];
    const text = decisionRecord(contract);
    terminal.print(
      json ? JSON.stringify({ store, decision: contract.governance?.decision ?? null, text }) : text.trimEnd(),
    );
    return EXIT.fine;
  },
};

export const contractRunbookCommand: Command<RootOptions> = {
  usage: 'runbook <store>',
  summary: 'say of each alarm of a store what it means, what to type, and what is then to be seen',
  examples: [{ line: 'distributary contract runbook case-search', what: 'as Markdown' }],
  options: [rootOption()],

  async run([store = ''], options, { terminal, json }) {
    const [contract] = chosenStores(catalogueAt(options), store) as [StoreContract];
    const text = runbook(contract);
    terminal.print(json ? JSON.stringify({ store, alarms: alarmsOf(contract), text }) : text.trimEnd());
    return EXIT.fine;
  },
};

import { authorityFindings, authorityMap } from '../../core/governance/authority.ts';
import { isProblem } from '../../core/governance/finding.ts';
import { promisesOf } from '../../core/governance/pages.ts';
import { responsibilityMatrix } from '../../core/governance/responsibility-matrix.ts';
import { type Command, EXIT } from '../command.ts';
import { tableLines } from '../terminal/table.ts';
import { catalogueAt, type RootOptions, rootOption } from './contract-root.ts';

export const contractMatrixCommand: Command<RootOptions> = {
  usage: 'matrix',
  summary: 'show who owns which data, in which store, and what may be expected of it',
  examples: [{ line: 'distributary contract matrix', what: 'the responsibility matrix' }],
  options: [rootOption()],

  async run(_args, options, { terminal, json }) {
    const rows = responsibilityMatrix(catalogueAt(options));
    if (json) terminal.print(JSON.stringify(rows));
    else {
      const lines = tableLines(rows, [
        { title: 'data responsibility', of: ({ responsibility }) => responsibility },
        { title: 'owner', of: ({ owner }) => owner },
        { title: 'store', of: ({ store }) => store },
        { title: 'store type', of: ({ storeType }) => storeType },
        { title: 'consistency', of: ({ consistency }) => consistency },
        { title: 'rebuildable?', of: ({ rebuildable }) => rebuildable },
      ]);
      for (const line of lines) terminal.print(line);
    }
    return EXIT.fine;
  },
};

export const contractAuthorityCommand: Command<RootOptions> = {
  usage: 'authority',
  summary: 'show who decides every fact, and where its copies are',
  description: `A fact is a value of an aggregate's state, traced back to the column it is kept in. Exits 1 when a fact has two
writers, or none.`,
  examples: [{ line: 'distributary contract authority', what: 'the authority map' }],
  options: [rootOption()],

  async run(_args, options, { terminal, json }) {
    const catalogue = catalogueAt(options);
    const { facts, made } = authorityMap(catalogue);
    const problems = authorityFindings(catalogue).filter(isProblem);
    const rows = facts.map(fact => ({ ...fact, ...promisesOf(catalogue, fact.copies) }));
    if (json) terminal.print(JSON.stringify({ facts: rows, made, problems }));
    else {
      const lines = tableLines(rows, [
        { title: 'fact', of: ({ fact }) => fact },
        { title: 'decided by', of: ({ decidedBy }) => decidedBy?.team ?? 'nobody' },
        { title: 'in', of: ({ decidedBy }) => decidedBy?.where },
        {
          title: 'copies',
          of: ({ copies, repeatedIn }) => [...repeatedIn.map(path => `state ${path}`), ...copies].join(', '),
        },
        { title: 'freshness', of: ({ freshness }) => freshness },
      ]);
      for (const line of lines) terminal.print(line);
      for (const { field, of } of made) terminal.print(`${field} is made of ${of.join(', ')} by its projector`);
      for (const { place, message, hint } of problems) {
        terminal.print(`${terminal.paint('bad', `${place.file}:${place.line ?? 1}: ${message}`)}\n  hint: ${hint}`);
      }
    }
    return problems.length > 0 ? EXIT.found : EXIT.fine;
  },
};

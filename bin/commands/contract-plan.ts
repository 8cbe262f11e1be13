import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { Catalogue } from '../../core/catalogue.ts';
import { contractPlan } from '../../core/governance/contract-plan.ts';
import { needsAnOperator, type PlanStep } from '../../core/governance/plan-step.ts';
import { readCatalogueOf } from '../../lib/team-catalogue.ts';
import { type Command, EXIT } from '../command.ts';
import { catalogueAtRevision } from '../contracts-in-git.ts';
import { tableLines } from '../terminal/table.ts';
import type { Tone } from '../terminal/terminal.ts';

const TONES: Readonly<Record<PlanStep['action'], Tone>> = {
  nothing: 'faint',
  deploy: 'good',
  rebuild: 'warning',
  'new store': 'warning',
  retire: 'bad',
};
/** How much of a value a table shows, in characters. */
const SHOWN_CHARS = 40;

export const contractPlanCommand: Command = {
  usage: 'plan <old> [new]',
  summary: 'say what a change of the contracts asks for',
  description: `OLD and NEW are folders with contracts/ in them, or git revisions; without NEW it is this folder as it lies there. Each
change asks for nothing, a deployment, a rebuild, a new store or a retirement, and says why. Exits 0 when a deployment
carries it out, 1 when somebody has to rebuild, introduce or retire a store.`,
  examples: [
    { line: 'distributary contract plan main', what: 'what differs from branch main' },
    { line: 'distributary contract plan v1.2 v1.3', what: 'between two revisions' },
  ],
  options: [],

  async run([old = '', now = '.'], _options, { terminal, json }) {
    const steps = contractPlan(catalogueOf(old), catalogueOf(now));
    const operator = steps.filter(needsAnOperator);
    if (json) terminal.print(JSON.stringify({ steps, operatorNeeded: operator.length > 0 }));
    else if (steps.length === 0) terminal.print('nothing differs');
    else {
      const lines = tableLines(steps, [
        { title: 'action', of: ({ action }) => terminal.paint(TONES[action], action) },
        { title: 'of', of: ({ subject }) => subject },
        { title: 'key', of: ({ key }) => key },
        { title: 'from', of: ({ from }) => short(from) },
        { title: 'to', of: ({ to }) => short(to) },
        { title: 'because', of: ({ reason }) => reason },
      ]);
      for (const line of lines) terminal.print(line);
    }
    return operator.length > 0 ? EXIT.found : EXIT.fine;
  },
};

/** A folder wins over a revision of the same name; `contracts` itself is taken for what it lies in. */
function catalogueOf(place: string): Catalogue {
  const folder = resolve(place);
  if (!existsSync(folder)) return catalogueAtRevision(place, process.cwd());
  return readCatalogueOf(
    basename(folder) === 'contracts' && existsSync(resolve(folder, 'stores')) ? dirname(folder) : folder,
  );
}

function short(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length <= SHOWN_CHARS ? text : `${text.slice(0, SHOWN_CHARS)}…`;
}

import { Option } from 'commander';
import { DistributaryError } from '../../core/errors.ts';
import { PROJECTED_ENGINES } from '../../core/store-contract.ts';
import { type Command, EXIT } from '../command.ts';
import type { ScaffoldedEngine } from '../scaffold/projector-files.ts';

interface NewProjectorOptions {
  readonly engine: ScaffoldedEngine;
  readonly aggregate: string;
  readonly owner: string;
  readonly repository?: string;
}

const NAME = /^[a-z][a-z0-9-]{0,40}$/;

const newProjectorCommand: Command<NewProjectorOptions> = {
  usage: 'projector <name>',
  summary: 'a new store: contract, projector and test, here or in a repository of its own',
  description: 'What it writes passes lint, types and its test as it stands. It overwrites nothing.',
  examples: [
    { line: 'distributary new projector case-headlines', what: 'a table, in this repository' },
    { line: 'distributary new projector case-audit --engine s3', what: 'Parquet files' },
    {
      line: 'distributary new projector headlines --repository ../headlines',
      what: 'a repository of your own, with its stack',
    },
  ],
  options: [
    new Option('--engine <engine>', 'what keeps the documents').choices(PROJECTED_ENGINES).default('dynamodb'),
    new Option('--aggregate <name>', 'what the documents are made of').default('case'),
    new Option('--owner <team>', 'the team that answers for it').default('your-team'),
    new Option('--repository <folder>', 'a repository of a team (default: this one, of the pipeline)'),
  ],
  async run([store = ''], options, { terminal, json }) {
    if (!NAME.test(store)) {
      const hint = 'kebab-case of 41 characters at most, e.g. case-headlines';
      throw new DistributaryError('usage', `"${store}" is no name of a store`, { hint });
    }
    const { scaffold } = await import('../scaffold/scaffold.ts');
    const done = scaffold({ store, ...options });
    if (json) terminal.print(JSON.stringify(done));
    else
      for (const line of [...done.written.map(path => `wrote ${path}`), '', ...nextSteps(store, done)])
        terminal.print(line);
    return EXIT.fine;
  },
};

function nextSteps(store: string, { root, isFresh }: { root: string; isFresh: boolean }): readonly string[] {
  if (root === '.')
    return ['npm run generate   (the pages of all stores)', `npm test -- test/${store}.test.ts`, 'npm start'];
  if (isFresh)
    return [
      `cd ${root}`,
      'npm install   (where distributary is in no registry: npm pack in the pipeline, then npm install FILE.tgz)',
      'npm test',
      `npx distributary dev --with ${root}   (in the pipeline)`,
    ];
  return [`add to the stack in ${root}/app.ts:`, `  new TeamProjection(app, '${store}');`];
}

export const newCommand: Command = {
  usage: 'new',
  summary: 'something to begin with: a projector',
  examples: [{ line: 'distributary new projector case-headlines', what: 'a new store' }],
  options: [],
  commands: [newProjectorCommand],
  async run() {
    throw new DistributaryError('usage', 'distributary new: what', { hint: 'see distributary new --help' });
  },
};

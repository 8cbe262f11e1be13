import { InvalidArgumentError, Option } from 'commander';
import { readEndpoints } from '../../local/endpoints.ts';
import { type Command, EXIT } from '../command.ts';
import { dataDirOption } from './data-dir.ts';

const MAX_BACKLOG = 200_000;

interface DrillOptions {
  readonly dataDir: string;
  readonly backlog: number;
}

export const drillAuthorizationCommand: Command<DrillOptions> = {
  usage: 'authorization',
  summary: 'ask the API for everything as everybody, and compare with the policy',
  description: `On a local mode that runs: people of every role and cases of every kind are made up, each asks for every operation and
query, and each answer is compared with the policy. Then a case is restricted behind a backlog of ordinary changes: no read
through the API may show it from then on, and the report says when each store had it. What was made up is taken away again.
Exits 0 only if nothing was shown or done that the policy refuses, or refused that it allows.`,
  examples: [
    { line: 'distributary drill authorization --json', what: 'the report, for a record' },
    { line: 'distributary drill authorization --backlog 50000', what: 'with more changes before the restriction' },
  ],
  options: [
    dataDirOption(),
    new Option('--backlog <changes>', 'ordinary changes right before the restriction')
      .argParser(number)
      .default(10_000),
  ],

  async run(_args, { dataDir, backlog }, session) {
    const { drillAuthorization } = await import('../drills/authorization.ts');
    const { authorizationLines } = await import('../drills/shown-authorization.ts');
    const drill = await drillAuthorization(readEndpoints(dataDir), { dataDir, backlog }, session);
    const { terminal, json } = session;
    if (json) terminal.print(JSON.stringify(drill));
    else for (const line of authorizationLines(drill)) terminal.print(line);
    return drill.passed ? EXIT.fine : EXIT.found;
  },
};

function number(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= MAX_BACKLOG) return value;
  throw new InvalidArgumentError(`a whole number from 1 to ${MAX_BACKLOG}`);
}

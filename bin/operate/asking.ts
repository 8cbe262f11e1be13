import { userInfo } from 'node:os';
import { Option } from 'commander';
import { readEndpoints } from '../../local/endpoints.ts';
import { dataDirOption } from '../commands/data-dir.ts';
import { deployedOperations, localOperations, type Operations } from '../operations.ts';

/** Which operations function is asked, by whom, and why. */
export interface AskingOptions {
  readonly dataDir: string;
  readonly function?: string;
  readonly actor: string;
  readonly reason: string;
}

export const askingOptions = (): readonly Option[] => [
  dataDirOption(),
  new Option(
    '--function <name>',
    "a deployed operations function instead of local mode: distributary-operate, or distributary-operate-STORE of a team's own store",
  ),
  new Option('--actor <name>', 'who asks, for the audit log').default(userName(), 'the user of this machine'),
  new Option('--reason <text>', 'why, for the audit log').default('asked at the command line'),
];

/** Asks before anything is destroyed; `--yes` does without. */
export const yesOption = (): Option => new Option('--yes', 'do not ask first');

/** Throws `not-running` when no local mode runs on the folder. */
export async function withOperations<Result>(
  { dataDir, function: functionName, actor, reason }: AskingOptions,
  work: (operations: Operations) => Promise<Result>,
): Promise<Result> {
  const asking = { actor, reason };
  const operations =
    functionName === undefined
      ? localOperations(readEndpoints(dataDir), asking)
      : deployedOperations(functionName, asking);
  try {
    return await work(operations);
  } finally {
    operations.close();
  }
}

/** A container may run as a user that nobody has named. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return process.env.USER ?? 'unknown';
  }
}

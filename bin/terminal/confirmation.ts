import { createInterface } from 'node:readline/promises';
import { DistributaryError } from '../../core/errors.ts';
import type { Session } from '../command.ts';

/**
 * Shows what is going to happen and asks. Throws `usage` where nobody can be asked: what destroys something shall not
 * happen because of a missing terminal.
 */
export async function confirm(
  question: string,
  plan: readonly string[],
  yes: boolean,
  { terminal, json, signal }: Session,
): Promise<boolean> {
  if (!json || !yes) for (const line of plan) terminal.note(line);
  if (yes) return true;
  if (!terminal.interactive || process.stdin.isTTY !== true) {
    throw new DistributaryError('usage', `${question} There is nobody to ask`, { hint: 'say --yes' });
  }
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const said = await asking.question(`${question} [y/N] `, { signal });
    return /^y(es)?$/i.test(said.trim());
  } finally {
    asking.close();
  }
}

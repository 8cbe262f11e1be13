import { findRealParts } from '../local/search/real.ts';

const parts = await findRealParts(process.env);

/** What OpenSearch lacks on this machine; nothing where it runs. */
export const realLacks = 'missing' in parts ? parts.missing : undefined;

/** The same tests on both search engines; where OpenSearch cannot run they are skipped by name. */
export function onBothEngines(testOn: (choice: 'real' | 'embedded') => void): void {
  const suite = realLacks === undefined ? describe : describe.skip;
  suite(`on real OpenSearch${realLacks === undefined ? '' : ` (${realLacks})`}`, () => testOn('real'));
  describe('on the embedded stand-in', () => testOn('embedded'));
}

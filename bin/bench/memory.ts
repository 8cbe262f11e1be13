import type { LocalMode } from '../../local/local-mode.ts';
import type { Figure } from './figures.ts';

const MOST_MEGABYTES = 256;
const MEGABYTE = 2 ** 20;

/** The most that an instance of each function has ever used, of all that worked on changes. */
export async function memoryFigures({ status }: LocalMode): Promise<readonly Figure[]> {
  const { functions } = await status();
  return functions
    .filter(({ name }) => /-(relay|project|compact)/.test(name))
    .map(({ name, peakBytes }) => ({
      name: `memory of ${name.replace(/^distributary-/, '')}`,
      value: peakBytes / MEGABYTE,
      unit: 'MB',
      aim: { most: MOST_MEGABYTES },
      note: 'resident, at most',
    }));
}

import { loadavg } from 'node:os';
import type { Machine } from '../bench/machine.ts';

/** What the drill has found, as a page under docs/ for those who did not run it. */
export function rebuildPage(
  command: string,
  { cores, memoryGigabytes, processor, system, load }: Machine,
  lines: readonly string[],
) {
  const [at] = new Date().toISOString().split('T');
  return [
    '# The rebuild drill',
    '',
    `Written by \`${command}\`: a store rebuilt while it is changed, read and killed, then readers moved back and forward again.`,
    '',
    `- ${at}`,
    `- ${processor}, ${cores} cores, ${memoryGigabytes} GB, ${system}; load before ${load.toFixed(1)}, after ${loadavg()[0]!.toFixed(1)}`,
    '',
    '```',
    ...lines.filter(line => line !== ''),
    '```',
    '',
  ].join('\n');
}

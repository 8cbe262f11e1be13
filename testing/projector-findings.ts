import { isDeepStrictEqual } from 'node:util';
import type { JsonObject } from '../core/change.ts';
import { DistributaryError, type ErrorCode } from '../core/errors.ts';
import type { Stored } from '../core/store.ts';
import type { ProjectorBench, Sent } from './projector-bench.ts';

/** Enough to see what is wrong; the rest would bury it. */
const MAX_SHOWN_CHARACTERS = 300;
const MAX_DIFFERENCES = 3;

/** The store holds what a rebuild out of these changes would give, and nothing else. */
export async function expectRebuilt(bench: ProjectorBench, sent: readonly Sent[], after: string): Promise<void> {
  const held = new Map<string, Stored>();
  for await (const stored of bench.store.scan(bench.target, {})) held.set(stored.key, stored);
  const rebuilt = rebuild(bench, sent);
  const keys = new Set([...held.keys(), ...rebuilt.keys()]);
  const wrong = [...keys].filter(key => !isDeepStrictEqual(plain(held.get(key)), plain(rebuilt.get(key))));
  if (wrong.length === 0) return;
  const lines = wrong
    .slice(0, MAX_DIFFERENCES)
    .map(key => `  ${key}: the store holds ${shown(held.get(key))}\n    a rebuild gives ${shown(rebuilt.get(key))}`);
  throw new Error(`after ${after}, ${wrong.length} of ${keys.size} documents are wrong\n${lines.join('\n')}`);
}

/** The newest change of each key that the projector can make something of. */
function rebuild(bench: ProjectorBench, sent: readonly Sent[]): ReadonlyMap<string, Stored> {
  const rebuilt = new Map<string, Stored>();
  for (const change of sent.toSorted((a, b) => a.n - b.n)) {
    try {
      rebuilt.set(change.key, bench.write(change));
    } catch (error) {
      if (!(error instanceof DistributaryError)) throw error;
    }
  }
  return rebuilt;
}

/** Exactly these were refused, each for good, and the failed message can be sent again as it is. */
export function expectRefused({ letters }: ProjectorBench, codes: readonly ErrorCode[], what: string): void {
  const found = letters.map(({ error }) => error.code);
  if (isDeepStrictEqual(found, codes)) return;
  const said = letters.map(({ error }) => `  ${error.describe()}`).join('\n');
  throw new Error(
    `${what}: ${found.join(', ') || 'nothing'} in the failed queue instead of ${codes.join(', ') || 'nothing'}\n${said}`,
  );
}

export const shortly = (value: unknown): string => {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length <= MAX_SHOWN_CHARACTERS ? text : `${text.slice(0, MAX_SHOWN_CHARACTERS)}… (${text.length})`;
};

const shown = (stored: Stored | undefined): string =>
  stored ? `version ${stored.version % 2 ** 40}, ${shortly(stored.document)}` : 'nothing';

const plain = (stored: Stored | undefined): JsonObject | undefined =>
  stored && JSON.parse(JSON.stringify({ ...stored }));

import { isDeepStrictEqual } from 'node:util';
import type { Answers, Asked, Hit, Question, Side } from '../../../core/shadow.ts';
import type { Store, Stored, Target } from '../../../core/store.ts';

/** Results that readers see at first. */
export const FIRST = 20;

export const hitOf = ({ key, tenant, version }: Stored): Hit => ({ key, tenant, version });

export const mayShow = (stored: Stored, principal: Question['principal']): boolean =>
  stored.document !== null && (principal.kind === 'everyone' || principal.tenant === stored.tenant);

interface Found {
  total: number;
  readonly hits: Hit[];
}

/**
 * Answers all the questions in one pass through both targets, for an engine that would look at everything for each. A key
 * at two versions has a change on its way, and is left out of both sides: the comparison of digests has seen to it.
 */
export async function askInOnePass(
  store: Store,
  targets: Readonly<Record<Side, Target>>,
  questions: readonly Question[],
): Promise<readonly Answers[]> {
  const found = (): readonly Found[] => questions.map(() => ({ total: 0, hits: [] }));
  const sides = { current: found(), candidate: found() };
  const times = { current: 0, candidate: 0 };
  const count = (side: Side, stored: Stored) => {
    for (const [index, { query, principal }] of questions.entries()) {
      if (!fits(stored, query) || !mayShow(stored, principal)) continue;
      const one = sides[side][index]!;
      one.total += 1;
      if (one.hits.length < FIRST) one.hits.push(hitOf(stored));
    }
  };
  for await (const pair of inStep(store, targets, times)) {
    if (pair.current && pair.candidate && pair.current.version !== pair.candidate.version) continue;
    if (pair.current) count('current', pair.current);
    if (pair.candidate) count('candidate', pair.candidate);
  }
  const answer = (side: Side, index: number): Asked => ({
    ok: true,
    ...sides[side][index]!,
    milliseconds: times[side] / questions.length,
  });
  return questions.map((_, index) => ({ current: answer('current', index), candidate: answer('candidate', index) }));
}

const fits = (stored: Stored, { key, where = {} }: Question['query']): boolean =>
  (key === undefined || stored.key === key) &&
  Object.entries(where).every(([field, value]) => isDeepStrictEqual(stored.document?.[field], value));

type Pair = Partial<Readonly<Record<Side, Stored>>>;

/** Both targets' documents in key order, those of one key together. */
async function* inStep(
  store: Store,
  targets: Readonly<Record<Side, Target>>,
  times: Record<Side, number>,
): AsyncGenerator<Pair> {
  const [current, candidate] = [store.scan(targets.current, {}), store.scan(targets.candidate, {})].map(scan =>
    scan[Symbol.asyncIterator](),
  ) as [AsyncIterator<Stored>, AsyncIterator<Stored>];
  const next = async (side: Side, iterator: AsyncIterator<Stored>) => {
    const start = performance.now();
    const { value, done } = await iterator.next();
    times[side] += performance.now() - start;
    return done ? undefined : (value as Stored);
  };
  try {
    let [ours, theirs] = [await next('current', current), await next('candidate', candidate)];
    while (ours || theirs) {
      const isOurs = ours !== undefined && (theirs === undefined || ours.key <= theirs.key);
      const isTheirs = theirs !== undefined && (ours === undefined || theirs.key <= ours.key);
      yield { ...(isOurs && { current: ours! }), ...(isTheirs && { candidate: theirs! }) };
      if (isOurs) ours = await next('current', current);
      if (isTheirs) theirs = await next('candidate', candidate);
    }
  } finally {
    await current.return?.();
    await candidate.return?.();
  }
}

import type { Stored, Write } from '../core/store.ts';
import { compare, type Finding } from '../local/verification/comparison.ts';
import { deleted, hidden, keyBlock, live } from '../testing/store-samples.ts';

const { keys } = keyBlock(4);
const [first, second, third, fourth] = keys as [Write['key'], Write['key'], Write['key'], Write['key']];

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

/** Verdicts by key, with what the finding says. */
async function verdicts(expected: readonly Write[], held: readonly Stored[]): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for await (const finding of compare(each(expected), each(held))) findings.push(finding);
  return findings;
}
const verdict = async (expected: Write, held: Stored) => (await verdicts([expected], [held]))[0];

test('equal content agrees, however late it was committed', async () => {
  const wanted = [live(first, 3), hidden(second, 2)];
  const held = wanted.map(write => ({ ...write, committedAt: write.committedAt + 5 }));
  expect(await verdicts(wanted, held)).toEqual([
    { key: first, verdict: 'agrees', visible: true },
    { key: second, verdict: 'agrees', visible: false },
  ]);
});

test('what only one side has is missing, extra, or rightly gone', async () => {
  const findings = await verdicts(
    [live(second, 1), live(fourth, 1)],
    [live(first, 7), live(second, 1), deleted(third, 2)],
  );
  expect(findings.map(({ key, verdict }) => [key, verdict])).toEqual([
    [first, 'extra'],
    [second, 'agrees'],
    [third, 'gone'],
    [fourth, 'missing'],
  ]);
});

test('a tombstone of an aggregate that lives is missing its document', async () => {
  expect(await verdict(live(first, 3), deleted(first, 2))).toMatchObject({ verdict: 'stale' });
  expect(await verdict(live(first, 3), deleted(first, 3))).toMatchObject({ verdict: 'different' });
});

test('a hidden document that no canonical row explains is extra', async () => {
  expect(await verdicts([], [hidden(first, 2)])).toMatchObject([{ verdict: 'extra', visible: false }]);
});

test('an older version is stale, a newer one was never committed', async () => {
  const wanted = live(first, 3);
  expect(await verdict(wanted, live(first, 2))).toMatchObject({ verdict: 'stale' });
  expect(await verdict(wanted, live(first, 4))).toMatchObject({ verdict: 'different' });
});

test.each<[string, Partial<Stored>, string]>([
  ['digest', { digest: 1 }, 'other digest'],
  ['tenant', { tenant: '7e000000-0000-4000-8000-000000000002' as Stored['tenant'] }, 'other tenant'],
  ['value', { document: { ...live(first, 3).document, title: 'secret' } }, 'other values of title'],
  ['field too many', { document: { ...live(first, 3).document, more: 1 } }, 'other values of more'],
  ['field too few', { document: {} }, 'other values of title, status'],
  ['document hidden', { document: null }, 'hides a document'],
])('another %s at the same version is different', async (_, other, detail) => {
  const finding = await verdict(live(first, 3), { ...live(first, 3), ...other });
  expect(finding).toMatchObject({ verdict: 'different', detail: expect.stringContaining(detail) });
  expect(finding?.detail).not.toContain('secret');
});

test('null, an empty list and an absent field say the same', async () => {
  const wanted = live(first, 1, { title: 'a', tags: [], status: null });
  expect(await verdict(wanted, live(first, 1, { title: 'a' }))).toMatchObject({ verdict: 'agrees' });
  expect(await verdict(wanted, live(first, 1, { title: 'a', tags: null, urgent: null }))).toMatchObject({
    verdict: 'agrees',
  });
  expect(await verdict(wanted, live(first, 1, { title: 'a', tags: [''] }))).toMatchObject({ verdict: 'different' });
});

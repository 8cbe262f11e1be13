import { goesToCandidate } from '../core/canary.ts';
import {
  type Asked,
  type Hit,
  type Principal,
  type Question,
  type ShadowQuery,
  shadowGate,
  shadowReads,
} from '../core/shadow.ts';
import { type AggregateId, storedVersion, type TenantId } from '../core/version.ts';

const OURS = '00000000-0000-4000-8000-0000000000aa' as TenantId;
const THEIRS = '00000000-0000-4000-8000-0000000000bb' as TenantId;
const EVERYONE: Principal = { kind: 'everyone' };
const US: Principal = { kind: 'tenant', tenant: OURS };
const QUERY: ShadowQuery = { name: 'by status', where: { status: 'open' } };

const hit = (key: string, tenant = OURS): Hit => ({ key: key as AggregateId, tenant, version: storedVersion(0, 1) });
const answer = (hits: readonly Hit[], milliseconds = 5): Asked => ({
  ok: true,
  total: hits.length,
  hits,
  milliseconds,
});

/** Each side's answers, one after the other; the last of them again and again. */
function portsOf(current: readonly Asked[], candidate: readonly Asked[]) {
  const calls = { current: 0, candidate: 0 };
  let pauses = 0;
  return {
    pauses: () => pauses,
    ask: async (questions: readonly Question[]) => {
      const next = (side: 'current' | 'candidate', answers: readonly Asked[]) =>
        answers[Math.min(calls[side]++, answers.length - 1)]!;
      return questions.map(() => ({ current: next('current', current), candidate: next('candidate', candidate) }));
    },
    async pause() {
      pauses += 1;
    },
  };
}

test('equal answers pass', async () => {
  const same = answer([hit('a'), hit('b')]);
  const report = await shadowReads(portsOf([same], [same]), [QUERY], [EVERYONE, US]);
  expect(report).toMatchObject({ asked: 2, sameTotal: 2, overlap: 1, missing: 0, exposed: 0, differences: [] });
  expect(shadowGate(report)).toEqual({ passes: true, reasons: [] });
});

test('what differs at the first look only is a change on its way', async () => {
  const ports = portsOf([answer([hit('a')])], [answer([]), answer([hit('a')])]);
  const report = await shadowReads(ports, [QUERY], [EVERYONE]);
  expect([report.differences, ports.pauses()]).toEqual([[], 1]);
});

test('what is slow at the first look only is a machine that was busy', async () => {
  const failed: Asked = { ok: false, code: 'store-unavailable', milliseconds: 1 };
  const ports = portsOf([answer([hit('a')], 20)], [answer([hit('a')], 500), failed, answer([hit('a')], 110)]);
  const report = await shadowReads(ports, [QUERY], [EVERYONE]);
  expect(report.p95Milliseconds).toEqual({ current: 20, candidate: 110 });
  expect([shadowGate(report).reasons, ports.pauses()]).toEqual([[], 2]);
});

test.each<[string, Asked, Asked, Principal, string]>([
  ['a missing record', answer([hit('a'), hit('b')]), answer([hit('a'), hit('c')]), US, '1 first results are missing'],
  [
    'a record that is not ours',
    answer([hit('a')]),
    answer([hit('a', THEIRS)]),
    US,
    '1 results are not for those who asked',
  ],
  [
    'another number of results',
    answer([hit('a')]),
    answer([hit('a'), hit('b')]),
    EVERYONE,
    '1 of 1 answers have another number of results',
  ],
  [
    'an error',
    answer([]),
    { ok: false, code: 'store-unavailable', milliseconds: 1 },
    EVERYONE,
    '1 queries fail on the candidate, 0 on the current target',
  ],
  [
    'a slow candidate',
    answer([hit('a')], 20),
    answer([hit('a')], 500),
    EVERYONE,
    "p95 is 500 ms, the current target's 20 ms",
  ],
])('the gate stays shut for %s', async (_what, current, candidate, principal, reason) => {
  const { passes, reasons } = shadowGate(await shadowReads(portsOf([current], [candidate]), [QUERY], [principal]));
  expect(passes).toBe(false);
  expect(reasons).toContain(reason);
});

test('by relevance the first results may differ where their number does not', async () => {
  const ports = portsOf([answer([hit('a'), hit('b')])], [answer([hit('b'), hit('c')])]);
  const report = await shadowReads(ports, [{ name: 'words', text: 'fee' }], [EVERYONE]);
  expect(report).toMatchObject({ missing: 0, overlap: 0.5 });
  expect(shadowGate(report).reasons).toEqual(['the first results agree by 50.0% only']);
});

test('nothing asked is nothing proven', async () => {
  expect(shadowGate(await shadowReads(portsOf([], []), [], [EVERYONE])).passes).toBe(false);
});

test('a canary takes its share of readers, each of them always, and named use cases as a whole', () => {
  const canary = { candidate: 'green', percent: 20, useCases: ['report'] };
  const readers = Array.from({ length: 2000 }, (_, index) => `reader-${index}`);
  const chosen = readers.filter(reader => goesToCandidate(canary, 'search', reader, 0.99));
  expect(chosen.length / readers.length).toBeCloseTo(0.2, 1);
  expect(chosen.every(reader => goesToCandidate(canary, 'other', reader, 0))).toBe(true);
  expect(readers.every(reader => goesToCandidate(canary, 'report', reader, 0.99))).toBe(true);
  expect([0.1, 0.3].map(dice => goesToCandidate(canary, 'search', undefined, dice))).toEqual([true, false]);
});

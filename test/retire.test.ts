import { DRIFT_KINDS } from '../core/drift.ts';
import {
  type Compared,
  judgeStep,
  MAX_PROOF_HOURS,
  RETIRE_STEPS,
  type RetireFacts,
  type RetireStep,
  retireStatus,
} from '../core/retire.ts';
import type { Target } from '../core/store.ts';
import { driftMemoSchema } from '../functions/operate/drift/drift-memo.ts';
import { reportDrift } from '../functions/operate/drift/drift-report.ts';
import { changeRetirement, retireFacts } from '../functions/operate/retire/retirement.ts';
import { QUIET, STORE, World } from './rebuild-world.ts';

const NO_COUNTS = Object.fromEntries(DRIFT_KINDS.map(kind => [kind, 0]));

const DAY = 86_400_000;
const NOW = 100 * DAY;

/** A comparison of all of it, of yesterday, that found nothing. */
const PROOF: Compared = { at: NOW - DAY, isOfCurrent: true, isWhole: true, mismatches: 0, unjudged: 0 };
const PART: Compared = { ...PROOF, at: NOW - DAY / 2, isWhole: false };

const FRESH: RetireFacts = {
  now: NOW,
  servedUseCases: ['timeline'],
  lastReads: new Map([['timeline', NOW - DAY]]),
  quietMs: 30 * DAY,
  frozen: false,
  writesStopped: false,
  replacement: null,
  compared: [],
  archivedTo: null,
  approval: null,
  targets: ['timeline.1'],
  deployed: true,
  documentedIn: ['README.md'],
  attested: [],
};
const OVER: RetireFacts = {
  ...FRESH,
  lastReads: new Map([['timeline', NOW - 31 * DAY]]),
  frozen: true,
  writesStopped: true,
  replacement: 'search',
  compared: [PROOF],
  archivedTo: 's3://archive/timeline',
  approval: { by: 'Records office', notBefore: NOW },
  targets: [],
  deployed: false,
  documentedIn: [],
};

const kinds = (facts: RetireFacts) =>
  Object.fromEntries(retireStatus(facts).map(({ step, state }) => [step, state.kind]));

test('a store at the end of its way has all ten steps behind it', () => {
  expect(new Set(Object.values(kinds(OVER)))).toEqual(new Set(['done']));
  expect(RETIRE_STEPS).toHaveLength(10);
});

test('one step is due at a time, and those after it wait for it', () => {
  const status = kinds(FRESH);
  expect(status).toMatchObject({ consumers: 'done', telemetry: 'done', freeze: 'due', 'stop-writes': 'blocked' });
  expect(Object.values(status).filter(kind => kind === 'due')).toHaveLength(1);
});

test.each<[RetireStep, Partial<RetireFacts>, string]>([
  ['telemetry', { lastReads: new Map() }, 'blocked'],
  ['move', { lastReads: new Map([['timeline', NOW - 29 * DAY]]) }, 'blocked'],
  ['compare', { replacement: null }, 'blocked'],
  ['compare', { targets: ['timeline.1'], compared: [PART, PROOF] }, 'done'],
  ['compare', { targets: ['timeline.1'], compared: [{ ...PROOF, at: NOW - MAX_PROOF_HOURS * 3_600_000 }] }, 'done'],
  ['compare', { targets: [], compared: [] }, 'done'],
  ['stop-writes', { writesStopped: false }, 'due'],
  ['archive', { archivedTo: null }, 'due'],
  ['delete', { targets: ['timeline.1'], approval: null }, 'blocked'],
  ['delete', { targets: ['timeline.1'], approval: { by: 'x', notBefore: NOW + 1 } }, 'blocked'],
  ['delete', { targets: ['timeline.1'] }, 'due'],
  ['credentials', { deployed: true }, 'blocked'],
  ['documentation', { documentedIn: undefined }, 'blocked'],
  ['documentation', { documentedIn: ['docs/x.md'] }, 'blocked'],
])('%s with %j is %s', (step, change, kind) => {
  expect(judgeStep(step, { ...OVER, ...change }).kind).toBe(kind);
});

test.each<[string, readonly Compared[], string]>([
  ['nothing', [], 'nobody has compared all of it in the last 48 hours'],
  ['a part', [PART], 'nobody has compared all of it in the last 48 hours'],
  [
    'what was too long ago',
    [{ ...PROOF, at: NOW - MAX_PROOF_HOURS * 3_600_000 - 1 }],
    'nobody has compared all of it in the last 48 hours',
  ],
  ['differences', [{ ...PROOF, mismatches: 2 }], '2 of its documents differed at 1970-04-10T00:00:00.000Z'],
  ['a part that differed since', [{ ...PART, mismatches: 2 }, PROOF], '2 of its documents differed'],
  ['a half without differences, behind one with them', [PART, { ...PART, mismatches: 500 }], '500 of its documents'],
  ['what could not be judged', [{ ...PROOF, unjudged: 1400 }], '1400 differences could not be judged'],
  ['another target', [{ ...PROOF, isOfCurrent: false }], 'its readers see another target'],
])('by %s no replacement is proven', (_what, compared, doubt) => {
  expect(judgeStep('compare', { ...OVER, targets: ['timeline.1'], compared })).toEqual({
    kind: 'blocked',
    what: expect.stringContaining(`search is not proven: ${doubt}`),
    todo: expect.stringMatching(/^distributary drift search proves it for 48 hours/),
  });
});

test('somebody may vouch for what the tool cannot see, and never for what it has to do', () => {
  const vouched = { ...FRESH, attested: RETIRE_STEPS.map(({ id }) => id) };
  expect(judgeStep('compare', vouched).kind).toBe('done');
  expect(judgeStep('documentation', vouched).kind).toBe('done');
  expect(judgeStep('stop-writes', vouched)).toMatchObject({ kind: 'due', destructive: true });
  expect(judgeStep('delete', vouched).kind).toBe('blocked');
});

describe('of a replacement', () => {
  const OLD = 'the-old-store';
  const CURRENT: Target = { store: STORE, name: `${STORE}.1.1` };
  const HALF = '80000000-0000-4000-8000-000000000000';

  /** What the checklist says after these comparisons, the last of which has just ended. */
  async function saidAfter(...memos: readonly object[]): Promise<string> {
    const world = await World.on(CURRENT, 29);
    const context = world.operate(QUIET);
    const outcome = <Result>(work: Promise<Result>) => world.time.outcome(work);
    await outcome(changeRetirement(context.control, OLD, { replacement: STORE }));
    for (const memo of memos) {
      const asked = { store: STORE, operation: 'drift', step: 'conclude', actor: 'a', reason: 'r', unit: 'rows' };
      const run = await outcome(context.runs.start({ ...asked, request: {} }));
      const report = reportDrift(run, driftMemoSchema.parse({ target: CURRENT.name, ...memo }), world.time.now);
      const ended = { state: 'done', finishedAt: world.time.now, report } as const;
      await outcome(context.runs.change(STORE, run.id, one => ({ ...one, ...ended })));
    }
    const facts = await outcome(retireFacts(context, OLD, { quietDays: 0, documentedIn: [] }));
    const state = judgeStep('compare', facts);
    return state.kind === 'blocked' ? state.what : state.kind;
  }

  const whole = { complete: true, rows: 2000 };

  test('a whole comparison without differences is the proof, whatever a part finds in order since', async () => {
    expect(await saidAfter(whole)).toBe('done');
    expect(await saidAfter(whole, { rows: 1000, cursor: HALF, stopped: true })).toBe('done');
  });

  test.each<[string, object[], string]>([
    ['none at all', [], 'nobody has compared all of it'],
    ['one that judged nothing, for its watermark stood still', [{ ...whole, unsettled: 1400 }], '1400 differences'],
    ['one that had no room for all', [{ ...whole, beyond: 3 }], '3 differences'],
    ['one of the second half', [{ ...whole, from: HALF }], 'nobody has compared all of it'],
    [
      'one of a target that readers have left',
      [{ ...whole, target: `${STORE}.1.0` }],
      'its readers see another target',
    ],
    [
      'one of each half, the first of which found differences',
      [
        { rows: 1000, cursor: HALF, stopped: true, counts: { ...NO_COUNTS, missing: 500 } },
        { ...whole, from: HALF },
      ],
      '500 of its documents differed',
    ],
  ])('%s proves nothing', async (_what, memos, doubt) => {
    expect(await saidAfter(...memos)).toContain(`${STORE} is not proven: ${doubt}`);
  });
});

import { judgeStep, RETIRE_STEPS, type RetireFacts, type RetireStep, retireStatus } from '../core/retire.ts';

const DAY = 86_400_000;
const NOW = 100 * DAY;

const FRESH: RetireFacts = {
  now: NOW,
  servedUseCases: ['timeline'],
  lastReads: new Map([['timeline', NOW - DAY]]),
  quietMs: 30 * DAY,
  frozen: false,
  writesStopped: false,
  replacement: null,
  replacementProven: false,
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
  replacementProven: true,
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
  ['compare', { replacementProven: false }, 'blocked'],
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

test('somebody may vouch for what the tool cannot see, and never for what it has to do', () => {
  const vouched = { ...FRESH, attested: RETIRE_STEPS.map(({ id }) => id) };
  expect(judgeStep('compare', vouched).kind).toBe('done');
  expect(judgeStep('documentation', vouched).kind).toBe('done');
  expect(judgeStep('stop-writes', vouched)).toMatchObject({ kind: 'due', destructive: true });
  expect(judgeStep('delete', vouched).kind).toBe('blocked');
});

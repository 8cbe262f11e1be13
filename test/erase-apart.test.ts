import type { JsonObject } from '../core/change.ts';
import type { OperateContext } from '../functions/operate/context.ts';
import type { BetweenStores } from '../functions/operate/erase/erasable-places.ts';
import { eraseRun } from '../functions/operate/erase/erase-run.ts';
import { queueOwner } from '../functions/operate/erase/listeners.ts';
import type { RunHandle } from '../functions/operate/runs/run-kind.ts';
import { QUIET, STORE, World } from './rebuild-world.ts';

/** An erasure beside stores that are in other hands: who is asked, who answers, and what is said of who does not. */

const storeOfQueue = queueOwner({
  [STORE]: {
    standard: `cases-${STORE}`,
    priority: `cases-${STORE}-priority`,
    failed: `cases-${STORE}-failed`,
    place: STORE,
  },
});
const queue = (name: string) => `arn:aws:sqs:eu-central-1:111122223333:${name}`;
const STRANGER = queue('copies-of-everything');
const CASE = '6f0c0000-0000-4000-8000-000000000000';
const ANSWER = {
  places: [{ place: 'case-headlines', what: 'documents buried', count: 3 }],
  traces: [{ place: 'case-headlines', what: 'archived versions that a lock or a hold keeps', count: 1 }],
};

test('a queue is whose name it has, in either lane; what is not named like ours is nobody’s', () => {
  expect(['cases-case-headlines', 'cases-case-headlines-priority'].map(name => storeOfQueue(queue(name)))).toEqual([
    'case-headlines',
    'case-headlines',
  ]);
  expect([STRANGER, 'somebody@example.com', 'arn:aws:lambda:x:1:function:cases-y'].map(storeOfQueue)).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

type Others = (context: OperateContext) => Promise<void>;

/** The step that asks, with time that passes at once; what others do before it, and beside it. */
async function asking(meanwhile: Others, before: Others = async () => {}) {
  const world = new World(1);
  const listeners = ['case-headlines', 'case-headlines-priority', 'case-ghost', STORE].map(name =>
    queue(`cases-${name}`),
  );
  const between = { listeners: async () => [...listeners, STRANGER], storeOfQueue } as Partial<BetweenStores>;
  const quiet = world.operate(QUIET);
  const context: OperateContext = {
    ...quiet,
    erasable: { between: between as BetweenStores, facts: () => undefined },
    connection: { ...quiet.connection, query: async () => [] },
  };
  const began = world.time.now;
  let memo: JsonObject = { verdicts: { [CASE]: 'gone' } };
  const handle = {
    get run() {
      return { id: 'run-1', request: { cases: [CASE], again: false }, memo };
    },
    save: async (patch: { memo: JsonObject }) => {
      memo = { ...memo, ...patch.memo };
    },
    sleep: (milliseconds: number) => context.clock.sleep(milliseconds),
  } as unknown as RunHandle;
  const both = before(context).then(() => Promise.all([eraseRun.steps.apart!(handle, context), meanwhile(context)]));
  const [next] = await world.time.outcome(both);
  const items: string[] = [];
  for await (const { group, name, body } of context.control.list('store#case-headlines'))
    items.push(`${group} ${name} ${JSON.stringify(body)}`);
  return { next, memo, items, minutes: (world.time.now - began) / 60_000 };
}

const GROUP = 'store#case-headlines';
const answer = async ({ control, clock }: OperateContext, name: string, after: number) => {
  await clock.sleep(after);
  const asked = (await control.read(GROUP, name))!;
  await control.swap(GROUP, name, asked.revision, { ...asked.body, answer: ANSWER });
};

test('every store that gets the changes is asked; one that does not answer is waited for, but not for ever, and is named', async () => {
  const { next, memo, minutes } = await asking(context => answer(context, 'erase#run-1', 60_000));
  expect(next).toBe('scan');
  expect(memo).toMatchObject({
    places: ANSWER.places,
    apart: {
      stores: ['case-ghost', 'case-headlines'],
      silent: ['case-ghost'],
      strangers: [STRANGER],
      traces: ANSWER.traces,
    },
  });
  expect(minutes).toBeGreaterThan(14);
  expect(minutes).toBeLessThan(16);
});

test('answers of former erasures are cleared away; what nobody has answered yet stays to be done', async () => {
  const asked = { cases: [CASE], again: false };
  const before: Others = async ({ control }) => {
    await control.swap(GROUP, 'erase#run-0', 0, { ...asked, answer: null });
    await control.swap(GROUP, 'erase#run-00', 0, { ...asked, answer: ANSWER });
  };
  const { items } = await asking(async () => {}, before);
  expect(items).toEqual([
    expect.stringContaining('erase#run-0'),
    expect.stringMatching(/erase#run-1 .*"again":false,"answer":null/),
  ]);
});

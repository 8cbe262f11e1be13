import fc from 'fast-check';
import type { Budget } from '../functions/api/rate-budget.ts';
import { AT_ONCE, PER_SECOND, PER_WINDOW, RateLimit, UNASKED, WINDOW_SECONDS } from '../functions/api/rate-limit.ts';

/** Several instances of the API's functions, one person, and a budget that answers late, not at all, or so that nobody hears it. */

const WINDOW_MS = WINDOW_SECONDS * 1000;
const INSTANCES = 20;
const MAX_SKEW_MS = 1500;

type Fate = 'fine' | 'late' | 'lost answer' | 'down';

/** Requests that come together, by the instance that each of them meets, so many milliseconds after those before. */
interface Arrival {
  readonly afterMs: number;
  readonly at: readonly number[];
}
interface Plan {
  readonly skews: readonly number[];
  readonly arrivals: readonly Arrival[];
  readonly fates: readonly Fate[];
}

interface Load {
  /** As many instances are met at once, of the first so many, and so many times. */
  readonly atOnce: number;
  readonly instances: number;
  readonly times: number;
}
/** Beyond the budget of a window. */
const MUCH: Load = { atOnce: 1, instances: INSTANCES, times: 80 };
/** Less than half of it, on so many instances that a slice too large for what each is asked would use all of it up. */
const LITTLE: Load = { atOnce: 14, instances: 16, times: 8 };

const plans = (fates: readonly Fate[], { atOnce, instances, times }: Load = MUCH): fc.Arbitrary<Plan> =>
  fc.record({
    skews: fc.array(fc.integer({ min: 0, max: MAX_SKEW_MS }), { minLength: INSTANCES, maxLength: INSTANCES }),
    arrivals: fc.array(
      fc.record({
        afterMs: fc.oneof(
          { weight: 20, arbitrary: fc.integer({ min: 0, max: 200 }) },
          { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 * WINDOW_MS }) },
        ),
        at: fc.shuffledSubarray([...Array(instances).keys()], { minLength: atOnce, maxLength: instances }),
      }),
      { minLength: times / 2, maxLength: times, size: 'max' },
    ),
    fates: fc.array(fc.constantFrom(...fates), { minLength: 1, maxLength: 12 }),
  });

interface Answered {
  readonly instance: number;
  readonly window: number;
  readonly isIn: boolean;
  readonly by: string;
}

async function play({ skews, arrivals, fates }: Plan) {
  let [clock, asked, alone] = [1_700_000_000_000, 0, 0];
  const taken = new Map<number, number>();
  const budget: Budget = {
    async take(_person, window, wanted) {
      const fate = fates[asked++ % fates.length]!;
      for (let turns = fate === 'late' ? 20 : 1; turns > 0; turns--) await undefined;
      if (fate === 'down') throw new Error('no answer');
      const before = taken.get(window) ?? 0;
      const given = Math.min(wanted, Math.max(0, PER_WINDOW - before));
      taken.set(window, before + given);
      if (fate === 'lost answer') throw new Error('no answer');
      return { taken: given, rest: PER_WINDOW - before - given };
    },
  };
  const onAlone = () => {
    alone += 1;
  };
  const instances = skews.map(skew => new RateLimit({ budget, onAlone, now: () => clock + skew }));
  const answered: Answered[] = [];
  for (const { afterMs, at } of arrivals) {
    clock += afterMs;
    const together = at.map(async instance => {
      const { waitSeconds, headers } = await instances[instance]!.take('ann');
      const window = Math.floor((clock + skews[instance]!) / WINDOW_MS);
      answered.push({ instance, window, isIn: waitSeconds === 0, by: headers.ratelimit.split(';')[0]! });
    });
    await Promise.all(together);
  }
  return { answered, asked, alone };
}

function mostIn(answered: readonly Answered[], keyOf: (one: Answered) => unknown): number {
  const counts = new Map<unknown, number>();
  for (const one of answered.filter(({ isIn }) => isIn)) counts.set(keyOf(one), (counts.get(keyOf(one)) ?? 0) + 1);
  return Math.max(0, ...counts.values());
}

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const check = (plan: fc.Arbitrary<Plan>, holds: (plan: Plan) => Promise<void>) =>
  fc.assert(fc.asyncProperty(plan, holds), { numRuns: 60, seed, endOnFailure: true });

beforeAll(() => console.log(`SEED=${seed}`));

test('a person gets no more through in a window than the budget, and a few of each instance that it was not asked for', () =>
  check(plans(['fine', 'late']), async plan => {
    const { answered, asked, alone } = await play(plan);
    expect(mostIn(answered, ({ window }) => window)).toBeLessThanOrEqual(PER_WINDOW + INSTANCES * UNASKED);
    expect(alone).toBe(0);
    expect(asked * UNASKED).toBeLessThanOrEqual(answered.length);
  }));

test('who asks for less than half of it is not refused for what instances keep for others', () =>
  check(plans(['fine', 'late'], LITTLE), async plan => {
    const { answered } = await play(plan);
    const asked = mostIn(
      answered.map(one => ({ ...one, isIn: true })),
      ({ window }) => window,
    );
    fc.pre(asked < PER_WINDOW / 2);
    expect(answered.filter(({ isIn, by }) => !isIn && by === '"person"')).toEqual([]);
  }));

test('a budget that does not answer, or is not heard, lets through what is counted, within the limit of each instance', () =>
  check(plans(['fine', 'lost answer', 'down']), async plan => {
    const { answered, alone } = await play(plan);
    const shared = mostIn(answered, ({ window }) => window) - alone;
    expect(shared).toBeLessThanOrEqual(PER_WINDOW + INSTANCES * UNASKED);
    expect(mostIn(answered, ({ window, instance }) => `${window} ${instance}`)).toBeLessThanOrEqual(
      AT_ONCE + PER_SECOND * WINDOW_SECONDS,
    );
  }));

test('without an answer the API is as open as each instance has it by itself', () =>
  check(plans(['down']), async plan => {
    const { answered, alone } = await play(plan);
    expect(answered.filter(({ isIn, by }) => !isIn && by === '"person"')).toEqual([]);
    const unasked = answered.filter(({ isIn }) => isIn).length - alone;
    const shares = new Set(answered.map(({ window, instance }) => `${window} ${instance}`)).size;
    expect(unasked).toBeLessThanOrEqual(shares * UNASKED);
  }));

test('at the limit somebody is refused until the window ends, at no cost, and nobody else is', async () => {
  let now = 1_700_000_000_000;
  let asked = 0;
  const left = new Map<string, number>();
  const budget: Budget = {
    async take(person, window, wanted) {
      asked += 1;
      const rest = left.get(`${person} ${window}`) ?? PER_WINDOW;
      left.set(`${person} ${window}`, Math.max(0, rest - wanted));
      return { taken: Math.min(rest, wanted), rest: Math.max(0, rest - wanted) };
    },
  };
  const instances = Array.from({ length: 10 }, () => new RateLimit({ budget, now: () => now }));
  const verdicts = [];
  for (let round = 0; round < 50; round++) for (const instance of instances) verdicts.push(await instance.take('ann'));
  expect(verdicts.filter(({ waitSeconds }) => waitSeconds === 0)).toHaveLength(PER_WINDOW + instances.length * UNASKED);
  const { waitSeconds, headers } = verdicts.at(-1)!;
  expect(waitSeconds).toBe(WINDOW_SECONDS);
  expect(headers).toEqual({
    'ratelimit-policy': '"at-once";q=60;w=3, "person";q=260;w=10',
    ratelimit: `"person";r=0;t=${WINDOW_SECONDS}`,
  });
  const before = asked;
  for (const instance of instances) await instance.take('ann');
  expect(asked).toBe(before);
  expect((await instances[0]!.take('bob')).waitSeconds).toBe(0);
  now += WINDOW_MS;
  expect((await instances[0]!.take('ann')).waitSeconds).toBe(0);
});

test('one instance lets so many through at once, whoever else there is, and more as seconds pass', async () => {
  let now = 0;
  const limit = new RateLimit({ now: () => now });
  const take = async (person: string) => (await limit.take(person)).waitSeconds;
  const waits: number[] = [];
  for (let asked = 0; asked < 100; asked++) waits.push(await take('ann'));
  expect(waits.filter(wait => wait === 0)).toHaveLength(AT_ONCE);
  expect(await take('ann')).toBe(1);
  expect(await take('bob')).toBe(0);
  now += 1000;
  expect(await take('ann')).toBe(0);
});

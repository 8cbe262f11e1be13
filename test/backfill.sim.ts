import fc from 'fast-check';
import { DistributaryError } from '../core/errors.ts';
import type { Target } from '../core/store.ts';
import type { OperateContext } from '../functions/operate/context.ts';
import { advance } from '../functions/operate/runs/advancing.ts';
import { QUIET, STORE, World } from './rebuild-world.ts';

/** A backfill reads several ranges at once. What ends one of them for good is what the run says, whichever it is and when. */

const TARGET: Target = { store: STORE, name: `${STORE}.1.1` };
const CASES = 12;
/** Behind it every case is read. */
const REPLICA_LAG_MS = 5_000;
const ASKED = { actor: 'sim', reason: 'a test', unit: 'rows', request: {} };
const DEFECT = new DistributaryError('state-invalid', 'a row that nobody can read');

/** Reads that begin after a case fail: at once, while others wait for theirs. */
function failingAfter(number: number, world: World): OperateContext {
  const context = world.operate(QUIET);
  const keys = [...world.rows.keys()].sort();
  const { read } = context.canonical;
  return {
    ...context,
    canonical: {
      ...context.canonical,
      read: async (aggregate, page) => {
        if (page.after !== undefined && page.after >= keys[number]!) throw DEFECT;
        return read(aggregate, page);
      },
    },
  };
}

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
console.log(`SEED=${seed}`);

test('whatever range cannot be read, the run fails with its reason', async () => {
  const course = fc.record({ world: fc.nat(), broken: fc.nat(CASES - 4) });
  const property = fc.asyncProperty(course, async given => {
    const world = await World.on(TARGET, given.world);
    for (let number = 0; number < CASES; number++) world.commit(number, false);
    await world.time.outcome(world.time.after(REPLICA_LAG_MS));
    const context = failingAfter(given.broken, world);
    await world.time.outcome(context.runs.start({ ...ASKED, store: STORE, operation: 'backfill', step: 'backfill' }));
    await world.time.outcome(advance(context, STORE));
    const { state, error } = (await world.time.outcome(context.runs.read(STORE)))!;
    expect({ state, error: error?.code }).toEqual({ state: 'failed', error: DEFECT.code });
  });
  await fc.assert(property, { seed, numRuns: 50 });
});

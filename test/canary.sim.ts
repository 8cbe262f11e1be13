import type { Target } from '../core/store.ts';
import { storeGroup } from '../functions/control-items.ts';
import type { OperateContext } from '../functions/operate/context.ts';
import { sweepTargets } from '../functions/operate/rebuild/former-targets.ts';
import { rebuildRollback } from '../functions/operate/rebuild/rebuild-rollback.ts';
import { advance } from '../functions/operate/runs/advancing.ts';
import { runCancel } from '../functions/operate/runs/run-cancel.ts';
import { canarySet } from '../functions/operate/shadow/canary.ts';
import { CANARY, readCanary, reads } from '../functions/reads.ts';
import { type Chances, QUIET, STORE, World } from './rebuild-world.ts';

/**
 * A canary beside what moves readers and takes targets away, each killed at every one of its moments: nobody is sent to
 * what was rolled back or is no longer fed, and a canary that names another candidate stays.
 */

const [BLUE, GREEN, OTHER] = ['1', '2', '3'].map((name): Target => ({ store: STORE, name: `${STORE}.1.${name}` })) as [
  Target,
  Target,
  Target,
];
const ASKED = { actor: 'sim', reason: 'a test' };
const LEASE_MS = 10_000;

/** Readers see blue; green and another are fed besides, and everybody is sent to one of them; a rebuild is at this step. */
async function rebuildingAt(step: string, canary?: Target, { seed = 23, rollbackWindowSeconds = 3_600 } = {}) {
  const world = await World.on(BLUE, seed);
  for (const target of [GREEN, OTHER]) {
    await world.store.create(target);
    await world.control().startBuilding(target);
  }
  const quiet = world.operate(QUIET);
  const outcome = <Result>(work: Promise<Result>) => world.time.outcome(work);
  await outcome(
    quiet.runs.start({
      ...{ store: STORE, operation: 'rebuild', step, unit: 'rows', ...ASKED },
      request: { rollbackWindowSeconds, accept: false },
      memo: { blue: BLUE.name, green: GREEN.name },
    }),
  );
  const send = (to: Target, context = quiet) => canarySet.run(sending(to), context);
  if (canary) await outcome(send(canary));
  return {
    world,
    quiet,
    outcome,
    send,
    rollBack: () => outcome(rebuildRollback.run({ store: STORE, ...ASKED }, quiet)),
    goOn: () => outcome(world.time.after(LEASE_MS).then(() => advance(quiet, STORE))),
    current: async () => (await world.control().readTargets(STORE)).current,
    canary: async () => (await readCanary(world.control(), STORE))?.candidate,
    /** Where a reader goes who knows nothing yet. */
    reader: async () => (await reads(world.control(), () => world.time.now).targetFor(STORE, 'any', 'somebody')).target,
  };
}

const sending = ({ store, name }: Target) => ({ store, candidate: name, percent: 100, useCases: [], ...ASKED });

/** Whether the process was killed before its work was done. */
async function isKilledAt(
  moment: number,
  world: World,
  work: (context: OperateContext) => Promise<unknown>,
): Promise<boolean> {
  let isOver = false;
  const context = world.operate({ ...QUIET, killAt: moment });
  const ended = work(context).finally(() => {
    isOver = true;
  });
  await world.time.runUntil(() => isOver);
  if (isOver) await ended;
  return !isOver;
}

/** Does this for each moment of a process's life, from the first to the one at which it has done its work. */
async function everyMoment(live: (moment: number) => Promise<boolean>): Promise<number> {
  for (let moment = 1; ; moment++) if (!(await live(moment))) return moment - 1;
}

test('a cutover that keeps no way back open, killed anywhere and swept after, never loses the target that readers go to', async () => {
  const kills = await everyMoment(async moment => {
    const { world, quiet, outcome, goOn, ...its } = await rebuildingAt('cutover', undefined, {
      rollbackWindowSeconds: 0,
    });
    const sweep = () => outcome(sweepTargets(quiet, quiet.store(STORE)));
    const isKilled = await isKilledAt(moment, world, context => advance(context, STORE));
    await sweep();
    const { current, building } = await world.control().readTargets(STORE);
    expect([current, ...building]).toContainEqual(GREEN);
    await goOn();
    expect(await its.current()).toEqual(GREEN);
    for (let minute = 0; minute < 30; minute++) await outcome(sweep().then(() => world.time.after(60_000)));
    expect(await its.current()).toEqual(GREEN);
    expect(await world.store.inspect(GREEN)).toEqual([]);
    expect((await world.control().readTargets(STORE)).building).toEqual([OTHER]);
    return isKilled;
  });
  expect(kills).toBeGreaterThan(10);
});

describe.each([
  ['the new target', GREEN],
  ['another candidate', OTHER],
])('with a canary on %s', (_what, canary) => {
  /** Where readers shall be when they are moved to this. */
  const at = (target: Target) => (canary === OTHER ? OTHER : target);
  const left = canary === OTHER ? OTHER.name : undefined;

  test('a cutover that is killed anywhere leaves no canary behind that a rollback brings back, and undoes no rollback', async () => {
    const kills = await everyMoment(async moment => {
      const { world, quiet, outcome, goOn, reader, rollBack, ...its } = await rebuildingAt('cutover', canary);
      const isKilled = await isKilledAt(moment, world, context => advance(context, STORE));
      expect(await reader()).toEqual(at(GREEN));
      // What is not through with it would take readers forward again.
      if ((await outcome(quiet.runs.read(STORE)))!.step === 'cutover') {
        await expect(rollBack()).rejects.toMatchObject({ code: 'run-refused' });
        await goOn();
        expect(await its.canary()).toBe(left);
        expect(await reader()).toEqual(at(GREEN));
      }
      await rollBack();
      await goOn();
      expect(await reader()).toEqual(at(BLUE));
      expect(await its.canary()).toBe(left);
      return isKilled;
    });
    expect(kills).toBeGreaterThan(10);
  });

  test('a rollback that is killed anywhere sends nobody to the target that is rolled back', async () => {
    const kills = await everyMoment(async moment => {
      const { world, goOn, reader, rollBack, ...its } = await rebuildingAt('cutover', OTHER);
      await goOn();
      // As one that came in between the cutover and a former rollback: nothing can name what readers see.
      const item = (await world.control().read(storeGroup(STORE), CANARY))!;
      const body = { candidate: canary.name, percent: 100, useCases: [] };
      await world.control().swap(storeGroup(STORE), CANARY, item.revision, body);
      const isKilled = await isKilledAt(moment, world, context =>
        rebuildRollback.run({ store: STORE, ...ASKED }, context),
      );
      if ((await its.current())!.name === GREEN.name) await rollBack();
      expect(await reader()).toEqual(at(BLUE));
      expect(await its.canary()).toBe(left);
      return isKilled;
    });
    expect(kills).toBeGreaterThan(10);
  });

  test('a rebuild that is taken back, killed anywhere, leaves no canary on its target, fed once more by mistake or not', async () => {
    const kills = await everyMoment(async moment => {
      const { world, quiet, outcome, goOn, reader, ...its } = await rebuildingAt('compare', canary);
      await outcome(runCancel.run({ store: STORE, ...ASKED }, quiet));
      const isKilled = await isKilledAt(moment, world, context => advance(context, STORE));
      await goOn();
      expect(await its.canary()).toBe(left);
      await world.control().startBuilding(GREEN);
      expect(await reader()).toEqual(at(BLUE));
      return isKilled;
    });
    expect(kills).toBeGreaterThan(10);
  });
});

test('a canary on the way back ends with the rollback: killed before that, it sends nobody anywhere, nor after the next move', async () => {
  await everyMoment(async moment => {
    const { world, outcome, goOn, send, reader, rollBack, ...its } = await rebuildingAt('cutover');
    await goOn();
    await outcome(send(BLUE));
    expect(await reader()).toEqual(BLUE);
    const isKilled = await isKilledAt(moment, world, context =>
      rebuildRollback.run({ store: STORE, ...ASKED }, context),
    );
    expect(await reader()).toEqual(BLUE);
    if ((await its.current())!.name === GREEN.name) await rollBack();
    else if (!isKilled) expect(await its.canary()).toBeUndefined();
    await rollBack();
    expect([await its.current(), await reader(), await its.canary()]).toEqual([GREEN, GREEN, undefined]);
    return isKilled;
  });
});

test('a canary that is asked for while readers are moved to its target is refused or ends with that', async () => {
  const outcomes = new Set<string>();
  const slow: Chances = { ...QUIET, slow: 0.5 };
  for (let seed = 1; seed <= 60; seed++) {
    const { world, outcome, send, rollBack, ...its } = await rebuildingAt('cutover', undefined, { seed });
    const asked = world.time.after(world.random(5_000)).then(() => send(GREEN, world.operate(slow)));
    const said = asked.then(
      () => 'done',
      ({ code }) => code,
    );
    const [how] = await outcome(Promise.all([said, advance(world.operate(slow), STORE)]));
    outcomes.add(how);
    expect([seed, await its.current(), await its.canary()]).toEqual([seed, GREEN, undefined]);
    await rollBack();
    expect([seed, await its.reader()]).toEqual([seed, BLUE]);
  }
  expect([...outcomes].sort()).toEqual(['done', 'store-unavailable', 'usage']);
});

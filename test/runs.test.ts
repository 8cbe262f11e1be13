import { jest } from '@jest/globals';
import type { JsonObject } from '../core/change.ts';
import type { Target } from '../core/store.ts';
import { storeGroup } from '../functions/control-items.ts';
import type { OperateContext, OperatedStore } from '../functions/operate/context.ts';
import { rebuildStart } from '../functions/operate/rebuild/rebuild-start.ts';
import { advance } from '../functions/operate/runs/advancing.ts';
import type { Run } from '../functions/operate/runs/run.ts';
import { runCancel } from '../functions/operate/runs/run-cancel.ts';
import { runResume } from '../functions/operate/runs/run-resume.ts';
import { runsAdvance } from '../functions/operate/runs/runs-advance.ts';
import { QUIET, STORE, World } from './rebuild-world.ts';

/** Runs of which something cannot be read, done or taken back: they stop themselves, nobody else, and not for ever. */

const ASKED = { actor: 'sim', reason: 'a test' };
const BLUE: Target = { store: STORE, name: `${STORE}.1.1` };
const FORMER: Target = { store: STORE, name: `${STORE}.1.0` };
const ILL = 'an-ill-store';
const REBUILD = { store: STORE, rollbackWindowSeconds: 60, accept: false, ...ASKED };

async function worldOnBlue() {
  const world = await World.on(BLUE, 17);
  for (let number = 0; number < 3; number++) world.commit(number, false);
  await world.time.runUntil(world.isQuiet);
  const context = world.operate(QUIET);
  return { world, context, outcome: <Result>(work: Promise<Result>) => world.time.outcome(work) };
}

describe('of two stores, the run and the window of one of which this version cannot read', () => {
  /** The ill one comes first everywhere; what is due for the other is a rebuild, and a target that leaves. */
  async function twoStores() {
    const { world, context: quiet, outcome } = await worldOnBlue();
    const well = quiet.store(STORE);
    const ill: OperatedStore = { ...well, name: ILL };
    const erasable = { between: undefined, facts: () => undefined };
    const queries: string[] = [];
    const connection = {
      ...quiet.connection,
      query: async (text: string) => {
        queries.push(text);
        return [];
      },
    };
    const store = (name: string) => (name === ILL ? ill : well);
    const context: OperateContext = { ...quiet, stores: [ill, well], store, erasable, connection };
    await world.store.create(FORMER);
    const started = await outcome(rebuildStart.run(REBUILD, context));
    const put = (group: string, name: string, body: object) =>
      outcome(context.control.swap(storeGroup(group), name, 0, body as JsonObject));
    await put(ILL, 'run', { ...started, store: ILL, ofANewerVersion: 1 });
    await put(ILL, 'rollback', { ofANewerVersion: 1 });
    await put(STORE, `leaving#${FORMER.name}`, { forgottenAt: 1 });
    await put(STORE, 'erase#run-1', { cases: [], again: false, answer: null });
    return { world, context, outcome, queries };
  }

  test('the other is worked on to the end and its targets are swept; what is wrong is thrown then, logged and counted', async () => {
    // Into the console, where it can be caught.
    Object.assign(process.env, { POWERTOOLS_DEV: 'true', POWERTOOLS_METRICS_DISABLED: 'false' });
    const shown: string[] = [];
    const spies = (['log', 'error'] as const).map(level =>
      jest.spyOn(console, level).mockImplementation((line: unknown) => void shown.push(String(line))),
    );
    const { world, context, outcome, queries } = await twoStores();
    const advanced = outcome(runsAdvance.run(ASKED, context));
    await expect(advanced).rejects.toMatchObject({
      code: 'control-malformed',
      message: expect.stringContaining(`${storeGroup(ILL)} run`),
    });
    for (const spy of spies) spy.mockRestore();
    expect(await outcome(context.runs.read(STORE))).toMatchObject({ state: 'done', error: null });
    await expect(world.store.inspect(FORMER)).rejects.toMatchObject({ code: 'target-missing' });
    // What a team's function was asked to erase it begins with what was deleted.
    expect(queries).toHaveLength(1);
    const ofIllStore = shown.filter(line => line.includes(ILL));
    expect(ofIllStore.filter(line => line.includes('"run_error_count":1'))).toHaveLength(2);
    for (const item of ['run', 'rollback']) {
      expect(ofIllStore).toContainEqual(expect.stringContaining(`control item ${storeGroup(ILL)} ${item}: `));
    }
  });
});

describe('a run that cannot be gone on with', () => {
  const change = (context: OperateContext, { id }: Run, changed: Partial<Run>) =>
    context.runs.change(STORE, id, run => ({ ...run, ...changed }));

  const ofAnotherVersion = async () => {
    const { context, outcome } = await worldOnBlue();
    const asked = { store: STORE, operation: 'of-a-newer-version', step: 'x', unit: 'rows', request: {}, ...ASKED };
    const run = await outcome(context.runs.start(asked));
    const worked = () => outcome(advance(context, STORE).then(() => context.runs.read(STORE)));
    return { context, outcome, run, worked };
  };

  test('for nobody here knows its kind makes room for the next once it is cancelled', async () => {
    const { context, outcome, worked } = await ofAnotherVersion();
    expect(await worked()).toMatchObject({ state: 'failed', error: { hint: expect.stringContaining('or cancel') } });
    await outcome(runCancel.run({ store: STORE, ...ASKED }, context));
    expect(await worked()).toMatchObject({ state: 'cancelled', error: null });
    expect(await outcome(rebuildStart.run(REBUILD, context))).toMatchObject({ state: 'running' });
  });

  test('is cancelled though it failed at the moment at which that was asked for', async () => {
    const { context, outcome, run, worked } = await ofAnotherVersion();
    let isAsked = false;
    const { change: changeRun } = context.runs;
    const runs: OperateContext['runs'] = {
      ...context.runs,
      // What takes the run is the first write of it; the request comes in between that and the next.
      async change(...args) {
        const changed = await changeRun(...args);
        if (!isAsked) await change(context, run, { wanted: 'cancel' });
        isAsked = true;
        return changed;
      },
    };
    await outcome(advance({ ...context, runs }, STORE));
    expect(isAsked).toBe(true);
    expect(await worked()).toMatchObject({ state: 'cancelled' });
  });

  test('for what it has done cannot be taken back is cancelled when that is asked again, and not resumed', async () => {
    const { context, outcome } = await worldOnBlue();
    const worked = () => outcome(advance(context, STORE).then(() => context.runs.read(STORE)));
    const cancelled = () => outcome(runCancel.run({ store: STORE, ...ASKED }, context)).then(worked);
    const run = await outcome(rebuildStart.run(REBUILD, context));
    await outcome(change(context, run, { memo: { green: 5 } }));
    const log = jest.spyOn(console, 'error').mockImplementation(() => {});
    expect(await cancelled()).toMatchObject({ state: 'failed', error: { message: 'taking it back threw ZodError' } });
    expect(await cancelled()).toMatchObject({ state: 'failed', wanted: 'cancel' });
    expect(log).toHaveBeenCalledTimes(2);
    log.mockRestore();
    await expect(outcome(runResume.run({ store: STORE, accept: false, ...ASKED }, context))).rejects.toMatchObject({
      code: 'run-refused',
      hint: expect.stringContaining(`distributary cancel ${STORE}`),
    });
    await outcome(change(context, run, { memo: {} }));
    expect(await cancelled()).toMatchObject({ state: 'cancelled', error: null });
  });
});

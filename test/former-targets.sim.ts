import type { AggregateId } from '../core/version.ts';
import type { OperateContext } from '../functions/operate/context.ts';
import type { ErasablePlaces } from '../functions/operate/erase/erasable-places.ts';
import { storeTraces } from '../functions/operate/erase/erase-scan.ts';
import { eraseFromStore } from '../functions/operate/erase/erase-stores.ts';
import { dismiss } from '../functions/operate/rebuild/former-targets.ts';
import { QUIET, STORE, World } from './rebuild-world.ts';

const BLUE = { store: STORE, name: `${STORE}.1.1` };
const GREEN = { store: STORE, name: `${STORE}.1.2` };

test('an erasure and its scan go to targets that leave, and do not mind one that has gone', async () => {
  const world = await World.on(BLUE, 5);
  const { time, store } = world;
  await store.create(GREEN);
  await world.control().startBuilding(GREEN);
  world.commit(0, false);
  await time.runUntil(world.isQuiet);
  const [row] = world.rows.values();
  const key = row!.key as AggregateId;
  const [held] = await Promise.all([store.read(GREEN, key)]);
  expect(held?.document).toBeTruthy();

  const erasable = { facts: () => undefined } as unknown as ErasablePlaces;
  const context: OperateContext = { ...world.operate(QUIET), erasable };
  const operated = context.store(STORE);
  const erased = [{ aggregate: 'case', key, tenant: held!.tenant, version: held!.version + 1, at: 1 }] as never;
  const traces = async () => (await time.outcome(storeTraces(context, operated, erased))).map(({ count }) => count);

  await time.outcome(dismiss(context, GREEN));
  expect((await world.control().readTargets(STORE)).building).toEqual([]);
  expect(await traces()).toEqual([2]);
  expect(await time.outcome(eraseFromStore(context, operated, erased))).toMatchObject([{ count: 2 }]);
  expect(await traces()).toEqual([0]);
  expect((await store.read(GREEN, key))?.document).toBeNull();

  await store.drop(GREEN);
  expect(await time.outcome(eraseFromStore(context, operated, erased))).toMatchObject([{ count: 1 }]);
  expect(await traces()).toEqual([0]);
});

import * as z from 'zod';
import { DistributaryError } from '../../../core/errors.ts';
import { writersForgetAt } from '../../../core/rebuild.ts';
import type { Target } from '../../../core/store.ts';
import { parseBody, storeGroup } from '../../control-items.ts';
import { TARGETS_TTL_SECONDS } from '../../control-targets.ts';
import type { OperateContext, OperatedStore } from '../context.ts';
import { isFinished } from '../runs/run.ts';
import { endCanary } from '../shadow/canary.ts';

/**
 * The way back after a cutover: the two targets between which readers can be moved, both fed, until the window ends. Then
 * the one that they do not see is dismissed.
 */
const windowSchema = z.strictObject({
  targets: z.tuple([z.string(), z.string()]),
  /** Milliseconds since 1970. */
  until: z.int(),
  /** When the way back was closed. */
  forgottenAt: z.int().nullable(),
});
export type RollbackWindow = z.infer<typeof windowSchema>;

const WINDOW = 'rollback';

type Ports = Pick<OperateContext, 'control' | 'clock'>;
type Sweeping = Pick<OperateContext, 'control' | 'clock' | 'runs'>;

export async function readWindow(
  { control }: Pick<Ports, 'control'>,
  store: string,
): Promise<RollbackWindow | undefined> {
  const item = await control.read(storeGroup(store), WINDOW);
  return item && parseBody(windowSchema, item);
}

/** Opens it, or keeps the one that these two have. */
export async function openWindow(
  { control, clock }: Ports,
  store: string,
  targets: readonly [string, string],
  seconds: number,
): Promise<void> {
  const item = await control.read(storeGroup(store), WINDOW);
  if (item && [...parseBody(windowSchema, item).targets].sort().join() === [...targets].sort().join()) return;
  const window: RollbackWindow = { targets: [...targets], until: clock.now() + seconds * 1000, forgottenAt: null };
  await control.swap(storeGroup(store), WINDOW, item?.revision ?? 0, window);
}

/**
 * Nobody can go back any more; whoever calls it sees to the former target. The window of `green` stays: who was frozen
 * before it is closed may be overtaken by the cutover that opens the next.
 */
export async function closeWindow({ control }: Pick<Ports, 'control'>, store: string, green: string): Promise<void> {
  const item = await control.read(storeGroup(store), WINDOW);
  if (!item || parseBody(windowSchema, item).targets.includes(green)) return;
  await control.remove(storeGroup(store), WINDOW, item.revision);
}

/** The target to go to: the one of the two that readers do not see. Throws `run-refused` when there is no way back. */
export async function otherTarget(context: Ports, store: string): Promise<Target> {
  const window = await readWindow(context, store);
  const { current } = await context.control.readTargets(store);
  const name = window?.targets.find(target => target !== current?.name);
  if (!window || name === undefined || window.forgottenAt !== null || window.until <= context.clock.now()) {
    const ended = window ? `; its window ended at ${new Date(window.until).toISOString()}` : '';
    throw new DistributaryError('run-refused', `${store} has no target to go back to${ended}`, {
      hint: 'a rebuild makes the next target from the canonical store',
    });
  }
  return { store, name };
}

/** A target that leaves: when it was taken from the writers, once it was. */
const leavingSchema = z.strictObject({ forgottenAt: z.int().nullable() });
const LEAVING = 'leaving#';
/** An invocation of this function lives no longer: one that was frozen may make or feed the target once more till then. */
const LINGER_MS = 900_000;

/**
 * Takes a target from the writers; once none of them can be at it any more it is removed, by the sweep of each minute, so
 * that nobody has to wait for that. Safe to repeat after a crash.
 */
export async function dismiss({ control, clock }: Ports, target: Target): Promise<void> {
  const [group, name] = [storeGroup(target.store), `${LEAVING}${target.name}`];
  // First the mark: a target that nobody feeds and nobody remembers would stay for ever.
  const marked = (await control.read(group, name))?.revision ?? (await control.swap(group, name, 0, MARK)) ?? 0;
  await control.forgetTarget(target);
  // Nobody is sent there any more, nor will be if somebody who was frozen feeds it once more.
  await endCanary(control, target);
  await control.swap(group, name, marked, { forgottenAt: clock.now() });
}
const MARK = { forgottenAt: null };

/** Every target that may hold something of a store: those that are fed, and `leaving` ones, which may be gone at any moment. */
export async function everyTarget(
  { control }: Pick<Ports, 'control'>,
  store: string,
): Promise<{ readonly targets: readonly Target[]; readonly leaving: readonly Target[] }> {
  const { current, building } = await control.readTargets(store);
  const leaving: Target[] = [];
  for await (const { name } of control.list(storeGroup(store), LEAVING)) {
    leaving.push({ store, name: name.slice(LEAVING.length) });
  }
  return { targets: [...(current ? [current] : []), ...building, ...leaving], leaving };
}

/** Does what is due for a store's former targets. Called each minute. */
export async function sweepTargets(context: Sweeping, operated: OperatedStore): Promise<void> {
  await sweepWindow(context, operated.name);
  await sweepLeaving(context, operated);
}

/** Dismisses the former target whose window has ended, unless readers are still on their way between the two. */
async function sweepWindow(context: Sweeping, store: string): Promise<void> {
  const { control, clock, runs } = context;
  const item = await control.read(storeGroup(store), WINDOW);
  if (!item) return;
  const window = parseBody(windowSchema, item);
  if (window.until > clock.now()) return;
  // A rebuild opens the window before it moves them: which of the two is the former one is known once it has ended.
  const run = await runs.read(store);
  if (run && !isFinished(run) && window.targets.includes(String(run.memo.green))) return;
  // First the mark: from then on nobody goes back to what is being taken away.
  const marked = await control.swap(storeGroup(store), WINDOW, item.revision, { ...window, forgottenAt: clock.now() });
  if (marked === undefined) return;
  const { current } = await control.readTargets(store);
  for (const name of window.targets) if (name !== current?.name) await dismiss(context, { store, name });
  await control.remove(storeGroup(store), WINDOW, marked);
}

async function sweepLeaving(context: Sweeping, { name: store, store: port, definition }: OperatedStore): Promise<void> {
  const { control, clock } = context;
  const times = { ttlSeconds: TARGETS_TTL_SECONDS, functionSeconds: definition.contract.delivery.timeout };
  const { building } = await control.readTargets(store);
  for await (const item of control.list(storeGroup(store), LEAVING)) {
    const target: Target = { store, name: item.name.slice(LEAVING.length) };
    const { forgottenAt } = parseBody(leavingSchema, item);
    // Whoever was frozen while it was dismissed may have added it once more.
    const isFed = building.some(({ name }) => name === target.name);
    if (forgottenAt === null || isFed) await dismiss(context, target);
    else if (clock.now() >= writersForgetAt(forgottenAt, times)) {
      await port.drop(target);
      const isOver = clock.now() >= forgottenAt + LINGER_MS;
      if (isOver) await control.remove(storeGroup(store), item.name, item.revision);
    }
  }
}

import * as z from 'zod';
import { DistributaryError } from '../../core/errors.ts';
import { writersForgetAt } from '../../core/rebuild.ts';
import type { Target } from '../../core/store.ts';
import { parseBody } from '../control-items.ts';
import { TARGETS_TTL_SECONDS } from '../control-targets.ts';
import type { OperateContext, OperatedStore } from './context.ts';

/**
 * The way back after a cutover: the two targets between which readers can be moved, both fed, until the window ends. Then
 * the one that they do not see is taken from the writers, and once no writer can be at it any more, removed.
 */
const windowSchema = z.strictObject({
  targets: z.tuple([z.string(), z.string()]),
  /** Milliseconds since 1970. */
  until: z.int(),
  /** When the former target was taken from the writers. */
  forgottenAt: z.int().nullable(),
});
export type RollbackWindow = z.infer<typeof windowSchema>;

const WINDOW = 'rollback';
const groupOf = (store: string): string => `store#${store}`;

type Ports = Pick<OperateContext, 'control' | 'clock'>;

export async function readWindow(
  { control }: Pick<Ports, 'control'>,
  store: string,
): Promise<RollbackWindow | undefined> {
  const item = await control.read(groupOf(store), WINDOW);
  return item && parseBody(windowSchema, item);
}

/** Opens it, or keeps the one that these two have. */
export async function openWindow(
  { control, clock }: Ports,
  store: string,
  targets: readonly [string, string],
  seconds: number,
): Promise<void> {
  const item = await control.read(groupOf(store), WINDOW);
  if (item && [...parseBody(windowSchema, item).targets].sort().join() === [...targets].sort().join()) return;
  const window: RollbackWindow = { targets: [...targets], until: clock.now() + seconds * 1000, forgottenAt: null };
  await control.swap(groupOf(store), WINDOW, item?.revision ?? 0, window);
}

/** Nobody can go back any more; whoever calls it sees to the former target. */
export async function closeWindow({ control }: Pick<Ports, 'control'>, store: string): Promise<void> {
  const item = await control.read(groupOf(store), WINDOW);
  if (item) await control.remove(groupOf(store), WINDOW, item.revision);
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

/** Takes a former target away whose window has ended. Called each minute; each call does what is due. */
export async function sweepWindow(
  context: Ports,
  { name: store, store: port, definition }: OperatedStore,
): Promise<void> {
  const { control, clock } = context;
  const item = await control.read(groupOf(store), WINDOW);
  if (!item) return;
  const window = parseBody(windowSchema, item);
  if (window.until > clock.now()) return;
  const { current } = await control.readTargets(store);
  const former = window.targets.filter(name => name !== current?.name).map((name): Target => ({ store, name }));
  if (window.forgottenAt === null) {
    // First the mark: from then on nobody goes back to what is being taken away.
    const marked = { ...window, forgottenAt: clock.now() };
    if (await control.swap(groupOf(store), WINDOW, item.revision, marked)) {
      for (const target of former) await control.forgetTarget(target);
    }
    return;
  }
  for (const target of former) await control.forgetTarget(target);
  const times = { ttlSeconds: TARGETS_TTL_SECONDS, functionSeconds: definition.contract.delivery.timeout };
  if (clock.now() < writersForgetAt(window.forgottenAt, times)) return;
  for (const target of former) await port.drop(target);
  await control.remove(groupOf(store), WINDOW, item.revision);
}

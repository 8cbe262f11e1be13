import * as z from 'zod';
import type { Canary } from '../../../core/canary.ts';
import { DistributaryError } from '../../../core/errors.ts';
import { hintOf } from '../../../core/hint.ts';
import type { Target } from '../../../core/store.ts';
import { type ControlItem, type ControlItems, parseBody, storeGroup } from '../../control-items.ts';
import { CANARY, canarySchema, lastReads, readCanary } from '../../reads.ts';
import type { OperateContext } from '../context.ts';
import { defineOperation, storeName } from '../operation.ts';

/** Where a store's reads go, and where they could. */
export interface CanaryView {
  readonly store: string;
  readonly current: string | null;
  readonly candidates: readonly string[];
  readonly canary: Canary | null;
  /** Use case → when it last read. */
  readonly lastReads: Readonly<Record<string, string>>;
}

export const canaryRead = defineOperation({
  name: 'canary.read',
  changes: false,
  request: { store: storeName },
  run: ({ store }, context) => view(store, context),
});

/** Sends a share of the reads, or named use cases, to a target that receives every write already; 0 of neither ends it. */
export const canarySet = defineOperation({
  name: 'canary.set',
  changes: true,
  request: {
    store: storeName,
    /** @default the only one there is */
    candidate: z.string().optional(),
    percent: z.number().min(0).max(100).default(0),
    useCases: z
      .array(z.string().regex(/^[a-z][a-z0-9_]{0,62}$/, 'is no snake_case identifier'))
      .max(100)
      .default([]),
  },
  async run({ store, candidate, percent, useCases }, context) {
    const { control } = context;
    const { name, definition } = context.store(store);
    if (percent === 0 && useCases.length === 0) {
      await end(control, name, () => true);
      return view(name, context);
    }
    const item = await control.read(storeGroup(name), CANARY);
    refuseUnknown(useCases, definition.contract.served_use_cases);
    const { building } = await control.readTargets(name);
    const names = building.map(target => target.name);
    const chosen = candidate ?? (names.length === 1 ? names[0]! : '');
    if (!names.includes(chosen)) {
      const what =
        candidate === undefined ? `${names.length} targets could be tried` : `no target ${candidate} receives writes`;
      const hint = names.length > 0 ? hintOf(chosen, names, 'targets') : `distributary rebuild ${name} makes one`;
      throw new DistributaryError('usage', what, { hint });
    }
    const body = { candidate: chosen, percent, useCases };
    if (!(await control.swap(storeGroup(name), CANARY, item?.revision ?? 0, body))) throw changed(name);
    // Whoever moved readers to it, or took it from the writers, has looked for a canary only after that.
    const now = await control.readTargets(name);
    if (!now.building.some(target => target.name === chosen)) {
      await endCanary(control, { store: name, name: chosen });
      throw changed(name);
    }
    return view(name, context);
  },
});

const changed = (store: string) =>
  new DistributaryError('store-unavailable', `the reads of ${store} were changed at this moment: look, and ask again`);

/** No canary sends readers to this target any more; one that names another stays. Safe to repeat. */
export const endCanary = (control: ControlItems, { store, name }: Target): Promise<void> =>
  end(control, store, item => parseBody(canarySchema, item).candidate === name);

/** Whoever loses this often is up against something that does not end. */
const MAX_REMOVALS = 20;

async function end(control: ControlItems, store: string, isMeant: (item: ControlItem) => boolean): Promise<void> {
  for (let removals = 0; removals < MAX_REMOVALS; removals++) {
    const item = await control.read(storeGroup(store), CANARY);
    if (!item || !isMeant(item)) return;
    if (await control.remove(storeGroup(store), CANARY, item.revision)) return;
  }
  throw changed(store);
}

function refuseUnknown(useCases: readonly string[], served: readonly string[]): void {
  const unknown = useCases.find(useCase => !served.includes(useCase));
  if (unknown === undefined) return;
  throw new DistributaryError('usage', `the contract serves no use case ${unknown}`, {
    hint: hintOf(unknown, [...served], 'use cases'),
  });
}

async function view(store: string, { control, ...context }: OperateContext): Promise<CanaryView> {
  const { name } = context.store(store);
  const { current, building } = await control.readTargets(name);
  const last = [...(await lastReads(control, name))].map(([useCase, at]) => [useCase, new Date(at).toISOString()]);
  return {
    store: name,
    current: current?.name ?? null,
    candidates: building.map(target => target.name),
    canary: (await readCanary(control, name)) ?? null,
    lastReads: Object.fromEntries(last),
  };
}

import * as z from 'zod';
import type { Canary } from '../../../core/canary.ts';
import { DistributaryError } from '../../../core/errors.ts';
import { hintOf } from '../../../core/hint.ts';
import { storeGroup } from '../../control-items.ts';
import { CANARY, lastReads, readCanary } from '../../reads.ts';
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
    const item = await control.read(storeGroup(name), CANARY);
    if (percent === 0 && useCases.length === 0) {
      if (item) await control.remove(storeGroup(name), CANARY, item.revision);
      return view(name, context);
    }
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
    if (!(await control.swap(storeGroup(name), CANARY, item?.revision ?? 0, body))) {
      throw new DistributaryError(
        'store-unavailable',
        `the reads of ${name} were changed at this moment: look, and ask again`,
      );
    }
    return view(name, context);
  },
});

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

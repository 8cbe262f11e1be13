import * as z from 'zod';
import type { Json, JsonObject } from '../../../core/change.ts';
import { DistributaryError } from '../../../core/errors.ts';
import { hintOf } from '../../../core/hint.ts';
import { type Gate, type ShadowQuery, type ShadowReport, shadowGate, shadowReads } from '../../../core/shadow.ts';
import type { AggregateId } from '../../../core/version.ts';
import { storeGroup } from '../../control-items.ts';
import { defineOperation, storeName } from '../operation.ts';
import { defaultPlan } from './shadow-defaults.ts';

const MAX_QUERIES = 200;
/** Between two looks at what differs or is slow: a projector's work, and an index's refresh. */
const PAUSE_MS = 1500;

/** What was asked for by name or by file; values are asked with, and never kept. */
export const shadowQuerySchema = z.strictObject({
  name: z.string().min(1).max(100),
  text: z.string().min(1).optional(),
  where: z.record(z.string(), z.custom<Json>()).optional(),
  index: z.string().optional(),
  key: z
    .uuid()
    .transform(key => key as AggregateId)
    .optional(),
});

export interface Shadowed {
  readonly store: string;
  readonly current: string;
  readonly candidate: string;
  readonly at: string;
  readonly report: ShadowReport;
  readonly gate: Gate;
}

/** The control item of the last one, by which a cutover or a retirement knows that there was one. */
export const SHADOW = 'shadow';

/** Asks both targets what readers ask, and says whether they may move. */
export const shadowAsk = defineOperation({
  name: 'shadow.ask',
  // Nothing that readers see; and the audit log would keep the values that are asked with.
  changes: false,
  request: {
    store: storeName,
    /** @default the only one there is */
    candidate: z.string().optional(),
    /** @default such as the contract's fields and indexes allow, with values of documents that are there */
    queries: z.array(shadowQuerySchema).max(MAX_QUERIES).optional(),
  },
  async run({ store, candidate, queries }, { control, clock, ...context }): Promise<Shadowed> {
    const { name, definition, questions, store: engine } = context.store(store);
    const { current, building } = await control.readTargets(name);
    if (!current) throw new DistributaryError('target-missing', `store ${name} has no current target`);
    const names = building.map(target => target.name);
    const other = building.find(target => target.name === (candidate ?? names[0]));
    if (!other || (candidate === undefined && names.length > 1)) {
      const what =
        candidate === undefined ? `${names.length} targets could be meant` : `no target ${candidate} receives writes`;
      const hint =
        names.length > 0 ? hintOf(candidate ?? '', names, 'targets') : `distributary rebuild ${name} makes one`;
      throw new DistributaryError('usage', what, { hint });
    }
    const plan = await defaultPlan(definition.contract, engine, current);
    const targets = { current, candidate: other };
    const report = await shadowReads(
      {
        ask: (open, isAgain) => questions(targets, open, { isAgain }),
        pause: () => clock.sleep(PAUSE_MS),
      },
      (queries as readonly ShadowQuery[] | undefined) ?? plan.queries,
      plan.principals,
    );
    const at = new Date(clock.now()).toISOString();
    const shadowed = {
      store: name,
      current: current.name,
      candidate: other.name,
      at,
      report,
      gate: shadowGate(report),
    };
    const item = await control.read(storeGroup(name), SHADOW);
    const { differences: _, ...figures } = report;
    const body = { ...shadowed, report: figures };
    await control.swap(storeGroup(name), SHADOW, item?.revision ?? 0, JSON.parse(JSON.stringify(body)) as JsonObject);
    return shadowed;
  },
});

import type { JsonObject } from '../../../core/change.ts';
import { shadowGate, shadowReads } from '../../../core/shadow.ts';
import type { Target } from '../../../core/store.ts';
import type { OperatedStore } from '../context.ts';
import type { RunHandle } from '../runs/run-kind.ts';
import { defaultPlan } from '../shadow/shadow-defaults.ts';
import type { Apart } from './comparing.ts';

/** Between two looks at what differs or is slow: a projector's work. */
const PAUSE_MS = 1_000;
/** Differences that are kept with the report; all are counted. */
const KEPT_DIFFERENCES = 5;

/** What readers' questions have shown of the two targets, as the report keeps it, and why readers may not move. */
export interface Questioned {
  readonly figures: JsonObject;
  readonly reasons: readonly string[];
}

/** Asks both targets what readers ask. */
export async function askAsReaders(
  handle: RunHandle,
  { store, definition, questions }: OperatedStore,
  targets: { readonly current: Target; readonly candidate: Target },
  { count, keys }: Apart,
): Promise<Questioned> {
  const plan = await defaultPlan(definition.contract, store, targets.current);
  const total = plan.queries.length * plan.principals.length;
  let done = 0;
  const asked = () => handle.save({ progress: { done: Math.min(++done, total), total, unit: 'questions' } });
  const report = await shadowReads(
    {
      ask: (open, isAgain) => questions(targets, open, { isAgain, asked }),
      apart: { count, keys: new Set(keys) },
      pause: () => handle.sleep(PAUSE_MS),
    },
    plan.queries,
    plan.principals,
  );
  const { reasons } = shadowGate(report);
  const kept = { ...report, differences: report.differences.slice(0, KEPT_DIFFERENCES) };
  return { figures: JSON.parse(JSON.stringify({ ...kept, apart: count, reasons })) as JsonObject, reasons };
}

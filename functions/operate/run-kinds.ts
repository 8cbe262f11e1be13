import { driftRun } from './drift-run.ts';
import { rebuild } from './rebuild.ts';
import type { RunKind } from './run-kind.ts';

/** Every kind of long work, by the `operation` of its runs. */
export const RUN_KINDS: readonly RunKind[] = [rebuild, driftRun];

export const runKind = (operation: string): RunKind | undefined => RUN_KINDS.find(kind => kind.operation === operation);

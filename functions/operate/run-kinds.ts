import type { RunKind } from './run-kind.ts';

/** Every kind of long work, by the `operation` of its runs. */
export const RUN_KINDS: readonly RunKind[] = [];

export const runKind = (operation: string): RunKind | undefined => RUN_KINDS.find(kind => kind.operation === operation);

import { ERASURE } from '../erase/erase-run.ts';
import { TENANT_MOVE } from '../lifecycle/tenant-move.ts';

/** Names under which runs are kept that concern every store: each has one at a time, as a store has. */
export const OF_NO_STORE: readonly string[] = [ERASURE, TENANT_MOVE];

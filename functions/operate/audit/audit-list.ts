import * as z from 'zod';
import { defineOperation } from '../operation.ts';

/** Who did what, newest first. */
export const auditList = defineOperation({
  name: 'audit.list',
  changes: false,
  request: { limit: z.int().min(1).max(1000).default(100) },
  run: ({ limit }, { audit }) => audit.list(limit),
});

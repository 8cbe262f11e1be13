import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import type { JsonObject } from '../../../core/change.ts';
import { type ControlItems, parseBody } from '../../control-items.ts';

/** Who asks, and why: in every request, and for what changes something in the audit log. */
export interface Asked {
  readonly actor: string;
  readonly reason: string;
}

const entrySchema = z.strictObject({
  at: z.int(),
  actor: z.string(),
  reason: z.string(),
  operation: z.string(),
  /** Null for what concerns no single store. */
  store: z.string().nullable(),
  request: z.custom<JsonObject>(),
  /** `asked` until the answer: an entry that keeps it belongs to a call that died. Else `done`, or the error's code. */
  outcome: z.string(),
});
export type AuditEntry = z.infer<typeof entrySchema>;

/** Who did what to which store, and why; in the control table, never changed afterwards but for the outcome. */
export interface Audit {
  /** Notes the request before anything is done; resolves with how to note what came of it. */
  note(
    operation: string,
    store: string | null,
    request: JsonObject & Asked,
  ): Promise<(outcome: string) => Promise<void>>;
  /** Newest first. */
  list(limit: number): Promise<readonly AuditEntry[]>;
}

const GROUP = 'audit';

export function audit(items: ControlItems, now: () => number): Audit {
  return {
    async note(operation, store, { actor, reason, ...request }) {
      const at = now();
      const name = `${new Date(at).toISOString()}#${randomBytes(4).toString('hex')}`;
      const entry: AuditEntry = { at, actor, reason, operation, store, request, outcome: 'asked' };
      const revision = await items.swap(GROUP, name, 0, entry);
      return async outcome => void (await items.swap(GROUP, name, revision ?? 0, { ...entry, outcome }));
    },

    async list(limit) {
      const entries: AuditEntry[] = [];
      for await (const item of items.list(GROUP)) entries.push(parseBody(entrySchema, item));
      return entries.reverse().slice(0, limit);
    },
  };
}

import * as z from 'zod';
import { mustErase } from '../erase/erasable-places.ts';
import { MAX_CASES } from '../erase/erase-run.ts';
import { statusesOver } from '../erase/erasure-rows.ts';
import { MAX_PATIENCE_SECONDS, PATIENCE_SECONDS, startErasure } from '../erase/starting.ts';
import { defineOperation } from '../operation.ts';

/** What is over for so many cases at once is said to be more, and comes with the next run. */
const LOOKED_AT = 10_000;

interface Expired {
  readonly id: string;
  readonly retain_until: string;
  readonly held: boolean;
}

/**
 * Erases the cases whose retention is over, by the rule of their contract, and looks for the traces of what was purged by
 * command and of what was erased in the last weeks. A schedule asks for it every night; `dryRun` only says what it would do.
 */
export const retentionRun = defineOperation({
  name: 'retention.run',
  changes: true,
  request: {
    dryRun: z.boolean().default(false),
    limit: z.int().min(1).max(MAX_CASES).default(MAX_CASES),
    /** For an erasure that is under way. */
    patienceSeconds: z.int().min(0).max(MAX_PATIENCE_SECONDS).default(PATIENCE_SECONDS),
  },
  async run({ actor, reason, dryRun, limit, patienceSeconds }, context) {
    const { connection } = context;
    mustErase(context);
    const text = 'select id, retain_until::text as retain_until, held from canonical.expired_cases($1, $2)';
    const expired = await connection.query<Expired>(text, [statusesOver(context), LOOKED_AT]);
    const purged = await connection.query<{ id: string }>('select id from canonical.unerased_cases($1)', [LOOKED_AT]);
    const due = [...expired.filter(({ held }) => !held), ...purged].map(({ id }) => id);
    const cases = due.slice(0, limit);
    const report = {
      expired: expired.map(({ id, retain_until: retainUntil }) => ({ id, retainUntil })),
      held: expired.filter(({ held }) => held).map(({ id }) => id),
      purged: purged.map(({ id }) => id),
      erasing: cases,
      remaining: due.length - cases.length,
    };
    const asked = { actor, reason, request: { cases, again: true }, patienceSeconds };
    return { ...report, run: dryRun ? null : await startErasure(context, asked) };
  },
});

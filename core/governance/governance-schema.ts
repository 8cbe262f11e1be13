import * as z from 'zod';

const team = z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'is no kebab-case name');
const useCase = z.string().regex(/^[a-z][a-z0-9_]{0,62}$/, 'is no snake_case identifier');
/** What a person wrote down for those who come later. A placeholder would pass for an answer, so none is taken. */
const sentence = z
  .string()
  .regex(
    /^(?![\s\S]*\b(?:TODO|TBD|FIXME|XXX)\b)\S+(?:\s+\S+){2,}\s*$/,
    'is no sentence: three words or more, and no TODO',
  );

/** How another store's copies come about. What this pipeline feeds follows the outbox by construction. */
export const INTEGRATION_PATTERNS = ['own-writes', 'outbox', 'cdc', 'api', 'batch', 'cache-aside'] as const;
/** Requirements 000 §4.4, the strictest first. */
export const CONSISTENCY = [
  ...['strong', 'read-your-writes', 'seconds', 'minutes'],
  ...['eventually-corrected', 'best-effort', 'manually-reconciled'],
] as const;

const section = <Shape extends z.ZodRawShape>(shape: Shape) => z.strictObject(shape).partial();

/**
 * What people have to say of a store, where the pipeline has nothing to ask: the answers to requirements 000 §4, §20 and
 * §21. All of it may be left out; `contract lint` then says which sentence is missing. No function reads any of it.
 */
export const governanceSchema = section({
  /** Why this store exists, and how it would go again. */
  decision: section({
    status: z.enum(['proposed', 'accepted', 'rejected', 'deprecated']),
    decided_on: z.iso.date('is no date such as 2026-11-21'),
    /** What the stores that were there cannot do, with the figures that matter. */
    capability_gap: sentence,
    /** Each with what came of it; `measured` says in figures what was tried. */
    alternatives: z.array(z.strictObject({ option: sentence, result: sentence, measured: sentence.optional() })).min(1),
    benefits: z.array(sentence).min(1),
    risks: z.array(sentence).min(1),
    exit_plan: sentence,
    revisit_when: z.array(sentence).min(1),
  }),
  /** Which invariants are enforced here, and where those are that are not. */
  invariants: sentence,
  consistency: section({
    contract: z.enum(CONSISTENCY),
    /** What a person sees while the store is behind. */
    during_lag: sentence,
    stale_allowed: z.array(useCase),
    stale_forbidden: z.array(useCase),
  }),
  integration: section({ pattern: z.enum(INTEGRATION_PATTERNS), repetition: sentence }),
  recovery: section({ backup: sentence, restore: sentence, after_corruption: sentence }),
  lifecycle: section({ retention: sentence, deletion: sentence, legal_hold: sentence }),
  schema_change: sentence,
  /** @default owner_team, where nothing else is said; `writes` and `operations` have to be said */
  ownership: section({ writes: team, reads: team, operations: team, security: team, cost: team }),
  /** Who approves what changes. */
  approvals: section({ schema: team, indexes: team, retention: team, access: team }),
  /** Costs that no bill shows (000 §15). */
  cost: section({ engineering: sentence, cognitive: sentence, governance: sentence }),
});
export type Governance = z.infer<typeof governanceSchema>;

import * as z from 'zod';
import type { Asked } from './audit/audit.ts';
import type { OperateContext } from './context.ts';

/** Raised when an old client would misunderstand an answer, or be misunderstood. */
export const API_VERSION = 1;

/** What every request has besides its operation's own fields. */
export const envelope = {
  api: z.literal(API_VERSION),
  actor: z.string().trim().min(1).max(200),
  reason: z.string().trim().min(1).max(1000),
};

export const storeName = z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'is no kebab-case name');

/**
 * One thing that can be asked of the operations function; a file each, listed in operations.ts. `run` answers soon: what
 * takes longer it starts as a run (run.ts), which is advanced step by step. Throws a DistributaryError for what cannot be.
 */
export interface Operation<Name extends string, Fields extends z.ZodRawShape, Answer> {
  /** `noun.verb` */
  readonly name: Name;
  /** Whether it changes anything: then it is in the audit log, with its request. */
  readonly changes: boolean;
  readonly request: Fields;
  run(request: z.output<z.ZodObject<Fields>> & Asked, context: OperateContext): Promise<Answer>;
}

/** Gives `run` the type of its request. */
export const defineOperation = <const Name extends string, Fields extends z.ZodRawShape, Answer>(
  operation: Operation<Name, Fields, Answer>,
): Operation<Name, Fields, Answer> => operation;

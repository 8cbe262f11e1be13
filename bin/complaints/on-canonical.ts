import pg from 'pg';
import { DistributaryError, errorTable } from '../../core/errors.ts';

/** SQLSTATE classes: the data is wrong (22), or a constraint says no (23). */
export const isRefusal = (error: unknown): error is pg.DatabaseError =>
  error instanceof pg.DatabaseError && /^2[23]/.test(error.code ?? '');

/** Class 40: two transactions were in each other's way, and this one yielded. */
const isCollision = (error: unknown): boolean => error instanceof pg.DatabaseError && /^40/.test(error.code ?? '');
const MAX_ATTEMPTS = 5;

/** A refusal of data is for the caller; whatever else fails means that the canonical store cannot be worked with. */
export async function onCanonical<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (cause) {
      if (isCollision(cause) && attempt < MAX_ATTEMPTS) continue;
      if (isRefusal(cause)) throw cause;
      const says = cause instanceof pg.DatabaseError ? 'refuses' : 'does not answer';
      // A host of several addresses that all refuse says so by its code only.
      const what = cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code : String(cause);
      const hint = `${errorTable['source-unavailable'].hint}; the next import takes only what is missing`;
      throw new DistributaryError('source-unavailable', `the canonical store ${says}: ${what}`, { hint, cause });
    }
  }
}

import * as z from 'zod';
import type { Operation } from '../../core/policy.ts';
import type { Caller } from './canonical.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** What a read promises (000 §7): how far behind the canonical store it may be, and what it does when asked for more. */
export interface Consistency {
  /** `canonical`: what is true now. `eventual`: what the named store has come to, with its watermark. */
  readonly kind: 'canonical' | 'eventual';
  readonly store?: string;
  /** Whether a read that must not be stale may be answered from the canonical store. */
  readonly fallsBack?: boolean;
}

export const CANONICAL_READ: Consistency = { kind: 'canonical' };

/** A request that has been let in and read. */
export interface Request<Params = unknown, Query = unknown, Body = unknown> {
  readonly caller: Caller;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly requestId: string;
  /** Version in `If-Match`; `any` for `*`. */
  readonly ifMatch: number | 'any' | undefined;
  readonly idempotencyKey: string | undefined;
  /** Milliseconds left until the function is ended. */
  remainingMs(): number;
}

export interface Answer {
  readonly status: number;
  readonly body?: object;
  /** Version of the case that the answer is of: its ETag. */
  readonly version?: number;
}

/** One way into the API. The OpenAPI document is made of the table of these, and so is the router. */
export interface Route {
  readonly method: Method;
  /** `/cases/{case}/tasks`; each name in braces is a key of `params`. */
  readonly path: string;
  readonly operation?: Operation;
  /** Needs no token, and shows nothing of anybody. */
  readonly isOpen?: boolean;
  readonly name: string;
  readonly summary: string;
  readonly params: z.ZodObject;
  readonly query: z.ZodObject;
  readonly body?: z.ZodType;
  /** Of the answer with the first of `statuses`. */
  readonly answer: z.ZodType;
  readonly status: number;
  /** Of queries. */
  readonly consistency?: Consistency;
  /** Commands on a case that is there: `If-Match` is needed. */
  readonly needsVersion?: boolean;
  /** Commands that make something: `Idempotency-Key` is needed. */
  readonly needsKey?: boolean;
  run(request: Request): Promise<Answer>;
}

/** A route whose `run` gets what its schemas let through. */
export function route<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType>(
  definition: Omit<Route, 'params' | 'query' | 'body' | 'run'> & {
    readonly params: P;
    readonly query: Q;
    readonly body?: B;
    run(request: Request<z.output<P>, z.output<Q>, z.output<B>>): Promise<Answer>;
  },
): Route {
  return definition as unknown as Route;
}

export const NOTHING = z.strictObject({});
export const uuid = z
  .string()
  .regex(/^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$/, 'is no UUID')
  .transform(text => text.toLowerCase())
  .meta({ format: 'uuid' });

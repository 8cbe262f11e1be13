import type { RequestCounts } from './request-count.ts';

/** What the supervisor and a function instance, its child process, tell each other. */

/** A queue to poll: an event source mapping as the instance needs to know it. */
export interface PolledQueue {
  readonly endpoint: string;
  readonly url: string;
  readonly arn: string;
  readonly batchSize: number;
  readonly windowSeconds: number;
  readonly reportsFailures: boolean;
}

export type ToInstance =
  | { readonly kind: 'invoke'; readonly requestId: string; readonly event: unknown }
  | { readonly kind: 'poll'; readonly queue: PolledQueue }
  /** Finish what is under way, take nothing new, and leave. */
  | { readonly kind: 'leave' };

/** As Lambda words it. */
export interface InvocationError {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace: readonly string[];
}

export type FromInstance =
  /** The handler is loaded. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'not-ready'; readonly error: InvocationError }
  /** Messages are in our hands under these receipt handles. */
  | { readonly kind: 'received'; readonly handles: readonly string[] }
  /** They were deleted or given back. */
  | { readonly kind: 'settled'; readonly handles: readonly string[] }
  | { readonly kind: 'started'; readonly requestId: string }
  | {
      readonly kind: 'finished';
      readonly requestId: string;
      readonly milliseconds: number;
      readonly outcome: { readonly payload?: unknown } | { readonly error: InvocationError };
    }
  /** What it has asked of servers since it last told. */
  | { readonly kind: 'requests'; readonly counts: RequestCounts }
  | { readonly kind: 'memory'; readonly rssBytes: number; readonly peakBytes: number };

export function invocationError(thrown: unknown): InvocationError {
  if (!(thrown instanceof Error)) return { errorType: 'Error', errorMessage: String(thrown), trace: [] };
  return { errorType: thrown.name, errorMessage: thrown.message, trace: (thrown.stack ?? '').split('\n') };
}

/** Variables that only the bootstrap reads. */
export const TIMEOUT_VARIABLE = 'LOCAL_TIMEOUT_SECONDS';
export const ARN_VARIABLE = 'LOCAL_FUNCTION_ARN';

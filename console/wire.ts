/** What the console reads over HTTP. The server's own types are held equal to these by test/console.local.ts. */

export type Freshness = 'fresh' | 'behind' | 'late' | 'silent';

export interface Lane {
  readonly visible: number;
  readonly inFlight: number;
  readonly delayed: number;
  readonly oldestSeconds: number;
}

export interface StoreView {
  readonly store: string;
  readonly engine: string;
  readonly lanes: { readonly standard: Lane; readonly priority: Lane };
  readonly freshnessSeconds?: number | undefined;
  readonly normalSeconds: number;
  readonly maximumSeconds: number;
  readonly freshness: Freshness;
  readonly lag?: { readonly p50: number; readonly p95: number; readonly p99: number } | undefined;
  readonly applied: number;
  readonly failed: number;
  readonly documents?: number | undefined;
  readonly alarms: readonly string[];
}

export interface Overview {
  readonly at: string;
  readonly source: {
    /** Undefined while nothing has been heard of it. */
    readonly answers?: boolean | undefined;
    readonly changesPerSecond?: number | undefined;
    readonly changes?: number | undefined;
    readonly dependantsPending?: number | undefined;
  };
  readonly relay: {
    readonly slot?:
      | {
          readonly active: boolean;
          /** Undefined where no metric says so. */
          readonly lagBytes?: number | undefined;
          readonly retainedBytes: number;
          readonly walStatus: string;
        }
      | undefined;
    readonly lagSeconds?: { readonly p50: number; readonly p99: number } | undefined;
    readonly parked: number;
  };
  readonly stores: readonly StoreView[];
  readonly concerns: readonly string[];
}

/** One look of the last minutes. */
export interface Point {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly changesPerSecond: number | null;
  readonly freshnessSeconds: Readonly<Record<string, number | null>>;
}

export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

export interface Run {
  readonly id: string;
  readonly store: string;
  /** `rebuild`, `drift`, `backfill`, `replay`, `archive` */
  readonly operation: string;
  readonly state: 'running' | 'paused' | 'failed' | 'done' | 'cancelled';
  readonly wanted: 'run' | 'pause' | 'cancel';
  readonly step: string;
  readonly actor: string;
  readonly reason: string;
  readonly progress: {
    readonly done: number;
    readonly total: number;
    readonly unit: string;
    readonly ratePerSecond: number;
  };
  readonly startedAt: number;
  readonly finishedAt: number | null;
  readonly error: Problem | null;
  readonly report: object | null;
}

export interface Look {
  readonly overview: Overview;
  readonly point: Point;
  /** Of each store, newest first. */
  readonly runs: Readonly<Record<string, readonly Run[]>>;
}

export interface RebuildReport {
  readonly durationSeconds: number;
  readonly from: string | null;
  readonly to: string | null;
  readonly rows: number;
  readonly documents: number;
  readonly missing: { readonly count: number };
  readonly extra: { readonly count: number };
  readonly mismatched: { readonly count: number };
  readonly permissionDifferences: number;
  readonly shadowReads: number;
  readonly downtimeSeconds: number;
  readonly rollbackUntil: string | null;
}

export interface DriftReport {
  readonly rows: number;
  readonly complete: boolean;
  readonly counts: Readonly<Record<string, number>>;
  readonly mismatches: number;
  readonly lagging: number;
  readonly unsettled: number;
  readonly repaired: number;
  readonly seconds: number;
  readonly findings: readonly { readonly key: string; readonly kind: string; readonly repaired: boolean }[];
}

export interface RebuildPlan {
  readonly engine: string;
  readonly keepsHistory: boolean;
  readonly aggregates: readonly string[];
  readonly current: string | null;
  readonly drops: readonly string[];
  readonly rollbackUntil: number | null;
  readonly rows: number;
}

export interface Failure {
  readonly id: string;
  readonly code: string;
  readonly reason: string;
  readonly hint: string;
  readonly change?: string | undefined;
  readonly key?: string | undefined;
  readonly failedAt?: string | undefined;
  readonly history: readonly { readonly code: string; readonly failedAt: string }[];
}

export interface Failures {
  readonly total: number;
  readonly failures: readonly Failure[];
}

export interface Responsibility {
  readonly responsibility: string;
  readonly owner: string;
  readonly store: string;
  readonly storeType: string;
  readonly consistency: string;
  readonly rebuildable: string;
  readonly notes: string;
}

export interface Person {
  readonly name: string;
  readonly role: 'viewer' | 'operator';
}

/** Who is there, and how the page goes about it. */
export interface Session {
  readonly person: Person | null;
  /** By choosing a role, or at the issuer of tokens. */
  readonly signInBy: 'choice' | 'issuer';
  /** A search is asked as somebody of a role that is chosen, or as who is signed in. */
  readonly searchAs: 'role' | 'self';
}

export const PERSON_ROLES = ['investigator', 'supervisor', 'analyst', 'company-user'] as const;
export type PersonRole = (typeof PERSON_ROLES)[number];

/** A question to the search of the API; what is not named is left to it. */
export interface Question {
  readonly text?: string | undefined;
  readonly filter?: { readonly field: string; readonly is: string } | undefined;
  readonly facets?: readonly string[] | undefined;
  readonly size?: number | undefined;
  readonly cursor?: string | undefined;
}

export interface SearchHit {
  readonly id: string;
  readonly version: number;
  /** The case has changed since the store saw it. */
  readonly stale: boolean;
  /** Without what the role does not see. */
  readonly document: Readonly<Record<string, unknown>>;
}

export interface SearchAnswer {
  readonly total: number;
  readonly hits: readonly SearchHit[];
  readonly facets: Readonly<Record<string, readonly { readonly value: string; readonly count: number }[]>>;
  readonly cursor?: string | undefined;
  /** Fields that the role does not see. */
  readonly masked: readonly string[];
  /** Found, and refused by the canonical store. */
  readonly dropped: number;
  readonly freshness: {
    readonly store: string;
    readonly watermark: string | null;
    readonly freshness_seconds: number | null;
    readonly stale: boolean;
  };
}

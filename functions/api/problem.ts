/** Every problem that the API can name: its status and what it is called (RFC 9457). */
export const PROBLEMS = {
  'request-malformed': { status: 400, title: 'The request cannot be read' },
  'token-invalid': { status: 401, title: 'A valid access token is needed' },
  forbidden: { status: 403, title: 'You may not do this' },
  'not-found': { status: 404, title: 'There is no such thing, or not for you' },
  'rule-violated': { status: 409, title: 'A rule of the case forbids it' },
  'already-there': { status: 409, title: 'It is there already' },
  stale: { status: 409, title: 'The store has not come that far yet' },
  'request-in-progress': { status: 409, title: 'The same request is under way' },
  'version-outdated': { status: 412, title: 'The case has changed since' },
  'request-too-large': { status: 413, title: 'The request is too large' },
  'request-invalid': { status: 422, title: 'The request does not make sense' },
  'idempotency-key-reused': { status: 422, title: 'The idempotency key was used for another request' },
  'version-required': { status: 428, title: 'Say which version you have seen' },
  'too-many-requests': { status: 429, title: 'Too many requests' },
  'internal-error': { status: 500, title: 'Something is broken here' },
  unavailable: { status: 503, title: 'Not now; try again' },
} as const satisfies Readonly<Record<string, { status: number; title: string }>>;

export type ProblemCode = keyof typeof PROBLEMS;

export interface ProblemMore {
  /** Seconds after which to try again. */
  readonly retryAfter?: number;
  /** What is wrong where, for `request-invalid`: a JSON Pointer and a sentence. Values are not repeated. */
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
  /** Further members, such as the present version. */
  readonly members?: Readonly<Record<string, string | number>>;
  readonly cause?: unknown;
}

/** What a caller is told. `detail` is written for the caller: it names nothing of ours, and no value of a case. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly more: ProblemMore;

  constructor(code: ProblemCode, detail: string, more: ProblemMore = {}) {
    super(detail, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.more = more;
  }

  get status(): number {
    return PROBLEMS[this.code].status;
  }

  /** The body of an `application/problem+json`. */
  body(requestId: string): object {
    const { errors, members } = this.more;
    return {
      type: `urn:distributary:problem:${this.code}`,
      title: PROBLEMS[this.code].title,
      status: this.status,
      detail: this.message,
      instance: `urn:request:${requestId}`,
      ...members,
      ...(errors && { errors }),
    };
  }
}

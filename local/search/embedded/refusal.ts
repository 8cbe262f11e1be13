import type { Answer } from './answer.ts';

/** The cause below a refusal, in the shape OpenSearch nests them. */
export interface Cause {
  readonly type: string;
  readonly reason: string;
  readonly caused_by?: Cause;
}

/** A request, or one item of a bulk, that is refused: the type, the reason and the status that OpenSearch gives. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly type: string;
  /** Further members of the error, such as the index. */
  readonly more: { readonly [key: string]: Answer };
  readonly causedBy: Cause | undefined;

  constructor(
    status: number,
    type: string,
    reason: string,
    more: { readonly [key: string]: Answer } = {},
    causedBy?: Cause,
  ) {
    super(reason);
    this.status = status;
    this.type = type;
    this.more = more;
    this.causedBy = causedBy;
  }

  /** As an item of a bulk carries it. */
  get error(): { readonly [key: string]: Answer } {
    return { ...this.root, caused_by: this.causedBy as Answer };
  }

  /** As the body of an answer. The root is the innermost cause of the same kind. */
  get body(): Answer {
    const { type, reason } = this.causedBy ?? {};
    const root = type === this.type ? { type, reason } : this.root;
    return { error: { root_cause: [root], ...this.error }, status: this.status };
  }

  private get root(): { readonly [key: string]: Answer } {
    return { type: this.type, reason: this.message, ...this.more };
  }
}

/** A refusal while a query runs: OpenSearch wraps it as the failure of all shards. */
export class SearchRefusal extends Refusal {
  override get body(): Answer {
    const failed = { type: this.type, reason: this.message, ...this.more };
    return {
      error: {
        root_cause: [failed],
        type: 'search_phase_execution_exception',
        reason: 'all shards failed',
        phase: 'query',
        grouped: true,
        failed_shards: [{ shard: 0, index: this.more.index ?? null, node: 'stand-in', reason: this.error }],
        caused_by: this.error,
      },
      status: this.status,
    };
  }
}

export function refuse(
  status: number,
  type: string,
  reason: string,
  more: { readonly [key: string]: Answer } = {},
  causedBy?: Cause,
): Refusal {
  return new Refusal(status, type, reason, more, causedBy);
}

export function invalid(reason: string): Refusal {
  return refuse(400, 'illegal_argument_exception', reason);
}

/** What OpenSearch may well understand and the stand-in does not: said aloud, never answered approximately. */
export function notSpoken(what: string): Refusal {
  return refuse(
    501,
    'stand_in_exception',
    `the embedded search engine does not speak ${what}: start local mode with real OpenSearch (--search=real)`,
  );
}

export function noSuchIndex(index: string, kind = 'index_or_alias'): Refusal {
  return refuse(404, 'index_not_found_exception', `no such index [${index}]`, {
    index,
    'resource.id': index,
    'resource.type': kind,
    index_uuid: '_na_',
  });
}

/** Refuses what is in the object beyond the names given: an option ignored would be a wrong answer. */
export function only(names: readonly string[], object: { readonly [key: string]: unknown }, where: string): void {
  const unknown = Object.keys(object).find(name => !names.includes(name));
  if (unknown !== undefined) throw notSpoken(`[${unknown}] in ${where}`);
}

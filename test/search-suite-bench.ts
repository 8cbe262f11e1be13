import { type Client, errors } from '@opensearch-project/opensearch';

export type Json = Record<string, unknown>;

/** What a search says, as far as the tests look. */
export interface Found {
  readonly hits: {
    readonly total?: { readonly value: number; readonly relation: string };
    readonly max_score: number | null;
    readonly hits: readonly Hit[];
  };
  readonly aggregations?: Record<string, unknown>;
}

export interface Hit {
  readonly _index: string;
  readonly _id: string;
  readonly _score: number | null;
  readonly _source?: Json;
  readonly highlight?: Record<string, readonly string[]>;
  readonly sort?: readonly unknown[];
}

export interface BulkItem {
  readonly action: string;
  readonly status: number;
  readonly _version?: number;
  readonly result?: string;
  readonly error?: { readonly type: string; readonly reason: string };
}

/** What a test of the suite works with; all of it goes through the official client. */
export interface Bench {
  readonly client: Client;
  /** A new index, with the name it was given. */
  index(body?: Json): Promise<string>;
  /** Bulk lines, an action and its document each; the outcomes in their order. */
  bulk(index: string, lines: readonly Json[], params?: Json): Promise<readonly BulkItem[]>;
  search(index: string, body?: Json): Promise<Found>;
}

export type Promises = (bench: () => Bench) => void;

export function benchOf(client: Client): Bench {
  let indices = 0;
  return {
    client,
    async index(body = {}) {
      const index = `suite-${++indices}`;
      const settings = { number_of_replicas: 0, ...(body.settings as Json) };
      await client.indices.create({ index, body: { ...body, settings } });
      return index;
    },
    async bulk(index, lines, params = {}) {
      const { body } = await client.bulk({ index, body: [...lines] as never, ...params });
      return body.items.map(item => {
        const [action, outcome] = Object.entries(item)[0] as [string, Omit<BulkItem, 'action'>];
        return { ...outcome, action };
      });
    },
    async search(index, body = {}) {
      return (await client.search({ index, body: body as never })).body as unknown as Found;
    },
  };
}

export interface Refused {
  readonly status: number | undefined;
  readonly type: string;
  readonly reason: string;
}

/** How the engine refuses what must be refused. */
export async function refusal(asked: Promise<unknown>): Promise<Refused> {
  const error = await asked.then(
    () => undefined,
    error => error,
  );
  if (!(error instanceof errors.ResponseError)) throw error ?? new Error('it was not refused');
  const { root_cause, ...own } = error.body.error;
  const { type, reason } = root_cause?.[0] ?? own;
  return { status: error.statusCode, type, reason };
}

export const ids = ({ hits }: Found): string[] => hits.hits.map(({ _id }) => _id);

export const external = (_id: string, version: number): Json => ({ _id, version, version_type: 'external' });

import { Client, type ClientOptions, errors } from '@opensearch-project/opensearch';
import { AwsSigv4Signer } from '@opensearch-project/opensearch/aws-v3';
import { DistributaryError } from '../../core/errors.ts';

/** Half of a function's time limit: what does not answer by then is repeated by the queue, with backoff. */
const REQUEST_TIMEOUT_MS = 15_000;
/** A domain's address names its region: `search-x.eu-central-1.es.amazonaws.com`, `search-x.aos.eu-central-1.on.aws`. */
const AWS_DOMAIN = /\.(?:([a-z0-9-]+)\.es\.amazonaws\.com(?:\.cn)?|aos\.([a-z0-9-]+)\.on\.aws)$/;

/** All that the store needs of the official client. */
export type OpenSearch = Pick<Client, 'transport'>;

/**
 * A client for one node or domain: signed requests (credentials as the AWS SDK finds them) to an AWS domain; plain ones,
 * or with the user and password of the URL, to any other. It has no retries: those of the queue are enough.
 */
export function openSearchClient(url: string): Client {
  const [, classic, dualStack] = AWS_DOMAIN.exec(new URL(url).hostname) ?? [];
  const region = classic ?? dualStack;
  const options: ClientOptions = {
    node: url,
    maxRetries: 0,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // One node: when it is dead, asking it is the way to learn that it lives again.
    resurrectStrategy: 'none',
    // A document may have a property called `__proto__`; JSON.parse makes an ordinary property of it.
    disablePrototypePoisoningProtection: true,
  };
  return new Client(region ? { ...options, ...AwsSigv4Signer({ region, service: 'es' }) } : options);
}

export interface Question {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | boolean>>;
  readonly body?: object;
  /** Documents as newline-delimited JSON, instead of `body`. */
  readonly lines?: string;
  /** Statuses besides the 2xx that the caller understands. */
  readonly expect?: readonly number[];
}

export interface Answer<Body> {
  readonly status: number;
  readonly body: Body;
}

/** How OpenSearch words an error. */
export interface Complaint {
  readonly type?: string;
  readonly reason?: string;
  /** Of a search: what went wrong on a shard; the rest says only that it did on all of them. */
  readonly root_cause?: readonly Complaint[];
}

/** Throws `target-missing`, `question-refused` or `store-unavailable`; no `cause`, for the client's errors carry the request with its documents. */
export async function ask<Body>(client: OpenSearch, question: Question): Promise<Answer<Body>> {
  const { statusCode, body } = await send(client, question).catch(error => {
    if (error instanceof errors.ResponseError && error.statusCode) return error;
    const what = error instanceof Error ? error.message : String(error);
    throw new DistributaryError('store-unavailable', `OpenSearch does not answer: ${what}`);
  });
  const status = statusCode ?? 0;
  if (status < 300 || question.expect?.includes(status)) return { status, body: body as Body };
  throw failure(question, status, (body as { error?: Complaint | string }).error);
}

function send(client: OpenSearch, { method, path, query, body, lines, expect }: Question) {
  const request = () => {
    const parameters = {
      method,
      path,
      ...(query && { querystring: query }),
      ...(body && { body }),
      ...(lines && { bulkBody: lines }),
    };
    return client.transport.request(parameters, { ignore: [...(expect ?? [])] });
  };
  // A connection kept alive may have died while the function was frozen; every question may be asked twice.
  return request().catch(error => (error instanceof errors.ConnectionError ? request() : Promise.reject(error)));
}

function failure(
  { method, path, lines }: Question,
  status: number,
  error: Complaint | string | undefined,
): DistributaryError {
  const complaint: Complaint = typeof error === 'string' ? { reason: error } : (error ?? {});
  const { type, reason } = complaint.root_cause?.[0] ?? complaint;
  // The reason given for rejected documents may quote them.
  const said = [status, type, lines === undefined ? reason?.slice(0, 300) : undefined].filter(Boolean).join(' ');
  const message = `OpenSearch answered ${method} ${path} with ${said}`;
  if (type === 'index_not_found_exception') return new DistributaryError('target-missing', message);
  if (status === 400 && lines === undefined) return new DistributaryError('question-refused', message);
  const denied = status === 401 || status === 403;
  const hint = "allow the function's role in the domain's access policy, or correct the user in the URL";
  return new DistributaryError('store-unavailable', message, denied ? { hint } : {});
}

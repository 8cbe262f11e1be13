import { randomBytes } from 'node:crypto';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import type * as z from 'zod';
import { Problem } from './problem.ts';
import type { Answer, Request, Route } from './route.ts';

/** The largest case has a narrative of some 30 kB. */
const MAX_BODY_BYTES = 64 * 1024;
/** Deeper JSON than any request of ours; what reads it need not fear for its stack. */
const MAX_DEPTH = 24;
const MAX_KEY_CHARACTERS = 128;
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const ETAG = /^(?:W\/)?"(\d{1,16})"$/;

/** The trace of the caller, or a new one. */
export function traceparentOf({ headers }: APIGatewayProxyEventV2): string {
  const given = headers?.traceparent;
  if (given !== undefined && TRACEPARENT.test(given)) return given;
  return `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`;
}

/** Reads a request as its route wants it. Throws the `Problem` that says what is wrong where. */
export function readRequest(
  { params, query, body, needsVersion, needsKey }: Route,
  event: APIGatewayProxyEventV2,
  context: Context,
): Omit<Request, 'caller'> {
  const headers = event.headers ?? {};
  const ifMatch = versionOf(headers['if-match']);
  const idempotencyKey = keyOf(headers['idempotency-key']);
  if (needsVersion && ifMatch === undefined) {
    throw new Problem('version-required', 'send the version that you have seen as If-Match: "<version>"');
  }
  if (needsKey && idempotencyKey === undefined) {
    throw new Problem('request-malformed', 'send an Idempotency-Key of your own, a new one for each new intent');
  }
  return {
    params: parse(params, event.pathParameters ?? {}, 'path'),
    query: parse(query, event.queryStringParameters ?? {}, 'query'),
    body: body ? parse(body, jsonOf(event), '') : undefined,
    requestId: requestIdOf(event, context),
    ifMatch,
    idempotencyKey,
    remainingMs: () => context.getRemainingTimeInMillis(),
  };
}

export const requestIdOf = (event: APIGatewayProxyEventV2, context: Context): string =>
  event.requestContext?.requestId ?? context.awsRequestId;

function parse(schema: z.ZodType, value: unknown, where: string): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = result.error.issues.slice(0, 10).map(({ path, message }) => ({
    pointer: `/${[where, ...path].filter(part => part !== '').join('/')}`.slice(0, 200),
    // What zod says of an unrecognised key repeats it, and the caller chose it.
    detail: message.slice(0, 200),
  }));
  throw new Problem('request-invalid', 'the request is not as the API describes it', { errors });
}

function jsonOf({ body, isBase64Encoded, headers }: APIGatewayProxyEventV2): unknown {
  const text = body === undefined ? '' : isBase64Encoded ? Buffer.from(body, 'base64').toString('utf8') : body;
  if (Buffer.byteLength(text) > MAX_BODY_BYTES) {
    throw new Problem('request-too-large', `a request takes ${MAX_BODY_BYTES} bytes at most`);
  }
  if (text === '') return {};
  if (!/^application\/([a-z.+-]+\+)?json\b/i.test(headers?.['content-type'] ?? '')) {
    throw new Problem('request-malformed', 'send the body as application/json');
  }
  if (depthOf(text) > MAX_DEPTH) throw new Problem('request-invalid', 'the request is nested too deeply');
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem('request-malformed', 'the body is no JSON');
  }
}

/** How deeply brackets nest, which strings may only exaggerate: counted before anything recursive reads it. */
function depthOf(text: string): number {
  let [depth, deepest] = [0, 0];
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at);
    if (character === 0x22) at = endOfString(text, at);
    else if (character === 0x7b || character === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (character === 0x7d || character === 0x5d) depth -= 1;
  }
  return deepest;
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}

function versionOf(header: string | undefined): number | 'any' | undefined {
  if (header === undefined) return undefined;
  if (header.trim() === '*') return 'any';
  const digits = ETAG.exec(header.trim())?.[1];
  const version = Number(digits);
  if (digits !== undefined && Number.isSafeInteger(version)) return version;
  throw new Problem('request-malformed', 'If-Match is no version: send "<version>" or *');
}

function keyOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (/^[\x21-\x7e]+$/.test(header) && header.length <= MAX_KEY_CHARACTERS) return header;
  throw new Problem('request-malformed', `an Idempotency-Key has 1 to ${MAX_KEY_CHARACTERS} visible characters`);
}

export interface Surroundings {
  readonly requestId: string;
  readonly traceparent: string;
  /** Headers that say how much more the caller may ask for, once that is known. */
  limits?: Readonly<Record<string, string>>;
}

export function success({ status, body, version }: Answer, around: Surroundings): APIGatewayProxyStructuredResultV2 {
  return {
    statusCode: status,
    headers: {
      ...headersOf(around),
      'content-type': 'application/json',
      ...(version !== undefined && { etag: `"${version}"` }),
    },
    body: JSON.stringify(body ?? {}),
  };
}

export function refused(problem: Problem, around: Surroundings): APIGatewayProxyStructuredResultV2 {
  const { retryAfter } = problem.more;
  return {
    statusCode: problem.status,
    headers: {
      ...headersOf(around),
      'content-type': 'application/problem+json',
      ...(problem.status === 401 && { 'www-authenticate': 'Bearer' }),
      ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }),
    },
    body: JSON.stringify(problem.body(around.requestId)),
  };
}

const headersOf = ({ requestId, traceparent, limits }: Surroundings): Record<string, string> => ({
  ...limits,
  'x-request-id': requestId,
  traceparent,
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
});

import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { type Listening, listen } from './http-listen.ts';
import type { LocalFunctions } from './runtime/functions.ts';
import type { Model } from './template/model.ts';

/** HTTP APIs take 10 MB; ours takes 64 kB, which its functions say. */
const MAX_BODY_BYTES = 1024 * 1024;
/** A machine has two instances of a function, not a thousand: a request waits for its turn. */
const TURN_WITHIN_MS = 20_000;
const TURN_EVERY_MS = 10;

type HttpModel = Pick<Model, 'httpIntegrations' | 'httpRoutes'>;

/** The HTTP APIs of the template: the pipeline's own, and that of its console. */
export function httpApis(model: Model): { readonly api: HttpModel; readonly console: HttpModel } {
  const serving = model.functions.find(({ environment }) => 'CONSOLE_URL' in environment)?.name;
  const ofConsole = model.httpIntegrations.find(({ functionName }) => functionName === serving)?.api;
  const where = (isWanted: (api: string) => boolean): HttpModel => ({
    httpIntegrations: model.httpIntegrations.filter(({ api }) => isWanted(api)),
    httpRoutes: model.httpRoutes.filter(({ api }) => isWanted(api)),
  });
  return { api: where(api => api !== ofConsole), console: where(api => api === ofConsole) };
}

/** What API Gateway is on AWS: HTTP in, the function's event and answer, HTTP out. */
export async function startFrontDoor(port: number, model: HttpModel, functions: LocalFunctions): Promise<Listening> {
  const functionFor = (method: string, path: string) => {
    const of = (wanted: string) => model.httpRoutes.find(route => route.method === method && route.path === wanted);
    const route = of(path) ?? of('/{proxy+}');
    return model.httpIntegrations.find(({ id }) => id === route?.integration)?.functionName;
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://local');
    const name = functionFor(request.method ?? '', url.pathname);
    if (name === undefined) return reply(response, { statusCode: 404, body: '{"message":"Not Found"}' });
    const body = await bodyOf(request);
    if (body === undefined) return reply(response, { statusCode: 413, body: '{"message":"Request Too Long"}' });
    const event = eventOf(request, url, body);
    for (const deadline = Date.now() + TURN_WITHIN_MS; ; await delay(TURN_EVERY_MS)) {
      const outcome = await functions.get(name).invoke(event);
      if (outcome === 'throttled' && Date.now() < deadline) continue;
      if (outcome === 'throttled')
        return reply(response, { statusCode: 503, body: '{"message":"Service Unavailable"}' });
      if ('error' in outcome) return reply(response, { statusCode: 500, body: '{"message":"Internal Server Error"}' });
      return reply(response, outcome.payload as APIGatewayProxyStructuredResultV2);
    }
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() =>
      reply(response, { statusCode: 500, body: '{"message":"Internal Server Error"}' }),
    );
  });
  return listen(server, port);
}

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html, version 2.0 */
function eventOf({ method = '', headers }: IncomingMessage, url: URL, body: string): APIGatewayProxyEventV2 {
  const path = url.pathname;
  const { cookie, ...others } = headers;
  const plain = Object.entries(others).map(([name, value]) => [name, Array.isArray(value) ? value.join(',') : value]);
  return {
    version: '2.0',
    routeKey: `${method} ${path}`,
    rawPath: path,
    rawQueryString: url.search.slice(1),
    headers: Object.fromEntries(plain),
    ...(cookie !== undefined && { cookies: cookie.split('; ') }),
    queryStringParameters: Object.fromEntries(url.searchParams),
    requestContext: { http: { method, path }, requestId: randomUUID() },
    ...(body !== '' && { body }),
    isBase64Encoded: false,
  } as unknown as APIGatewayProxyEventV2;
}

async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return bytes > MAX_BODY_BYTES ? undefined : Buffer.concat(chunks).toString();
}

function reply(
  response: ServerResponse,
  { statusCode = 200, headers = {}, cookies = [], body = '' }: APIGatewayProxyStructuredResultV2,
) {
  if (cookies.length > 0) response.setHeader('set-cookie', cookies);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, String(value));
  response.statusCode = statusCode;
  response.end(body);
}

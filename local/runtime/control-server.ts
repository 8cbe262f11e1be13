import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Listening, listen } from '../http-listen.ts';
import { functionNameOf } from '../template/compute.ts';
import type { LocalFunction } from './function.ts';
import type { LocalFunctions } from './functions.ts';
import { GET_METRIC_DATA, metricData } from './metric-data.ts';
import type { MetricStore } from './metrics.ts';

export interface ControlServer extends Listening {
  /** What `GET /status` answers from now on; until then 503. */
  answerStatus(status: () => Promise<unknown>): void;
  /** An address that a custom resource's function answers to; `answer` resolves with what it says. */
  expect(): { readonly url: string; readonly answer: Promise<unknown> };
}

export interface ControlOptions {
  readonly port: number;
  readonly functions: LocalFunctions;
  readonly metrics: MetricStore;
}

const INVOKE = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/;
/** Lambda takes 6 MB. */
const MAX_BODY_BYTES = 6 * 2 ** 20;

/** How far back `GET /metrics` looks by default. */
const METRICS_SECONDS = 300;

/**
 * What clients of local mode ask over HTTP: `GET /status`, `GET /metrics?seconds=300`, Lambda's Invoke, CloudWatch's
 * GetMetricData, and what custom resources answer to CloudFormation.
 */
export async function startControlServer({ port, functions, metrics }: ControlOptions): Promise<ControlServer> {
  const expected = new Map<string, (answer: unknown) => void>();
  let status: (() => Promise<unknown>) | undefined;

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://local');
    const path = decodeURIComponent(pathname);
    const invoked = INVOKE.exec(path)?.[1];
    const answer = expected.get(path);
    const does = `${request.method} ${path}`;
    if (does === 'GET /status' && status) reply(response, 200, await status());
    else if (does === 'GET /status') reply(response, 503, { message: 'starting' });
    else if (does === 'GET /metrics') {
      const seconds = Number(searchParams.get('seconds')) || METRICS_SECONDS;
      reply(response, 200, metrics.readings(Date.now() - seconds * 1000));
    } else if (request.headers['x-amz-target'] === GET_METRIC_DATA) {
      reply(response, 200, metricData(metrics, await readJson(request)));
    } else if (request.method === 'POST' && invoked) {
      await invoke(request, response, functions.find(functionNameOf(invoked)));
    } else if (request.method === 'PUT' && answer) {
      expected.delete(path);
      answer(await readJson(request));
      reply(response, 200, {});
    } else reply(response, 404, { message: `nothing at ${path}` });
  }

  const server = createServer((request, response) => {
    route(request, response).catch(error => reply(response, 500, { message: String(error) }));
  });
  const listening = await listen(server, port);
  return {
    ...listening,
    answerStatus(answer) {
      status = answer;
    },
    expect() {
      const path = `/custom-resources/${randomUUID()}`;
      const { promise, resolve } = Promise.withResolvers<unknown>();
      expected.set(path, resolve);
      return { url: listening.url + path, answer: promise };
    },
  };
}

async function invoke(request: IncomingMessage, response: ServerResponse, target: LocalFunction | undefined) {
  if (!target)
    return reply(response, 404, { Type: 'User', message: 'function not found' }, 'ResourceNotFoundException');
  const event = await readJson(request);
  if (request.headers['x-amz-invocation-type'] === 'Event') {
    void target.invokeLater(event);
    return reply(response, 202, undefined);
  }
  const outcome = await target.invoke(event);
  if (outcome === 'throttled') {
    return reply(response, 429, { Type: 'User', message: 'rate exceeded' }, 'TooManyRequestsException');
  }
  if (!('error' in outcome)) return reply(response, 200, outcome.payload ?? null);
  response.setHeader('x-amz-function-error', 'Unhandled');
  reply(response, 200, outcome.error);
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Error(`request of more than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return bytes === 0 ? null : JSON.parse(Buffer.concat(chunks).toString());
}

function reply(response: ServerResponse, status: number, body: unknown, errorType?: string): void {
  response.statusCode = status;
  response.setHeader('content-type', 'application/json');
  if (errorType) response.setHeader('x-amzn-errortype', errorType);
  response.end(body === undefined ? '' : JSON.stringify(body));
}

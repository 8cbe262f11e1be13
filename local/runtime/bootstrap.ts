import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Context } from 'aws-lambda';
import { poll } from './polling.ts';
import { ARN_VARIABLE, type FromInstance, invocationError, TIMEOUT_VARIABLE, type ToInstance } from './protocol.ts';
import { countRequests } from './request-count.ts';

/**
 * The first code of a function instance: what the Lambda runtime is on AWS. It loads the bundle's handler and runs it,
 * one event at a time, for the supervisor or for a queue. It leaves when the supervisor is gone.
 */

type Handler = (event: unknown, context: Context) => Promise<unknown>;

/** How often the supervisor hears of our memory and our requests. */
const REPORT_INTERVAL_MS = 1_000;
const KILOBYTE = 1024;

const leaving = new AbortController();
/** Before the bundle is loaded, so that it sees every request. */
const requests = countRequests();
/** The invocation, or the polling, that is under way. */
let underWay: Promise<unknown> = Promise.resolve();

const tell = (message: FromInstance): void => {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
};

function tellRequests(): void {
  const counts = requests.take();
  if (counts) tell({ kind: 'requests', counts });
}

function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

async function loadHandler(): Promise<Handler> {
  const [file = '', name = ''] = variable('_HANDLER').split(/\.(?=[^.]*$)/);
  const path = ['.mjs', '.js', '.cjs']
    .map(ending => join(variable('LAMBDA_TASK_ROOT'), file + ending))
    .find(existsSync);
  if (path === undefined) throw new Error(`no module ${file} in ${variable('LAMBDA_TASK_ROOT')}`);
  const handler = (await import(pathToFileURL(path).href))[name];
  if (typeof handler !== 'function') throw new TypeError(`${path} exports no function ${name}`);
  return handler;
}

function contextOf(requestId: string): Context {
  const deadline = Date.now() + Number(variable(TIMEOUT_VARIABLE)) * 1000;
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: variable('AWS_LAMBDA_FUNCTION_NAME'),
    functionVersion: variable('AWS_LAMBDA_FUNCTION_VERSION'),
    invokedFunctionArn: variable(ARN_VARIABLE),
    memoryLimitInMB: variable('AWS_LAMBDA_FUNCTION_MEMORY_SIZE'),
    awsRequestId: requestId,
    logGroupName: variable('AWS_LAMBDA_LOG_GROUP_NAME'),
    logStreamName: variable('AWS_LAMBDA_LOG_STREAM_NAME'),
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
    done() {},
    fail() {},
    succeed() {},
  };
}

/** The supervisor ends us when an invocation that has started does not finish within the function's time. */
async function run(
  handler: Handler,
  event: unknown,
  requestId: string,
): Promise<{ payload: unknown } | { error: unknown }> {
  tell({ kind: 'started', requestId });
  const start = performance.now();
  const finished = (outcome: { payload: unknown } | { error: ReturnType<typeof invocationError> }) =>
    tell({ kind: 'finished', requestId, milliseconds: performance.now() - start, outcome });
  try {
    const payload = await handler(event, contextOf(requestId));
    finished({ payload });
    return { payload };
  } catch (error) {
    const described = invocationError(error);
    console.error(JSON.stringify({ level: 'ERROR', message: 'invocation failed', ...described }));
    finished({ error: described });
    return { error };
  }
}

function obey(handler: Handler, message: ToInstance): void {
  if (message.kind === 'leave') {
    leaving.abort();
    tellRequests();
    void underWay.finally(() => process.exit(0));
  } else if (message.kind === 'invoke') {
    underWay = run(handler, message.event, message.requestId);
  } else {
    const onBatch: Parameters<typeof poll>[1] = event => {
      requests.add('sqs.messages', event.Records.length);
      return run(handler, event, randomUUID());
    };
    underWay = poll(message.queue, onBatch, tell, leaving.signal);
  }
}

process.once('disconnect', () => process.exit(0));

try {
  const handler = await loadHandler();
  process.on('message', (message: ToInstance) => obey(handler, message));
  setInterval(() => {
    const { maxRSS } = process.resourceUsage();
    tell({ kind: 'memory', rssBytes: process.memoryUsage.rss(), peakBytes: maxRSS * KILOBYTE });
    tellRequests();
  }, REPORT_INTERVAL_MS).unref();
  tell({ kind: 'ready' });
} catch (error) {
  console.error(error);
  tell({ kind: 'not-ready', error: invocationError(error) });
  process.exitCode = 1;
  process.disconnect?.();
}

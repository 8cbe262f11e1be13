'use strict';
/**
 * Runs one function behind LocalStack's init protocol: a request to EXECUTOR_PORT is an invocation; its log and its
 * result go back by two requests of ours. It is told once that the handler is loaded, or why it is not.
 */
const http = require('node:http');
const { join } = require('node:path');
const { pathToFileURL } = require('node:url');
const { format } = require('node:util');

const { env } = process;
const timeoutSeconds = Number(env.AWS_LAMBDA_FUNCTION_TIMEOUT || 3);
const agent = new http.Agent({ keepAlive: true });

function post(path, body) {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const request = http.request(env.LOCALSTACK_RUNTIME_ENDPOINT + path, { method: 'POST', agent, headers }, answer => {
      answer.resume().on('end', resolve);
    });
    request.on('error', reject).end(body);
  });
}

const describe = error =>
  JSON.stringify({
    errorMessage: error?.message ?? String(error),
    errorType: error?.name ?? 'Error',
    trace: String(error?.stack ?? '').split('\n'),
  });

async function load() {
  const [, file, name] = /^(.*)\.([^.]+)$/.exec(env._HANDLER);
  const module = await import(pathToFileURL(join(env.LAMBDA_TASK_ROOT, `${file}.mjs`)));
  if (typeof module[name] !== 'function') throw new Error(`${env._HANDLER} is no function`);
  return module[name];
}

/** What the handler writes while it works is its log. */
let written;
const write = process.stdout.write.bind(process.stdout);
for (const stream of [process.stdout, process.stderr]) {
  stream.write = (chunk, ...rest) => {
    written?.push(String(chunk));
    const done = rest.find(argument => typeof argument === 'function');
    return done ? write(chunk, done) : write(chunk);
  };
}
for (const level of ['log', 'info', 'warn', 'error', 'debug']) {
  console[level] = (...args) => process.stdout.write(`${format(...args)}\n`);
}

const contextOf = (id, arn, deadline) => ({
  awsRequestId: id,
  functionName: env.AWS_LAMBDA_FUNCTION_NAME,
  functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
  invokedFunctionArn: arn,
  memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
  logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
  logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
  callbackWaitsForEmptyEventLoop: true,
  getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
});

async function invoke(handler, invocation) {
  const id = invocation['invoke-id'];
  const deadline = Date.now() + timeoutSeconds * 1000;
  const context = contextOf(id, invocation['invoked-function-arn'], deadline);
  if (invocation['trace-id']) env._X_AMZN_TRACE_ID = invocation['trace-id'];
  written = [`START RequestId: ${id} Version: ${env.AWS_LAMBDA_FUNCTION_VERSION}\n`];
  const late = Promise.withResolvers();
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    const error = new Error(`${id} Task timed out after ${timeoutSeconds} seconds`);
    late.reject(Object.assign(error, { name: 'Sandbox.Timedout' }));
  }, timeoutSeconds * 1000);
  const [kind, body] = await Promise.race([
    handler(JSON.parse(invocation.payload || '{}'), context),
    late.promise,
  ]).then(
    value => ['response', JSON.stringify(value ?? null)],
    error => ['error', describe(error)],
  );
  clearTimeout(timer);
  const logs = [...written, `END RequestId: ${id}\n`].join('');
  written = undefined;
  await post(`/invocations/${id}/logs`, JSON.stringify({ logs }));
  await post(`/invocations/${id}/${kind}`, body);
  // As on AWS, where the environment of an invocation that ran out of time is not used again.
  if (timedOut) process.exit(1);
}

const loaded = load();
const server = http.createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  response.writeHead(202).end();
  await invoke(await loaded, JSON.parse(Buffer.concat(chunks)));
});
server.listen(Number(env.EXECUTOR_PORT), '127.0.0.1', () => {
  loaded.then(
    () => post(`/status/${env.EXECUTOR_ID}/ready`, '{}'),
    error => post(`/status/${env.EXECUTOR_ID}/error`, describe(error)),
  );
});

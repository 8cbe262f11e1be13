import { setTimeout as delay } from 'node:timers/promises';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { functionEnvironment } from '../local/function-environment.ts';
import { startControlServer } from '../local/runtime/control-server.ts';
import type { LocalFunction } from '../local/runtime/function.ts';
import { LocalFunctions } from '../local/runtime/functions.ts';
import { MetricStore } from '../local/runtime/metrics.ts';
import { Schedule } from '../local/runtime/schedule.ts';
import type { Model } from '../local/template/model.ts';
import {
  bootstrap,
  CREDENTIALS,
  cleanUp,
  folder,
  functionOf,
  modelOf,
  PLACES,
  REGION,
  TIMEOUT_MS,
  undo,
  until,
} from './local-fixture.ts';

cleanUp();

describe('a function', () => {
  test(
    'gets its event, its variables and its context, and nothing of our environment',
    async () => {
      process.env.OURS = 'secret';
      const fn = functionOf(
        `export const handler = async (event, context) => ({ event, env: process.env, name: context.functionName,
         left: context.getRemainingTimeInMillis(), arn: context.invokedFunctionArn });`,
      );
      const outcome = await fn.invoke({ a: 1 });
      expect(outcome).toMatchObject({
        payload: {
          event: { a: 1 },
          name: fn.model.name,
          arn: fn.model.arn,
          env: { GREETING: 'hello', AWS_REGION: REGION, AWS_ENDPOINT_URL_SQS: 'http://a' },
        },
      });
      const { left, env } = (outcome as { payload: { left: number; env: object } }).payload;
      expect(left).toBeGreaterThan(25_000);
      expect(left).toBeLessThanOrEqual(30_000);
      expect(env).not.toHaveProperty('OURS');
    },
    TIMEOUT_MS,
  );

  test(
    'that throws, ends its process or cannot be loaded has failed, and is there for the next event',
    async () => {
      const fn = functionOf(`
      export const handler = async ({ what }) => {
        if (what === 'throw') throw new TypeError('no');
        if (what === 'exit') process.exit(3);
        return process.pid;
      };`);
      expect(await fn.invoke({ what: 'throw' })).toMatchObject({
        error: { errorType: 'TypeError', errorMessage: 'no' },
      });
      expect(await fn.invoke({ what: 'exit' })).toMatchObject({
        error: { errorMessage: 'the process ended: exit code 3' },
      });
      expect(await fn.invoke({})).toMatchObject({ payload: expect.any(Number) });
      expect(fn.status()).toMatchObject({ invocations: 3, errors: 2 });
      const broken = functionOf(`throw new Error('at load');`);
      expect(await broken.invoke({})).toMatchObject({ error: { errorMessage: 'at load' } });
    },
    TIMEOUT_MS,
  );

  test(
    'keeps its instance for the next event, until it is killed',
    async () => {
      const fn = functionOf('export const handler = async () => process.pid;');
      const first = await fn.invoke({});
      expect(await fn.invoke({})).toEqual(first);
      await [...fn.instances][0]!.kill9();
      expect(await fn.invoke({})).not.toEqual(first);
    },
    TIMEOUT_MS,
  );

  test(
    'that takes longer than its time is killed, also when it blocks',
    async () => {
      const fn = functionOf('export const handler = async () => { for (;;); };', { timeoutSeconds: 1 });
      expect(await fn.invoke({})).toMatchObject({ error: { errorMessage: 'timed out after 1 seconds' } });
      await until(() => fn.instances.size === 0, 'the instance is gone');
    },
    TIMEOUT_MS,
  );

  test(
    'runs no more often at once than it has reserved',
    async () => {
      const slow = 'export const handler = () => new Promise(resolve => setTimeout(resolve, 500, "done"));';
      const fn = functionOf(slow, { reservedConcurrency: 1 });
      const first = fn.invoke({});
      expect(await fn.invoke({})).toBe('throttled');
      expect(await first).toEqual({ payload: 'done' });
      expect(await fn.invoke({})).toEqual({ payload: 'done' });
    },
    TIMEOUT_MS,
  );

  test(
    'is invoked twice more when an asynchronous event fails, and not when it answers nothing',
    async () => {
      const failing = functionOf('export const handler = async () => { throw new Error("no"); };');
      await failing.invokeLater({});
      expect(failing.status().invocations).toBe(3);
      const silent = functionOf('export const handler = async () => {};');
      await silent.invokeLater({});
      expect(silent.status().invocations).toBe(1);
    },
    TIMEOUT_MS,
  );

  test(
    'has the heap of its memory, and tells how much it uses',
    async () => {
      const fn = functionOf(`
      import { getHeapStatistics } from 'node:v8';
      export const handler = async () => getHeapStatistics().heap_size_limit / 2 ** 20;`);
      const { payload } = (await fn.invoke({})) as { payload: number };
      expect(payload).toBeLessThan(128 + 32);
      await until(() => fn.status().peakBytes > 10_000_000, 'its memory is known');
    },
    TIMEOUT_MS,
  );

  test(
    'writes metrics as lines of its log',
    async () => {
      const metrics = new MetricStore();
      const fn = functionOf(
        `export const handler = async () => console.log(JSON.stringify({ _aws: { Timestamp: Date.now(), CloudWatchMetrics:
         [{ Namespace: 'app', Dimensions: [['service']], Metrics: [{ Name: 'lag' }] }] }, service: 's', lag: 7 }));`,
        {},
        metrics,
      );
      await fn.invoke({});
      const lag = { namespace: 'app', name: 'lag', dimensions: { service: 's' } };
      expect((await until(() => metrics.summary(lag, 0, Number.POSITIVE_INFINITY), 'the metric')).sum).toBe(7);
      const invocations = { namespace: 'AWS/Lambda', name: 'Invocations', dimensions: { FunctionName: fn.model.name } };
      expect(metrics.summary(invocations, 0, Number.POSITIVE_INFINITY)).toMatchObject({ sum: 1 });
    },
    TIMEOUT_MS,
  );
});

describe('a schedule', () => {
  const scheduled = (fn: LocalFunction) => {
    const schedule = new Schedule(
      {
        id: 'App/S',
        name: 's',
        expression: 'rate(1 day)',
        enabled: true,
        functionName: fn.model.name,
        input: undefined,
      },
      fn,
    );
    undo(() => schedule.stop());
    schedule.start();
  };

  test(
    'runs its function at once, and only then',
    async () => {
      const fn = functionOf('export const handler = async () => {};');
      scheduled(fn);
      await until(() => fn.status().invocations === 1, 'the first run');
      await delay(1_500);
      expect(fn.status().invocations).toBe(1);
    },
    TIMEOUT_MS,
  );

  test(
    'runs it again soon when it was killed',
    async () => {
      const fn = functionOf('export const handler = () => new Promise(() => setInterval(() => {}, 1000));');
      scheduled(fn);
      const first = await until(() => [...fn.instances].find(({ isRunning }) => isRunning), 'it runs');
      await first.kill9();
      await until(
        () => [...fn.instances].some(({ isRunning, pid }) => isRunning && pid !== first.pid),
        'it runs again',
      );
    },
    TIMEOUT_MS,
  );
});

describe('the control server', () => {
  test(
    "answers Lambda's Invoke, and hears custom resources",
    async () => {
      const model = modelOf(
        'export const handler = async event => { if (event.bad) throw new Error("no"); return event; };',
      );
      const metrics = new MetricStore();
      const functions = new LocalFunctions({
        model: { functions: [model], asyncInvocations: [] } as unknown as Model,
        bootstrap,
        logs: folder,
        metrics,
        environment: fn => functionEnvironment(fn, PLACES),
      });
      const control = await startControlServer({ port: 0, functions, metrics });
      const lambda = new LambdaClient({
        endpoint: control.url,
        region: REGION,
        credentials: CREDENTIALS,
        maxAttempts: 1,
      });
      undo(() => functions.stop());
      undo(() => control.stop());
      undo(() => lambda.destroy());
      const invoke = (
        FunctionName: string,
        event: object,
        InvocationType: 'Event' | 'RequestResponse' = 'RequestResponse',
      ) => lambda.send(new InvokeCommand({ FunctionName, InvocationType, Payload: JSON.stringify(event) }));

      expect((await invoke(model.arn, { a: 1 })).Payload?.transformToString()).toBe('{"a":1}');
      expect(await invoke(model.name, { bad: true })).toMatchObject({ StatusCode: 200, FunctionError: 'Unhandled' });
      expect(await invoke(model.name, {}, 'Event')).toMatchObject({ StatusCode: 202 });
      await expect(invoke('nobody', {})).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
      expect(await fetch(`${control.url}/status`)).toMatchObject({ status: 503 });
      control.answerStatus(async () => ({ fine: true }));
      expect(await (await fetch(`${control.url}/status`)).json()).toEqual({ fine: true });

      const { url, answer } = control.expect();
      expect((await fetch(url, { method: 'PUT', body: '{"Status":"SUCCESS"}' })).status).toBe(200);
      expect(await answer).toEqual({ Status: 'SUCCESS' });
      expect((await fetch(url, { method: 'PUT', body: '{}' })).status).toBe(404);
    },
    TIMEOUT_MS,
  );
});

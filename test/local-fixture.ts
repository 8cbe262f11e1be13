import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { functionEnvironment } from '../local/function-environment.ts';
import { bundleBootstrap } from '../local/runtime/bundle-bootstrap.ts';
import { LocalFunction } from '../local/runtime/function.ts';
import { LogFile } from '../local/runtime/log-file.ts';
import { MetricStore } from '../local/runtime/metrics.ts';
import type { FunctionModel } from '../local/template/compute.ts';

/** A busy machine may need many times what an idle one does. */
export const TIMEOUT_MS = 60_000;
export const ACCOUNT = '000000000000';
export const REGION = 'us-east-1';
export const CREDENTIALS = { accessKeyId: 'x', secretAccessKey: 'x' };
/** Where no function of these tests calls. */
export const PLACES = {
  aws: 'http://a',
  dynamodb: 'http://d',
  control: 'http://l',
  api: 'http://l',
  console: 'http://l',
  search: 'http://s',
  cache: '',
  issuer: 'http://i',
  keys: '/keys',
  database: 'http://p',
};

/** Of one test file, removed at its end. */
export const folder = mkdtempSync(join(tmpdir(), 'local-mode-'));
export const bootstrap = await bundleBootstrap(folder);
const started: (() => unknown)[] = [];

/** Taken back after the test, last first. */
export const undo = (step: () => unknown): void => void started.push(step);

export function cleanUp(): void {
  afterEach(async () => {
    for (let step = started.pop(); step; step = started.pop()) await step();
  }, TIMEOUT_MS);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
}

let count = 0;
export const uniqueName = (what: string): string => `${what}-${++count}`;

/** A function whose bundle is this text. */
export function modelOf(source: string, more: Partial<FunctionModel> = {}): FunctionModel {
  const name = uniqueName('fn');
  const bundle = join(folder, name);
  mkdirSync(bundle);
  writeFileSync(join(bundle, 'index.mjs'), source);
  return {
    id: `App/${name}`,
    name,
    arn: `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${name}`,
    folder: bundle,
    handler: 'index.handler',
    environment: { GREETING: 'hello' },
    timeoutSeconds: 30,
    memoryMegabytes: 128,
    reservedConcurrency: undefined,
    ...more,
  };
}

export function functionOf(
  source: string,
  more: Partial<FunctionModel> = {},
  metrics = new MetricStore(),
): LocalFunction {
  const model = modelOf(source, more);
  const fn = new LocalFunction({
    model,
    bootstrap,
    environment: () => functionEnvironment(model, PLACES),
    maximumRetries: 2,
    log: new LogFile(join(folder, `${model.name}.log`)),
    metrics,
  });
  undo(() => fn.stop());
  return fn;
}

/** Looks until there is something to see. */
export async function until<T>(
  look: () => T | Promise<T>,
  what: string,
  withinMs = 20_000,
): Promise<NonNullable<Awaited<T>>> {
  for (const deadline = Date.now() + withinMs; Date.now() < deadline; await delay(20)) {
    const seen = await look();
    if (seen) return seen as NonNullable<Awaited<T>>;
  }
  throw new Error(`not within ${withinMs} ms: ${what}`);
}

import { join } from 'node:path';
import { DistributaryError } from '../../core/errors.ts';
import type { FunctionModel } from '../template/compute.ts';
import type { Model } from '../template/model.ts';
import { type FunctionStatus, LocalFunction } from './function.ts';
import { LogFile } from './log-file.ts';
import type { MetricStore } from './metrics.ts';

export interface FunctionsOptions {
  readonly model: Model;
  readonly bootstrap: string;
  /** A log to each function. */
  readonly logs: string;
  readonly metrics: MetricStore;
  environment(model: FunctionModel): Readonly<Record<string, string>>;
}

/** An instance of a function, as whoever kills it sees it. */
export interface FunctionProcess {
  readonly name: string;
  readonly kind: 'function';
  readonly pid: number;
  readonly busy: boolean;
  kill9(): void;
}

/** Lambda's default for asynchronous invocations. */
const MAXIMUM_RETRIES = 2;

/** The functions of the template, by name. */
export class LocalFunctions {
  readonly #functions: ReadonlyMap<string, LocalFunction>;

  constructor({ model, bootstrap, logs, metrics, environment }: FunctionsOptions) {
    const retries = new Map(model.asyncInvocations.map(config => [config.functionName, config.maximumRetries]));
    this.#functions = new Map(
      model.functions.map(fn => [
        fn.name,
        new LocalFunction({
          model: fn,
          bootstrap,
          environment: () => environment(fn),
          maximumRetries: retries.get(fn.name) ?? MAXIMUM_RETRIES,
          log: new LogFile(join(logs, `${fn.name}.log`)),
          metrics,
        }),
      ]),
    );
  }

  find(name: string): LocalFunction | undefined {
    return this.#functions.get(name);
  }

  get(name: string): LocalFunction {
    const found = this.#functions.get(name);
    if (!found)
      throw new DistributaryError('template-unsupported', `the template refers to function ${name}, and has none`);
    return found;
  }

  statuses(): readonly FunctionStatus[] {
    return [...this.#functions.values()].map(fn => fn.status());
  }

  processes(): readonly FunctionProcess[] {
    return [...this.#functions].flatMap(([name, { instances }]) =>
      [...instances].map(instance => ({
        name,
        kind: 'function' as const,
        pid: instance.pid,
        busy: instance.isRunning,
        kill9: () => void instance.kill9(),
      })),
    );
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#functions.values()].map(fn => fn.stop()));
  }
}

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { FunctionModel } from '../template/compute.ts';
import { Instance, type Outcome } from './instance.ts';
import type { LogFile } from './log-file.ts';
import type { MetricStore } from './metrics.ts';
import type { InvocationError } from './protocol.ts';
import type { RequestCounts } from './request-count.ts';

export interface FunctionOptions {
  readonly model: FunctionModel;
  readonly bootstrap: string;
  /** Asked for at each start of an instance. */
  environment(): Readonly<Record<string, string>>;
  /** After an asynchronous invocation that failed. */
  readonly maximumRetries: number;
  readonly log: LogFile;
  readonly metrics: MetricStore;
}

export interface FunctionStatus {
  readonly name: string;
  readonly log: string;
  readonly instances: readonly { readonly pid: number; readonly running: boolean; readonly rssBytes: number }[];
  /** The most that one instance has ever used. */
  readonly peakBytes: number;
  readonly invocations: number;
  readonly errors: number;
  readonly lastError: { readonly at: number; readonly message: string } | undefined;
}

/** What functions ask of servers; AWS has no such metric, its bill has. */
export const REQUESTS = 'local/requests';

/** Two cores do not serve the thousand instances of an account; two let a relay hand over to its successor. */
const MAX_INVOKED_INSTANCES = 2;
/** What is reserved for a function it may have, up to this: runs of several stores, and requests beside them. */
const MAX_RESERVED_INSTANCES = 6;
/** Lambda keeps an idle environment for minutes; here until what is called each minute finds it once more, memory being dear. */
const IDLE_MS = 75_000;
/** Lambda retries an event after one minute, then two; nobody at a terminal wants to wait for that. */
const ASYNC_RETRY_MS = [1_000, 2_000];

/** One function of the template: its instances, and what is known of them. */
export class LocalFunction {
  readonly model: FunctionModel;
  readonly #options: FunctionOptions;
  readonly #instances = new Set<Instance>();
  readonly #idle = new Map<Instance, NodeJS.Timeout>();
  #invoked = 0;
  #invocations = 0;
  #errors = 0;
  #peakBytes = 0;
  #lastError: FunctionStatus['lastError'];
  #isStopping = false;

  constructor(options: FunctionOptions) {
    this.model = options.model;
    this.#options = options;
  }

  get instances(): ReadonlySet<Instance> {
    return this.#instances;
  }

  /** A new instance, for a queue to be polled by; `invoke` has its own. */
  start(): Instance {
    const { model, bootstrap, log, metrics } = this.#options;
    const instance = new Instance({
      bootstrap,
      environment: this.#options.environment(),
      timeoutSeconds: model.timeoutSeconds,
      memoryMegabytes: model.memoryMegabytes,
      onLine: line => {
        log.write(line);
        metrics.recordLine(line);
      },
      onFinished: (milliseconds, error) => this.#finished(milliseconds, error),
      onRequests: counts => this.#asked(counts),
    });
    this.#instances.add(instance);
    void instance.ended.then(ending => {
      this.#peakBytes = Math.max(this.#peakBytes, instance.memory.peakBytes);
      this.#instances.delete(instance);
      this.#forget(instance);
      if (ending !== 'left') log.write(`[local] instance ${instance.pid} ended: ${ending}`);
    });
    return instance;
  }

  /** Runs the handler and waits for it; `throttled` when as many run as may. */
  async invoke(event: unknown): Promise<Outcome | 'throttled'> {
    const most = Math.min(this.model.reservedConcurrency ?? MAX_INVOKED_INSTANCES, MAX_RESERVED_INSTANCES);
    if (this.#isStopping || this.#invoked >= most) {
      this.#count('Throttles', 1);
      return 'throttled';
    }
    this.#invoked += 1;
    const instance = this.#takeIdle() ?? this.start();
    const outcome = await instance.invoke(event, randomUUID());
    this.#invoked -= 1;
    if (this.#instances.has(instance) && !this.#isStopping) this.#keep(instance);
    return outcome;
  }

  /** Runs the handler soon, again after an error; resolves when it is done with. */
  async invokeLater(event: unknown): Promise<void> {
    for (let failures = 0; failures <= this.#options.maximumRetries && !this.#isStopping; ) {
      const outcome = await this.invoke(event);
      if (outcome !== 'throttled') {
        if (!('error' in outcome)) return;
        failures += 1;
      }
      await delay(ASYNC_RETRY_MS[Math.min(failures, ASYNC_RETRY_MS.length) - 1] ?? ASYNC_RETRY_MS[0], undefined, {
        ref: false,
      });
    }
  }

  status(): FunctionStatus {
    const peaks = [...this.#instances].map(({ memory }) => memory.peakBytes);
    return {
      name: this.model.name,
      log: this.#options.log.path,
      instances: [...this.#instances].map(({ pid, isRunning, memory }) => ({
        pid,
        running: isRunning,
        rssBytes: memory.rssBytes,
      })),
      peakBytes: Math.max(this.#peakBytes, ...peaks),
      invocations: this.#invocations,
      errors: this.#errors,
      lastError: this.#lastError,
    };
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    // What was invoked may run for minutes: it is at-least-once on AWS too, so it is not waited for.
    await Promise.all(
      [...this.#instances].map(instance => (instance.isRunning ? instance.kill9('left') : instance.leave())),
    );
    this.#options.log.close();
  }

  #finished(milliseconds: number, error: InvocationError | undefined): void {
    this.#invocations += 1;
    this.#count('Invocations', 1);
    this.#count('Duration', milliseconds);
    this.#count('Errors', error ? 1 : 0);
    if (!error) return;
    this.#errors += 1;
    this.#lastError = { at: Date.now(), message: `${error.errorType}: ${error.errorMessage}` };
    this.#options.log.write(`[local] ${this.#lastError.message}`);
  }

  #asked(counts: RequestCounts): void {
    const dimensions = { FunctionName: this.model.name };
    for (const [name, count] of Object.entries(counts)) {
      this.#options.metrics.record({ namespace: REQUESTS, name, dimensions }, count);
    }
  }

  #count(name: string, value: number): void {
    const dimensions = { FunctionName: this.model.name };
    this.#options.metrics.record({ namespace: 'AWS/Lambda', name, dimensions }, value);
  }

  #takeIdle(): Instance | undefined {
    const [instance] = this.#idle.keys();
    if (instance) this.#forget(instance);
    return instance;
  }

  #keep(instance: Instance): void {
    this.#idle.set(
      instance,
      setTimeout(() => {
        this.#forget(instance);
        void instance.leave();
      }, IDLE_MS),
    );
  }

  #forget(instance: Instance): void {
    clearTimeout(this.#idle.get(instance));
    this.#idle.delete(instance);
  }
}

import { setTimeout as delay } from 'node:timers/promises';
import type { EventSourceMapping } from '../template/compute.ts';
import type { Queue } from '../template/messaging.ts';
import type { LocalFunction } from './function.ts';
import type { Instance } from './instance.ts';

export interface MappingOptions {
  readonly model: EventSourceMapping;
  readonly queue: Queue;
  readonly function: LocalFunction;
  /** Where the queue is. */
  readonly endpoint: string;
  /** Most instances that poll the queue at once. @default 1 */
  readonly instances?: number;
  /** Makes messages visible again that died with an instance. */
  release(queueName: string, keep: readonly string[]): Promise<void>;
  onRestart(what: string): void;
}

/** An instance that lived so long did not die of its start. */
const LIVED_MS = 10_000;
const FIRST_RESTART_MS = 50;
const LONGEST_RESTART_MS = 10_000;

/** An event source mapping: instances of the function that poll the queue, replaced when they die. */
export class Mapping {
  readonly #options: MappingOptions;
  readonly #instances = new Set<Instance>();
  readonly #workers: readonly Promise<void>[];
  readonly #stopping = new AbortController();

  constructor(options: MappingOptions) {
    this.#options = options;
    const { maximumConcurrency = Number.POSITIVE_INFINITY, enabled } = options.model;
    const reserved = options.function.model.reservedConcurrency ?? Number.POSITIVE_INFINITY;
    const count = enabled ? Math.min(options.instances ?? 1, maximumConcurrency, reserved) : 0;
    this.#workers = Array.from({ length: count }, () => this.#work());
  }

  /** Lets each instance finish its batch. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([...this.#instances].map(instance => instance.leave()));
    await Promise.all(this.#workers);
  }

  async #work(): Promise<void> {
    let failures = 0;
    while (!this.#stopping.signal.aborted) {
      const start = Date.now();
      const ending = await this.#runInstance();
      if (this.#stopping.signal.aborted) return;
      failures = Date.now() - start > LIVED_MS ? 0 : failures + 1;
      const pauseMs = failures === 0 ? 0 : Math.min(FIRST_RESTART_MS * 2 ** (failures - 1), LONGEST_RESTART_MS);
      const { name } = this.#options.function.model;
      this.#options.onRestart(`${name}: instance ${ending}, another starts in ${pauseMs} ms`);
      await delay(pauseMs, undefined, { signal: this.#stopping.signal }).catch(() => {});
    }
  }

  async #runInstance(): Promise<string> {
    const { model, queue, endpoint, release } = this.#options;
    const instance = this.#options.function.start();
    this.#instances.add(instance);
    const { batchSize, windowSeconds, reportsFailures } = model;
    instance.poll({ endpoint, url: queue.url, arn: queue.arn, batchSize, windowSeconds, reportsFailures });
    const ending = await instance.ended;
    this.#instances.delete(instance);
    // Without it they would stay hidden for the queue's visibility timeout, six times the function's time.
    const held = [...this.#instances].flatMap(({ handles }) => [...handles]);
    await release(queue.name, held).catch(() => {}); // The emulator is down: it releases everything when it starts.
    return ending;
  }
}

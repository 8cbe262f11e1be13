import { setTimeout as delay } from 'node:timers/promises';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import type { FromInstance, PolledQueue } from './protocol.ts';
import { MAX_REQUEST_MESSAGES, type QueueClient, queueClient, type ReceivedMessage, recordOf } from './queue-client.ts';

/** As long as SQS lets a receive wait. */
const WAIT_SECONDS = 20;
/** While the emulator restarts. */
const RETRY_MS = 200;
/** While the window is open and the batch is not full. */
const LOOK_AGAIN_MS = 100;
/**
 * Messages of a failed batch come back after 1 s, doubling with each receipt. Lambda leaves them until the queue's
 * visibility timeout, minutes that nobody at a terminal wants to wait.
 */
const FIRST_RETURN_SECONDS = 1;
const LONGEST_RETURN_SECONDS = 30;

/** Runs the handler on an event; resolves with what it threw instead of rejecting. */
export type Invoke = (event: SQSEvent) => Promise<{ payload: unknown } | { error: unknown }>;

/** Messages on their way to the handler. */
class Collector {
  readonly #queue: PolledQueue;
  readonly #client: QueueClient;
  readonly #tell: (message: FromInstance) => void;
  readonly #signal: AbortSignal;
  #wanted = Promise.withResolvers<void>();
  #isWanted = false;

  constructor(queue: PolledQueue, client: QueueClient, tell: (message: FromInstance) => void, signal: AbortSignal) {
    this.#queue = queue;
    this.#client = client;
    this.#tell = tell;
    this.#signal = signal;
  }

  /** The handler is free: what is there goes to it, once the window is over. */
  want(): void {
    this.#isWanted = true;
    this.#wanted.resolve();
  }

  /**
   * A batch: full, or what has come until the handler was ready for it and the window was over. While the handler is busy
   * nobody looks: what came meanwhile is received in one request when it is free.
   */
  async collect(): Promise<readonly ReceivedMessage[]> {
    this.#isWanted = false;
    this.#wanted = Promise.withResolvers();
    const { batchSize, windowSeconds } = this.#queue;
    const messages: ReceivedMessage[] = [];
    while (messages.length === 0 && !this.#signal.aborted) {
      messages.push(...(await this.#receive(batchSize, WAIT_SECONDS)));
    }
    const windowEnd = Date.now() + windowSeconds * 1000;
    while (Date.now() < windowEnd && (await this.#fill(messages))) await delay(LOOK_AGAIN_MS);
    if (this.#isWanted) return messages;
    await this.#wanted.promise;
    await this.#fill(messages);
    return messages;
  }

  /** Takes what is there; whether there is still room. */
  async #fill(messages: ReceivedMessage[]): Promise<boolean> {
    const { batchSize } = this.#queue;
    for (let missing = batchSize - messages.length; missing > 0; missing = batchSize - messages.length) {
      const received = await this.#receive(missing, 0);
      messages.push(...received);
      if (received.length < Math.min(missing, MAX_REQUEST_MESSAGES)) return true;
    }
    return false;
  }

  async #receive(atMost: number, waitSeconds: number): Promise<readonly ReceivedMessage[]> {
    try {
      const received = await this.#client.receive(atMost, waitSeconds, this.#signal);
      if (received.length > 0) this.#tell({ kind: 'received', handles: handlesOf(received) });
      return received;
    } catch (error) {
      if (!this.#signal.aborted) {
        warn('queue does not answer', error);
        await delay(RETRY_MS);
      }
      return [];
    }
  }
}

/**
 * An event source mapping beside the handler, so that no message crosses from process to process. The next batch is
 * received while the handler has the last one. Ends with the signal, after the batch that the handler has.
 */
export async function poll(
  queue: PolledQueue,
  invoke: Invoke,
  tell: (message: FromInstance) => void,
  signal: AbortSignal,
): Promise<void> {
  const client = queueClient(queue.endpoint, queue.url, queue.arn.split(':')[3] ?? '');
  const collector = new Collector(queue, client, tell, signal);
  let next = collector.collect();
  for (;;) {
    collector.want();
    const messages = await next;
    if (signal.aborted) {
      // Received ahead, and not needed any more.
      await client.giveBack(handlesOf(messages), 0).catch(error => warn('messages not given back', error));
      return;
    }
    next = collector.collect();
    if (messages.length > 0) await handle(queue, client, invoke, tell, messages);
  }
}

async function handle(
  queue: PolledQueue,
  client: QueueClient,
  invoke: Invoke,
  tell: (message: FromInstance) => void,
  messages: readonly ReceivedMessage[],
): Promise<void> {
  const outcome = await invoke({ Records: messages.map(message => recordOf(message, queue.arn)) });
  const failed = failedOf(queue, messages, outcome);
  const done = messages.filter(message => !failed.includes(message));
  try {
    await client.delete(handlesOf(done));
    for (const message of failed) await client.giveBack([message.ReceiptHandle], returnAfter(message));
  } catch (error) {
    // They come back by the visibility timeout, and are then stale.
    warn('batch not settled', error);
  }
  tell({ kind: 'settled', handles: handlesOf(messages) });
}

/** What Lambda takes for failed: see "Implementing partial batch responses" in its manual. */
function failedOf(
  { reportsFailures }: PolledQueue,
  messages: readonly ReceivedMessage[],
  outcome: { payload: unknown } | { error: unknown },
): readonly ReceivedMessage[] {
  if ('error' in outcome) return messages;
  if (!reportsFailures) return [];
  const { batchItemFailures = [] } = (outcome.payload ?? {}) as Partial<SQSBatchResponse>;
  const ids = new Set((batchItemFailures ?? []).map(({ itemIdentifier }) => itemIdentifier));
  const failed = messages.filter(({ MessageId }) => ids.has(MessageId));
  // An id that is none of the batch's fails all of it.
  return failed.length === ids.size ? failed : messages;
}

function returnAfter({ Attributes }: ReceivedMessage): number {
  const receipts = Number(Attributes?.ApproximateReceiveCount ?? 1);
  return Math.min(FIRST_RETURN_SECONDS * 2 ** (receipts - 1), LONGEST_RETURN_SECONDS);
}

const handlesOf = (messages: readonly ReceivedMessage[]): string[] => messages.map(message => message.ReceiptHandle);

const warn = (message: string, error: unknown): void =>
  console.error(JSON.stringify({ level: 'WARN', message, reason: String(error) }));

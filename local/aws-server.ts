import { parseArgs } from 'node:util';
import { z } from 'zod';
import { type HoldsApplication, type HoldsDatabase, keepHolds } from './aws-holds.ts';

/**
 * The process behind local/aws.ts: fauxqs (SQS, SNS, S3) with its state in SQLite.
 *
 * It is put together from its parts, because its own `startFauxqs` listens on every interface, syncs the disk for each
 * message (200 packs/s instead of 600), and loses a message whose visibility is set to 0 while persistence is on.
 */

interface Persistence {
  readonly db: HoldsDatabase;
  load(sqs: SqsStore, sns: SnsStore, s3: S3Store): void;
  updateMessageReady(messageId: string): void;
}

interface Message {
  readonly sentTimestamp: number;
  approximateReceiveCount: number;
}

interface FauxqsQueue {
  readonly name: string;
  url: string;
  persistence?: Persistence;
  readonly messages: readonly Message[];
  readonly delayedMessages: readonly Message[];
  readonly inflightMessages: ReadonlyMap<string, { readonly message: Message }>;
  setAttributes(attributes: Record<string, string>): void;
  changeVisibility(receiptHandle: string, seconds: number): void;
  processTimers(): void;
}

interface SqsStore {
  region: string;
  persistence?: Persistence;
  allQueues(): Iterable<FauxqsQueue>;
  getQueueByArn(arn: string): FauxqsQueue | undefined;
  getQueueByName(name: string): FauxqsQueue | undefined;
  createQueue(name: string, url: string, arn: string, attributes: Record<string, string>): void;
}

interface SnsStore {
  region: string;
  persistence?: Persistence;
  getTopic(arn: string): { subscriptionArns: readonly string[] } | undefined;
  createTopic(name: string, attributes: undefined, tags: undefined, region: string): void;
  getSubscription(arn: string): { endpoint: string; attributes: Record<string, string> } | undefined;
  subscribe(topicArn: string, protocol: 'sqs', endpoint: string, attributes: Record<string, string>): void;
  unsubscribe(arn: string): void;
}

interface S3Store {
  persistence?: Persistence;
  hasBucket(name: string): boolean;
  createBucket(name: string): void;
}

interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: unknown;
  readonly raw: { readonly socket: { readonly writable: boolean } };
}

type SendHook = (request: HttpRequest, reply: unknown, payload: unknown, done: () => void) => void;

interface Application {
  readonly addHook: HoldsApplication['addHook'] & ((name: 'onSend', hook: SendHook) => void);
  get(path: string, handler: () => Promise<unknown>): void;
  post(path: string, handler: (request: HttpRequest) => Promise<unknown>): void;
  listen(options: { port: number; host: string }): Promise<string>;
  close(): Promise<void>;
}

const fauxqs = (file: string) => import(new URL(file, import.meta.resolve('fauxqs')).href);

const wanted = z.object({
  region: z.string(),
  queues: z.array(
    z.object({ name: z.string(), arn: z.string(), url: z.string(), attributes: z.record(z.string(), z.string()) }),
  ),
  topics: z.array(z.object({ name: z.string(), arn: z.string() })),
  subscriptions: z.array(
    z.object({ topicArn: z.string(), queueArn: z.string(), attributes: z.record(z.string(), z.string()) }),
  ),
  buckets: z.array(z.object({ name: z.string() })),
});
export type Wanted = z.input<typeof wanted>;

export interface QueueDepth {
  readonly name: string;
  readonly url: string;
  readonly visible: number;
  readonly inFlight: number;
  readonly delayed: number;
  /** Of the oldest message, in flight or not; 0 in an empty queue. */
  readonly oldestSeconds: number;
}

class Bus {
  readonly #sqs: SqsStore;
  readonly #sns: SnsStore;
  readonly #s3: S3Store;

  constructor(sqs: SqsStore, sns: SnsStore, s3: S3Store) {
    this.#sqs = sqs;
    this.#sns = sns;
    this.#s3 = s3;
  }

  /** Makes what is missing and changes what differs; messages and objects stay. */
  provision({ region, queues, topics, subscriptions, buckets }: z.output<typeof wanted>): void {
    this.#sqs.region = region;
    this.#sns.region = region;
    for (const { name, url, arn, attributes } of queues) {
      const existing = this.#sqs.getQueueByArn(arn);
      if (existing) {
        existing.url = url;
        existing.setAttributes({ RedrivePolicy: '', ...attributes });
      } else this.#sqs.createQueue(name, url, arn, attributes);
    }
    for (const { name, arn } of topics) {
      this.#sns.createTopic(name, undefined, undefined, region);
      this.#subscribe(
        arn,
        subscriptions.filter(({ topicArn }) => topicArn === arn),
      );
    }
    for (const { name } of buckets) if (!this.#s3.hasBucket(name)) this.#s3.createBucket(name);
  }

  #subscribe(topicArn: string, subscriptions: z.output<typeof wanted>['subscriptions']): void {
    const key = (endpoint: string, attributes: Record<string, string>) =>
      JSON.stringify([endpoint, Object.entries(attributes).sort()]);
    const missing = new Map(subscriptions.map(wish => [key(wish.queueArn, wish.attributes), wish]));
    for (const arn of [...(this.#sns.getTopic(topicArn)?.subscriptionArns ?? [])]) {
      const existing = this.#sns.getSubscription(arn);
      if (existing && !missing.delete(key(existing.endpoint, existing.attributes))) this.#sns.unsubscribe(arn);
    }
    for (const { queueArn, attributes } of missing.values()) {
      this.#sns.subscribe(topicArn, 'sqs', queueArn, attributes);
    }
  }

  depths(): QueueDepth[] {
    return [...this.#sqs.allQueues()].map(queue => {
      queue.processTimers();
      const inFlight = [...queue.inflightMessages.values()].map(({ message }) => message);
      const oldest = [...inFlight, ...queue.delayedMessages, ...queue.messages].reduce(
        (earliest, { sentTimestamp }) => Math.min(earliest, sentTimestamp),
        Date.now(),
      );
      return {
        name: queue.name,
        url: queue.url,
        visible: queue.messages.length,
        inFlight: inFlight.length,
        delayed: queue.delayedMessages.length,
        oldestSeconds: (Date.now() - oldest) / 1000,
      };
    });
  }

  /** Makes messages in flight visible again, but for those under the receipt handles to keep. */
  release(name: string, keep: readonly string[]): number {
    const queue = this.#sqs.getQueueByName(name);
    const kept = new Set(keep);
    const handles = [...(queue?.inflightMessages.keys() ?? [])].filter(handle => !kept.has(handle));
    for (const handle of handles) queue?.changeVisibility(handle, 0);
    return handles.length;
  }

  /** What was received with these handles is visible again, as if it never had been. */
  takeBack(queueUrl: string, handles: readonly string[]): void {
    const queue = this.#sqs.getQueueByName(queueUrl.slice(queueUrl.lastIndexOf('/') + 1));
    for (const handle of handles) {
      const entry = queue?.inflightMessages.get(handle);
      if (entry) entry.message.approximateReceiveCount -= 1;
      queue?.changeVisibility(handle, 0);
    }
  }

  releaseAll(): void {
    for (const { name } of this.#sqs.allQueues()) this.release(name, []);
  }
}

const received = z.object({ Messages: z.array(z.object({ ReceiptHandle: z.string() })).default([]) });
const receiving = z.object({ QueueUrl: z.string() });

/**
 * A message for someone who waited for it and died goes back, instead of into a socket that nobody reads: one that the
 * other side has ended is not writable any more, a while before it is destroyed.
 */
function takeBackUndelivered(app: Application, bus: Bus): void {
  app.addHook('onSend', (request, _reply, payload, done) => {
    if (!request.raw.socket.writable && request.headers['x-amz-target'] === 'AmazonSQS.ReceiveMessage') {
      const handles = received.parse(JSON.parse(String(payload))).Messages.map(message => message.ReceiptHandle);
      bus.takeBack(receiving.parse(request.body).QueueUrl, handles);
    }
    done();
  });
}

async function openPersistence(dataDir: string): Promise<Persistence> {
  const { PersistenceManager } = await fauxqs('persistence.js');
  const persistence: Persistence = new PersistenceManager(dataDir);
  // Without syncing, a killed process loses nothing; only a machine that loses its power may.
  persistence.db.exec('PRAGMA synchronous = OFF');
  const ready = persistence.db.prepare(
    'UPDATE sqs_messages SET receipt_handle = NULL, visibility_deadline = NULL WHERE message_id = ?',
  );
  persistence.updateMessageReady = messageId => ready.run(messageId);
  return persistence;
}

async function serve(dataDir: string): Promise<Application> {
  const [{ buildApp }, { SqsStore }, { SnsStore }, { S3Store }] = await Promise.all(
    ['app.js', 'sqs/sqsStore.js', 'sns/snsStore.js', 's3/s3Store.js'].map(fauxqs),
  );
  const [sqs, sns, s3]: [SqsStore, SnsStore, S3Store] = [new SqsStore(), new SnsStore(), new S3Store()];
  const persistence = await openPersistence(dataDir);
  persistence.load(sqs, sns, s3);
  for (const store of [sqs, sns, s3, ...sqs.allQueues()]) store.persistence = persistence;
  const bus = new Bus(sqs, sns, s3);
  // Whoever had received them is gone.
  bus.releaseAll();
  const app: Application = buildApp({ logger: false, stores: { sqsStore: sqs, snsStore: sns, s3Store: s3 } });
  takeBackUndelivered(app, bus);
  keepHolds(app, persistence.db);
  const body = (request: HttpRequest): unknown => JSON.parse(String(request.body));
  app.get('/_local/queues', async () => bus.depths());
  app.post('/_local/provision', async request => {
    bus.provision(wanted.parse(body(request)));
    return {};
  });
  app.post('/_local/release', async request => {
    const { queue, keep } = z.object({ queue: z.string(), keep: z.array(z.string()) }).parse(body(request));
    return { released: bus.release(queue, keep) };
  });
  return app;
}

const { values } = parseArgs({ options: { data: { type: 'string' }, port: { type: 'string' } } });
const app = await serve(values.data!);
console.log(`listening at ${await app.listen({ port: Number(values.port ?? 0), host: '127.0.0.1' })}`);
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => void app.close().finally(() => process.exit(0)));
}

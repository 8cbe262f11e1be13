import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { GetObjectCommand, PutObjectCommand, PutObjectLegalHoldCommand, S3Client } from '@aws-sdk/client-s3';
import { DeleteMessageCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { type Aws, queueUrl, startAws } from '../local/aws.ts';
import { Mapping } from '../local/runtime/mapping.ts';
import type { EventSourceMapping } from '../local/template/compute.ts';
import type { Queue } from '../local/template/messaging.ts';
import {
  ACCOUNT,
  CREDENTIALS,
  cleanUp,
  folder,
  functionOf,
  REGION,
  TIMEOUT_MS,
  undo,
  uniqueName,
  until,
} from './local-fixture.ts';

cleanUp();

test('a legal hold is acknowledged and leaves the object as it was', async () => {
  const aws = await startAws({ dataDir: join(folder, uniqueName('aws')) });
  undo(() => aws.stop());
  await aws.provision({
    region: REGION,
    queues: [],
    topics: [],
    subscriptions: [],
    buckets: [{ name: 'held' }],
  });
  const s3 = new S3Client({ endpoint: aws.endpoint, region: REGION, credentials: CREDENTIALS, forcePathStyle: true });
  undo(() => s3.destroy());
  const object = { Bucket: 'held', Key: 'case.json' };
  await s3.send(new PutObjectCommand({ ...object, Body: 'content' }));
  await s3.send(new PutObjectLegalHoldCommand({ ...object, LegalHold: { Status: 'ON' } }));
  const { Body } = await s3.send(new GetObjectCommand(object));
  expect(await Body!.transformToString()).toBe('content');
}, 60_000);

describe('a queue', () => {
  let dataDir: string;
  let aws: Aws;
  let sqs: SQSClient;
  beforeEach(async () => {
    dataDir = join(folder, uniqueName('aws'));
    aws = await startAws({ dataDir });
    sqs = new SQSClient({ endpoint: aws.endpoint, region: REGION, credentials: CREDENTIALS });
    undo(() => aws.stop());
    undo(() => sqs.destroy());
  }, TIMEOUT_MS);

  const queueOf = (name: string, attributes: Record<string, string>): Queue => ({
    id: `App/${name}`,
    name,
    arn: `arn:aws:sqs:${REGION}:${ACCOUNT}:${name}`,
    url: queueUrl(aws.endpoint, ACCOUNT, name),
    attributes,
  });

  /** A queue that hides messages for three minutes, its failed queue, and a function that polls it. */
  async function pipe(source: string, more: Partial<EventSourceMapping> = {}) {
    const failed = queueOf('failed', {});
    const redrive = JSON.stringify({ deadLetterTargetArn: failed.arn, maxReceiveCount: 2 });
    const queue = queueOf('queue', { VisibilityTimeout: '180', RedrivePolicy: redrive });
    await aws.provision({ region: REGION, queues: [failed, queue], topics: [], subscriptions: [], buckets: [] });
    const fn = functionOf(source);
    const restarts: string[] = [];
    const mapping = new Mapping({
      model: {
        id: 'App/M',
        functionName: fn.model.name,
        queueArn: queue.arn,
        enabled: true,
        batchSize: 10,
        windowSeconds: 0,
        reportsFailures: true,
        maximumConcurrency: 2,
        ...more,
      },
      queue,
      function: fn,
      endpoint: aws.endpoint,
      release: (name, keep) => aws.release(name, keep),
      onRestart: what => restarts.push(what),
    });
    undo(() => mapping.stop());
    const send = (body: string) => sqs.send(new SendMessageCommand({ QueueUrl: queue.url, MessageBody: body }));
    const depthOf = async (name: string) => (await aws.queues()).find(depth => depth.name === name)!;
    const isEmpty = async () => {
      const { visible, inFlight, delayed } = await depthOf('queue');
      return visible + inFlight + delayed === 0;
    };
    return { fn, queue, failed, send, depthOf, isEmpty, restarts, mapping };
  }

  test(
    'is polled, with records as Lambda hands them over',
    async () => {
      const { send, isEmpty, fn } = await pipe(`
      export const handler = async ({ Records }) => { for (const record of Records) console.log(JSON.stringify(record)); };`);
      await send('first');
      await until(isEmpty, 'the message is done');
      await until(() => fn.status().invocations === 1, 'the invocation is counted');
      expect(fn.status().errors).toBe(0);
      const log = await until(() => readFileSync(fn.status().log, 'utf8'), 'it wrote its record');
      expect(JSON.parse(log)).toMatchObject({
        body: 'first',
        eventSource: 'aws:sqs',
        eventSourceARN: expect.stringMatching(/:queue$/),
        attributes: { ApproximateReceiveCount: '1' },
      });
    },
    TIMEOUT_MS,
  );

  test(
    'gets back the messages that failed, and sets apart those that fail again',
    async () => {
      const { send, isEmpty, failed } = await pipe(`
      export const handler = async ({ Records }) => ({ batchItemFailures:
        Records.filter(({ body }) => body === 'bad').map(({ messageId }) => ({ itemIdentifier: messageId })) });`);
      for (const body of ['good', 'bad', 'good']) await send(body);
      await until(isEmpty, 'good ones are done, bad ones apart');
      const received = new ReceiveMessageCommand({ QueueUrl: failed.url, MaxNumberOfMessages: 10 });
      const { Messages = [] } = await sqs.send(received);
      expect(Messages.map(({ Body }) => Body)).toEqual(['bad']);
    },
    TIMEOUT_MS,
  );

  test(
    'gets back the messages of an instance that was killed, at once',
    async () => {
      const { send, isEmpty, fn, restarts, depthOf } = await pipe(`
      import { existsSync, writeFileSync } from 'node:fs';
      const mark = process.env.LAMBDA_TASK_ROOT + '/seen';
      export const handler = () => {
        if (existsSync(mark)) return Promise.resolve({ batchItemFailures: [] });
        writeFileSync(mark, '');
        return new Promise(() => setInterval(() => {}, 1000));
      };`);
      await send('message');
      await until(() => existsSync(join(fn.model.folder, 'seen')), 'the handler has it');
      await [...fn.instances][0]!.kill9();
      await until(isEmpty, 'another instance has done it', 10_000);
      expect(await depthOf('failed')).toMatchObject({ visible: 0 });
      await until(() => restarts.length === 1, 'a word about it');
    },
    TIMEOUT_MS,
  );

  test(
    'gathers a batch for as long as its window',
    async () => {
      const { send, isEmpty, fn } = await pipe('export const handler = async () => {};', {
        batchSize: 100,
        windowSeconds: 2,
        reportsFailures: false,
      });
      for (let n = 0; n < 5; n++) await send(`message ${n}`);
      await until(isEmpty, 'all are done');
      await until(() => fn.status().invocations > 0, 'the invocation is counted');
      expect(fn.status().invocations).toBe(1);
    },
    TIMEOUT_MS,
  );

  test(
    'keeps nothing in hand when its poller leaves',
    async () => {
      const { send, mapping, depthOf } = await pipe(
        'export const handler = () => new Promise(resolve => setTimeout(resolve, 300, {}));',
      );
      for (let n = 0; n < 40; n++) await send(`message ${n}`);
      await until(async () => (await depthOf('queue')).inFlight > 0, 'a batch is under way');
      await mapping.stop();
      expect(await depthOf('queue')).toMatchObject({ inFlight: 0 });
    },
    TIMEOUT_MS,
  );

  test(
    'takes back what was for somebody who waited and died, also in the moment in which that becomes known',
    async () => {
      const { queue, send } = await pipe('export const handler = async () => {};', { enabled: false });
      const { hostname, port } = new URL(aws.endpoint);
      const body = JSON.stringify({ QueueUrl: queue.url, WaitTimeSeconds: 20 });
      const head = `POST / HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: application/x-amz-json-1.0\r\nx-amz-target: AmazonSQS.ReceiveMessage`;
      const waits = async () => {
        const socket = connect(Number(port), hostname);
        await once(socket, 'connect');
        socket.write(`${head}\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
        return socket;
      };
      for (let n = 1; n <= 20; n++) {
        const waiting = await Promise.all(Array.from({ length: 5 }, waits));
        await delay(20);
        // A busy emulator hears of all of it at once.
        process.kill(aws.pid, 'SIGSTOP');
        for (const socket of waiting) socket.end();
        await delay(20);
        const released = aws.release(queue.name, []);
        await delay(20);
        const sent = send(`message ${n}`);
        await delay(20);
        process.kill(aws.pid, 'SIGCONT');
        await Promise.all([released, sent]);
        for (const socket of waiting) socket.destroy();
        const receive = new ReceiveMessageCommand({ QueueUrl: queue.url, WaitTimeSeconds: 2 });
        const [message] = (await sqs.send(receive)).Messages ?? [];
        expect(message).toMatchObject({ Body: `message ${n}` });
        await sqs.send(new DeleteMessageCommand({ QueueUrl: queue.url, ReceiptHandle: message!.ReceiptHandle }));
      }
    },
    TIMEOUT_MS,
  );

  test(
    'keeps its messages over a kill of the emulator, and is polled again',
    async () => {
      const { send, isEmpty, fn, depthOf } = await pipe('export const handler = async () => {};');
      await send('before');
      await until(isEmpty, 'the first is done');
      const port = Number(new URL(aws.endpoint).port);
      for (const instance of fn.instances) process.kill(instance.pid, 'SIGSTOP');
      await Promise.all(Array.from({ length: 20 }, (_, n) => send(`message ${n}`)));
      await aws.kill9();
      aws = await startAws({ dataDir, port });
      const { visible, inFlight } = await depthOf('queue');
      for (const instance of fn.instances) process.kill(instance.pid, 'SIGCONT');
      expect(visible + inFlight).toBe(20);
      await until(isEmpty, 'they are done');
    },
    TIMEOUT_MS,
  );
});

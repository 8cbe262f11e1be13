import { setTimeout } from 'node:timers/promises';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { startFauxqs } from 'fauxqs';
import { DistributaryError } from '../core/errors.ts';
import type { AggregateId, TenantId } from '../core/version.ts';
import type { OperatedStore } from '../functions/operate/context.ts';
import type { DriftCanonical } from '../functions/operate/drift/drift-canonical.ts';
import type { Finding } from '../functions/operate/drift/drift-memo.ts';
import { publishRepairs } from '../functions/operate/drift/drift-repair.ts';
import { type Failure, redrive } from '../functions/operate/failures/failed-changes.ts';
import type { QueueNames } from '../functions/operate/failures/failed-queues.ts';
import { sendToFailedQueue } from '../functions/projector/failed-queue.ts';

let fauxqs: Awaited<ReturnType<typeof startFauxqs>>;
let sqs: SQSClient;
let queues: QueueNames;

const created = async (QueueName: string) => (await sqs.send(new CreateQueueCommand({ QueueName }))).QueueUrl!;

beforeAll(async () => {
  fauxqs = await startFauxqs({ port: 0, logger: false });
  sqs = new SQSClient({
    endpoint: fauxqs.address,
    region: 'us-east-1',
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
  });
  queues = {
    standard: await created('standard'),
    priority: await created('priority'),
    failed: await created('failed'),
  };
});
afterAll(async () => {
  sqs.destroy();
  await fauxqs.stop();
});

async function bodiesIn(QueueUrl: string): Promise<string[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 0, WaitTimeSeconds: 1 }),
  );
  return Messages.map(({ Body }) => Body!).sort();
}

const redriven = (isChosen: (failure: Failure) => boolean, of = queues, kept: Failure[] = []): Promise<number> =>
  redrive(sqs, { queues: of, at: Date.now(), isChosen, onKept: failure => void kept.push(failure) });

async function listed(of = queues): Promise<readonly Failure[]> {
  const kept: Failure[] = [];
  expect(await redriven(() => false, of, kept)).toBe(0);
  return kept;
}

const poisoned = (body: string) => ({ body, error: new DistributaryError('projector-threw', 'why') });

/** Fails whatever comes, at once; ends when nothing comes any more, or after so many. */
async function failEach({ standard, failed }: QueueNames, over: AbortSignal, most: number): Promise<void> {
  for (let failures = 0; failures < most; ) {
    const isLast = over.aborted;
    const receive = new ReceiveMessageCommand({ QueueUrl: standard, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 });
    const { Messages = [] } = await sqs.send(receive);
    for (const { Body, ReceiptHandle } of Messages) {
      await sqs.send(new DeleteMessageCommand({ QueueUrl: standard, ReceiptHandle }));
      await sendToFailedQueue(sqs, failed, 'case-search', [poisoned(Body!)]);
      failures += 1;
    }
    if (Messages.length === 0 && isLast) return;
  }
}

test('what is chosen goes back as it was, the others stay with their reasons, also those that the queue itself set apart', async () => {
  const letter = (body: string, code: 'projector-threw' | 'document-refused') => ({
    body,
    error: new DistributaryError(code, 'why'),
  });
  await sendToFailedQueue(sqs, queues.failed, 'case-search', [
    letter('[1]', 'projector-threw'),
    letter('[2]', 'document-refused'),
  ]);
  await sqs.send(new SendMessageCommand({ QueueUrl: queues.failed, MessageBody: '[3]' }));

  const seen = await listed();
  expect(seen.map(({ code }) => code).sort()).toEqual(['document-refused', 'projector-threw', 'receive-limit']);
  expect(await bodiesIn(queues.failed)).toEqual(['[1]', '[2]', '[3]']);

  expect(await redriven(({ code }) => code === 'projector-threw')).toBe(1);
  expect(await bodiesIn(queues.standard)).toEqual(['[1]']);
  expect(await bodiesIn(queues.failed)).toEqual(['[2]', '[3]']);
}, 30_000);

test('what fails again says how it failed before, and its change is as it was', async () => {
  const event = { specversion: '1.0', id: '1@x', type: 'case.updated', data: { title: 'T' } };
  const letter = (body: string) => [{ body, error: new DistributaryError('projector-threw', 'why') }];
  await sendToFailedQueue(sqs, queues.failed, 'case-search', letter(JSON.stringify([event])));
  expect(await redriven(({ change }) => change === undefined)).toBeGreaterThan(0);
  const sent = (await bodiesIn(queues.standard)).map(body => JSON.parse(body)).find(([first]) => first?.id === '1@x');
  expect(sent).toEqual([{ ...event, failures: expect.stringContaining('projector-threw') }]);

  await sendToFailedQueue(sqs, queues.failed, 'case-search', letter(JSON.stringify(sent)));
  const histories = (await listed()).map(({ history }) => history);
  expect(histories).toEqual([[{ code: 'projector-threw', failedAt: expect.any(String) }]]);
}, 30_000);

async function ownQueues(prefix: string): Promise<QueueNames> {
  const names = ['standard', 'priority', 'failed'].map(name => created(`${prefix}-${name}`));
  const [standard, priority, failed] = (await Promise.all(names)) as [string, string, string];
  return { standard, priority, failed };
}

test('a store that goes on failing holds no redrive up', async () => {
  const own = await ownQueues('endless');
  await sendToFailedQueue(sqs, own.failed, 'case-search', [poisoned('[1]')]);
  let isOver = false;
  const kept: Failure[] = [];
  const redriving = redriven(() => true, own, kept).finally(() => {
    isOver = true;
  });
  await setTimeout(2); // Later than it began, by the queue's clock too.
  for (let failures = 0; failures < 300 && !isOver; failures++)
    await sendToFailedQueue(sqs, own.failed, 'case-search', [poisoned('[2]'), poisoned('[3]')]);
  expect(await redriving).toBe(1);
  // Some batches of ten, and not all of them.
  expect(kept.length).toBeLessThan(60);
}, 30_000);

test('what fails again while others are sent back is sent back no more, and is seen by the next who looks', async () => {
  const own = await ownQueues('again');
  const ids = ['1@x', '2@x', '3@x'];
  const letters = ids.map(id => poisoned(JSON.stringify([{ specversion: '1.0', id }])));
  await sendToFailedQueue(sqs, own.failed, 'case-search', letters);
  const over = new AbortController();
  const projector = failEach(own, over.signal, 4 * ids.length);
  const sent = await redriven(() => true, own);
  over.abort();
  await projector;
  expect(sent).toBe(ids.length);
  const histories = (await listed(own)).map(({ history }) => history.map(({ code }) => code));
  expect(histories).toEqual(ids.map(() => ['projector-threw']));
}, 30_000);

test('what was urgent goes back ahead of the others', async () => {
  const event = (lane: string) => JSON.stringify([{ specversion: '1.0', id: `of ${lane}`, lane }]);
  for (const MessageBody of [event('priority'), event('standard')]) {
    await sqs.send(new SendMessageCommand({ QueueUrl: queues.failed, MessageBody }));
  }
  expect(await redriven(({ code }) => code === 'receive-limit')).toBeGreaterThan(1);
  const idsIn = async (queue: string) => (await bodiesIn(queue)).flatMap(body => JSON.parse(body)).map(({ id }) => id);
  expect(await idsIn(queues.priority)).toEqual(['of priority']);
  expect(await idsIn(queues.standard)).toContain('of standard');
}, 30_000);

test('what a comparison buries goes before every backlog, as each deletion does', async () => {
  const key = '00000000-0000-4000-8000-000000000001' as AggregateId;
  const tenant = '00000000-0000-4000-8000-0000000000aa' as TenantId;
  const finding: Finding = {
    key,
    kind: 'should-be-tombstone',
    remedy: 'bury',
    held: { tenant, version: 3, digest: 9 },
    buriedBy: 4,
  } as Finding;
  const nothing = { states: async () => [], renew: async () => {} } as Partial<DriftCanonical> as DriftCanonical;
  const operated = { name: 'case-search', definition: { contract: { aggregates: ['case'] } } } as OperatedStore;
  const ports = { queues: { sqs, of: async () => queues }, clock: { now: () => 1, sleep: async () => {} } };
  const before = await bodiesIn(queues.standard);
  await publishRepairs(ports, operated, nothing, [finding]);
  const [body] = await bodiesIn(queues.priority);
  expect(JSON.parse(body!)).toMatchObject([{ type: 'case.deleted', subject: key, lane: 'priority' }]);
  expect(await bodiesIn(queues.standard)).toEqual(before);
}, 30_000);

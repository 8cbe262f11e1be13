import { CreateQueueCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { startFauxqs } from 'fauxqs';
import { DistributaryError } from '../core/errors.ts';
import { type Failure, redrive } from '../functions/operate/failed-changes.ts';
import { sendToFailedQueue } from '../functions/projector/failed-queue.ts';

let fauxqs: Awaited<ReturnType<typeof startFauxqs>>;
let sqs: SQSClient;
let from: string;
let to: string;

beforeAll(async () => {
  fauxqs = await startFauxqs({ port: 0, logger: false });
  sqs = new SQSClient({
    endpoint: fauxqs.address,
    region: 'us-east-1',
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
  });
  from = (await sqs.send(new CreateQueueCommand({ QueueName: 'failed' }))).QueueUrl!;
  to = (await sqs.send(new CreateQueueCommand({ QueueName: 'standard' }))).QueueUrl!;
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

test('what is chosen goes back as it was, the others stay with their reasons, also those that the queue itself set apart', async () => {
  const letter = (body: string, code: 'projector-threw' | 'document-refused') => ({
    body,
    error: new DistributaryError(code, 'why'),
  });
  await sendToFailedQueue(sqs, from, 'case-search', [
    letter('[1]', 'projector-threw'),
    letter('[2]', 'document-refused'),
  ]);
  await sqs.send(new SendMessageCommand({ QueueUrl: from, MessageBody: '[3]' }));

  const seen: Failure[] = [];
  expect(await redrive(sqs, { from, to }, failure => seen.push(failure) < 0)).toBe(0);
  expect(seen.map(({ code }) => code).sort()).toEqual(['document-refused', 'projector-threw', 'receive-limit']);
  expect(await bodiesIn(from)).toEqual(['[1]', '[2]', '[3]']);

  expect(await redrive(sqs, { from, to }, ({ code }) => code === 'projector-threw')).toBe(1);
  expect(await bodiesIn(to)).toEqual(['[1]']);
  expect(await bodiesIn(from)).toEqual(['[2]', '[3]']);
}, 30_000);

test('what fails again says how it failed before, and its change is as it was', async () => {
  const event = { specversion: '1.0', id: '1@x', type: 'case.updated', data: { title: 'T' } };
  const letter = (body: string) => [{ body, error: new DistributaryError('projector-threw', 'why') }];
  await sendToFailedQueue(sqs, from, 'case-search', letter(JSON.stringify([event])));
  expect(await redrive(sqs, { from, to }, ({ change }) => change === undefined)).toBeGreaterThan(0);
  const sent = (await bodiesIn(to)).map(body => JSON.parse(body)).find(([first]) => first?.id === '1@x');
  expect(sent).toEqual([{ ...event, failures: expect.stringContaining('projector-threw') }]);

  await sendToFailedQueue(sqs, from, 'case-search', letter(JSON.stringify(sent)));
  const histories: Failure['history'][] = [];
  await redrive(sqs, { from, to }, ({ history }) => histories.push(history) < 0);
  expect(histories).toEqual([[{ code: 'projector-threw', failedAt: expect.any(String) }]]);
}, 30_000);

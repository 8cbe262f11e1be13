import {
  CreateQueueCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import { startFauxqs } from 'fauxqs';
import type { Lane } from '../core/change.ts';
import { DistributaryError } from '../core/errors.ts';
import { encodeChange, encodeHeartbeat, encodePack } from '../core/pack.ts';
import type { Outcome, Store, Target, Write } from '../core/store.ts';
import type { AggregateId, TenantId, Version } from '../core/version.ts';
import { sendToFailedQueue } from '../functions/projector/failed-queue.ts';
import { Projecting } from '../functions/projector/projecting.ts';
import { memoryStore } from '../functions/stores/memory.ts';

/** A projector between real queues: what fails for good, what is put off, and what a heartbeat may claim. */

const KEY = '00000000-0000-4000-8000-000000000001' as AggregateId;
const OTHER = '00000000-0000-4000-8000-000000000002' as AggregateId;
const TARGET: Target = { store: 'case-search', name: 'one' };
const SECRET = 'they never answered my letter';

let fauxqs: Awaited<ReturnType<typeof startFauxqs>>;
let sqs: SQSClient;
let queueUrls: Record<Lane | 'failed', string>;

beforeAll(async () => {
  fauxqs = await startFauxqs({ port: 0, logger: false });
  sqs = new SQSClient({
    endpoint: fauxqs.address,
    region: 'us-east-1',
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
  });
});
afterAll(async () => {
  sqs.destroy();
  await fauxqs.stop();
});

let run = 0;
beforeEach(async () => {
  run += 1;
  const make = async (name: string) =>
    (await sqs.send(new CreateQueueCommand({ QueueName: `${name}-${run}` }))).QueueUrl!;
  queueUrls = { standard: await make('standard'), priority: await make('priority'), failed: await make('failed') };
});

const eventOf = (key: AggregateId, version: number, state: object): string =>
  encodeChange(
    {
      aggregate: 'case',
      change: 'updated',
      key,
      tenant: '00000000-0000-4000-8000-0000000000aa' as TenantId,
      version: version as Version,
      digest: version,
      lane: 'standard',
      schemaVersion: 1,
      committedAt: Date.now(),
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    },
    { state: JSON.stringify(state) },
  );

async function setUp() {
  const store = memoryStore();
  await store.create(TARGET);
  await store.cutOver(TARGET);
  let down = false;
  const guarded: Store = {
    ...store,
    async write(target: Target, writes: readonly Write[]): Promise<readonly Outcome[]> {
      const error = new DistributaryError('store-unavailable', 'it does not answer');
      return down ? writes.map(() => ({ kind: 'unavailable', error })) : store.write(target, writes);
    },
  };
  const watermarks: string[] = [];
  const projecting = new Projecting({
    store: TARGET.store,
    sqs,
    queueUrls,
    control: { advanceWatermark: async (_, lane, at) => watermarks.push(`${lane} ${at}`) > 0 },
    events: { applied() {}, deferred() {}, watermark() {} },
    ports: {
      store: guarded,
      targets: async () => [TARGET],
      resolve: async change => change as never,
      project(change) {
        if (change.kind !== 'state') throw new Error('no deletions here');
        if (change.state.poison) throw new DistributaryError('projector-threw', 'projector threw TypeError');
        return { ...change, document: change.state };
      },
      deadLetter: letters => sendToFailedQueue(sqs, queueUrls.failed, TARGET.store, letters),
    },
  });
  return { store, projecting, watermarks, setDown: (value: boolean) => (down = value) };
}

const recordOf = (lane: Lane, { MessageId, Body, MessageAttributes = {} }: Message): SQSRecord =>
  ({
    messageId: MessageId!,
    body: Body!,
    eventSourceARN: `arn:aws:sqs:us-east-1:000000000000:${lane}-${run}`,
    messageAttributes: Object.fromEntries(
      Object.entries(MessageAttributes).map(([name, { DataType, StringValue }]) => [
        name,
        { dataType: DataType, stringValue: StringValue },
      ]),
    ),
  }) as unknown as SQSRecord;

async function receive(queue: Lane | 'failed', waitSeconds = 0): Promise<Message[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: queueUrls[queue],
      MaxNumberOfMessages: 10,
      WaitTimeSeconds: waitSeconds,
      MessageAttributeNames: ['All'],
    }),
  );
  return Messages;
}

async function deliver(projecting: Projecting, lane: Lane, body: string): Promise<ReadonlySet<string>> {
  await sqs.send(new SendMessageCommand({ QueueUrl: queueUrls[lane], MessageBody: body }));
  return projecting.take((await receive(lane, 1)).map(message => recordOf(lane, message)));
}

test('one poisoned change goes to the failed queue with its reason and without its content in it; its neighbour lands', async () => {
  const { store, projecting } = await setUp();
  const poison = eventOf(KEY, 1, { poison: true, narrative: SECRET });
  const failed = await deliver(projecting, 'standard', encodePack([poison, eventOf(OTHER, 1, { title: 'fine' })]));

  expect(failed.size).toBe(0);
  expect((await store.read(TARGET, OTHER))?.document).toEqual({ title: 'fine' });
  const [letter] = await receive('failed', 1);
  const reason = Object.fromEntries(
    Object.entries(letter!.MessageAttributes!).map(([name, { StringValue }]) => [name, StringValue]),
  );
  expect(reason).toMatchObject({
    error_code: 'projector-threw',
    error_message: 'projector threw TypeError',
    hint: expect.stringContaining('redrive'),
    store: 'case-search',
    change: 'case.updated',
    key: KEY,
    version: '1',
    traceparent: expect.stringMatching(/^00-/),
  });
  expect(JSON.stringify(reason)).not.toContain(SECRET);
  // A redrive sends the body back as it is.
  expect(JSON.parse(letter!.Body!)).toEqual([JSON.parse(poison)]);
});

test('a message that is no pack is a dead letter as a whole', async () => {
  const { projecting } = await setUp();
  await deliver(projecting, 'standard', 'hello');
  const [letter] = await receive('failed', 1);
  expect(letter).toMatchObject({ Body: 'hello', MessageAttributes: { error_code: { StringValue: 'pack-malformed' } } });
});

test('while the store is down messages are put off with a count, in their own lane, and land when it is back', async () => {
  const { store, projecting, setDown } = await setUp();
  setDown(true);
  const failed = await deliver(projecting, 'priority', encodePack([eventOf(KEY, 1, { title: 'late' })]));
  expect(failed.size).toBe(0);
  expect(await receive('standard')).toEqual([]);
  const [again] = await receive('priority', 3);
  expect(again).toMatchObject({ MessageAttributes: { deferrals: { StringValue: '1' } } });

  setDown(false);
  await projecting.take([recordOf('priority', again!)]);
  expect((await store.read(TARGET, KEY))?.document).toEqual({ title: 'late' });
  expect(await receive('failed')).toEqual([]);
});

test('after three failures the circuit opens: nothing is asked of the store until its pause is over', async () => {
  const { projecting, setDown, store } = await setUp();
  setDown(true);
  for (let n = 1; n <= 3; n++) await deliver(projecting, 'standard', encodePack([eventOf(KEY, n, { n })]));
  setDown(false);
  await deliver(projecting, 'standard', encodePack([eventOf(OTHER, 1, { n: 0 })]));
  expect(await store.read(TARGET, OTHER)).toBeUndefined();
  await new Promise(resolve => setTimeout(resolve, 1_100));
  await deliver(projecting, 'standard', encodePack([eventOf(OTHER, 2, { n: 1 })]));
  expect((await store.read(TARGET, OTHER))?.document).toEqual({ n: 1 });
}, 15_000);

test('a heartbeat moves the watermark, but not past messages that were put off', async () => {
  const { projecting, watermarks, setDown } = await setUp();
  await deliver(projecting, 'standard', encodeHeartbeat({ kind: 'heartbeat', lane: 'standard', committedAt: 1000 }));
  expect(watermarks).toEqual(['standard 1000']);
  setDown(true);
  await deliver(projecting, 'standard', encodePack([eventOf(KEY, 1, {})]));
  setDown(false);
  await deliver(projecting, 'standard', encodeHeartbeat({ kind: 'heartbeat', lane: 'standard', committedAt: 2000 }));
  expect(watermarks).toEqual(['standard 1000']);
});

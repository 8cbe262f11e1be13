import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { withoutErased } from '../../../core/erasure.ts';
import { MAX_MESSAGES } from '../failures/failed-changes.ts';

/** Long enough to look at every message of a large queue. */
const HELD_SECONDS = 600;
const BATCH = 10;

export interface QueueErased {
  readonly looked: number;
  /** Events that told of what is erased. */
  readonly events: number;
  /** False when the queue has more messages than were looked at. */
  readonly complete: boolean;
}

/**
 * Looks at each failed message once and takes out of it what tells of these keys; with `look` it only counts. A message
 * that keeps other events is sent again without, with the reasons that it came with. Killed in between it may have sent one
 * twice, which does no harm.
 */
export async function eraseFailed(
  sqs: SQSClient,
  queue: string,
  keys: ReadonlySet<string>,
  mode: 'erase' | 'look' = 'erase',
): Promise<QueueErased> {
  const kept: Message[] = [];
  let [looked, events] = [0, 0];
  const settle = async (message: Message) => {
    const stripped = withoutErased(message.Body ?? '', keys);
    if (stripped.kind === 'untouched' || mode === 'look') kept.push(message);
    if (stripped.kind === 'untouched') return;
    events += stripped.events;
    if (mode === 'look') return;
    if (stripped.kind === 'rest') {
      const { MessageAttributes } = message;
      await sqs.send(new SendMessageCommand({ QueueUrl: queue, MessageBody: stripped.body, MessageAttributes }));
    }
    await sqs.send(new DeleteMessageCommand({ QueueUrl: queue, ReceiptHandle: message.ReceiptHandle }));
  };
  try {
    for (let batch = await receive(sqs, queue); batch.length > 0; batch = await receive(sqs, queue)) {
      for (const message of batch) await settle(message);
      looked += batch.length;
      if (looked >= MAX_MESSAGES) return { looked, events, complete: false };
    }
  } finally {
    for (const { ReceiptHandle } of kept) {
      await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl: queue, ReceiptHandle, VisibilityTimeout: 0 }));
    }
  }
  return { looked, events, complete: true };
}

/** Messages that wait for their delay to end: put off while a store was away. */
export async function delayedIn(sqs: SQSClient, queue: string): Promise<number> {
  const AttributeNames = ['ApproximateNumberOfMessagesDelayed' as const];
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: queue, AttributeNames }));
  return Number(Attributes?.ApproximateNumberOfMessagesDelayed ?? 0);
}

async function receive(sqs: SQSClient, queue: string): Promise<Message[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: queue,
      MaxNumberOfMessages: BATCH,
      VisibilityTimeout: HELD_SECONDS,
      WaitTimeSeconds: 1,
      MessageAttributeNames: ['All'],
    }),
  );
  return Messages;
}

import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';

/** Why a message failed, in the attributes that the projector gave it (functions/projector/failed-queue.ts). */
export interface Failure {
  /** A message without attributes was moved by the queue itself: each delivery crashed or ran out of time. */
  readonly code: string;
  readonly reason: string;
  readonly hint: string;
  readonly change: string | undefined;
  readonly key: string | undefined;
  readonly failedAt: string | undefined;
}

/** Long enough to decide about every message of a large queue. */
const HELD_SECONDS = 600;
const BATCH = 10;
/** Bounds memory and time; a larger queue takes several runs. */
export const MAX_MESSAGES = 10_000;

/**
 * Takes each failed message in hand once and lets `decide` say whether it goes back to its queue; the others are released.
 * A message sent back counts as new: what still fails returns with its reason, what is outdated falls out by version.
 */
export async function redrive(
  sqs: SQSClient,
  { from, to }: { readonly from: string; readonly to: string },
  decide: (failure: Failure) => boolean,
): Promise<number> {
  const kept: Message[] = [];
  let sent = 0;
  try {
    for (let batch = await receive(sqs, from); batch.length > 0; batch = await receive(sqs, from)) {
      for (const message of batch) {
        if (decide(failureOf(message))) {
          await sqs.send(new SendMessageCommand({ QueueUrl: to, MessageBody: message.Body }));
          await sqs.send(new DeleteMessageCommand({ QueueUrl: from, ReceiptHandle: message.ReceiptHandle }));
          sent += 1;
        } else kept.push(message);
      }
      if (sent + kept.length >= MAX_MESSAGES) break;
    }
  } finally {
    for (const { ReceiptHandle } of kept) {
      await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl: from, ReceiptHandle, VisibilityTimeout: 0 }));
    }
  }
  return sent;
}

async function receive(sqs: SQSClient, from: string): Promise<Message[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: from,
      MaxNumberOfMessages: BATCH,
      VisibilityTimeout: HELD_SECONDS,
      WaitTimeSeconds: 1,
      MessageAttributeNames: ['All'],
    }),
  );
  return Messages;
}

function failureOf({ MessageAttributes = {} }: Message): Failure {
  const read = (name: string): string | undefined => MessageAttributes[name]?.StringValue;
  return {
    code: read('error_code') ?? 'receive-limit',
    reason: read('error_message') ?? 'each delivery crashed the function or ran out of time',
    hint: read('hint') ?? "read the function's log",
    change: read('change'),
    key: read('key'),
    failedAt: read('failed_at'),
  };
}

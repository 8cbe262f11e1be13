import { randomUUID } from 'node:crypto';
import { type MessageAttributeValue, SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { DeadLetter } from '../../core/batch.ts';
import { DistributaryError } from '../../core/errors.ts';

/** SendMessageBatch: ten messages and 1 MiB together. A dead letter is one event, so ten stay below it: see MAX_INLINE_STATE_BYTES. */
const MAX_BATCH_MESSAGES = 5;
/** SQS takes attribute values up to the message's size; a reason needs no more than this. */
const MAX_REASON_CHARACTERS = 1_000;

/**
 * Keeps what failed for good. The body is the event as it came, so a redrive sends it back unchanged; the attributes say
 * why. They name places, never values: a failed message's reason is shown to people who may not see its content.
 */
export async function sendToFailedQueue(
  sqs: SQSClient,
  queueUrl: string,
  store: string,
  letters: readonly DeadLetter[],
): Promise<void> {
  for (let at = 0; at < letters.length; at += MAX_BATCH_MESSAGES) {
    const Entries = letters.slice(at, at + MAX_BATCH_MESSAGES).map((letter, index) => ({
      Id: String(index),
      MessageBody: letter.body,
      MessageAttributes: reasonOf(store, letter),
    }));
    const { Failed = [] } = await sqs.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
    if (Failed.length > 0)
      throw new DistributaryError(
        'failed-queue-unavailable',
        `failed queue took ${Entries.length - Failed.length} of ${Entries.length}: ${Failed[0]?.Code}`,
      );
  }
}

function reasonOf(store: string, { error, change }: DeadLetter): Record<string, MessageAttributeValue> {
  const reason = {
    failure_id: randomUUID(),
    error_code: error.code,
    error_message: error.message.slice(0, MAX_REASON_CHARACTERS),
    hint: error.hint,
    store,
    failed_at: new Date().toISOString(),
    ...(change && {
      change: `${change.aggregate}.${change.change}`,
      key: change.key,
      version: String(change.version),
      ...(change.traceparent !== undefined && { traceparent: change.traceparent }),
    }),
  };
  return Object.fromEntries(
    Object.entries(reason).map(([name, StringValue]) => [name, { DataType: 'String', StringValue }]),
  );
}

import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import { deferralSeconds } from '../../core/breaker.ts';

/** How often a message was put off; on the message that takes its place. */
const COUNT_ATTRIBUTE = 'deferrals';

/**
 * Puts messages off while their store is down: each is sent again with a delay and then counts as done. So an outage
 * does not use up the queue's receive limit, which is there for messages that crash the function.
 * Yields the ids of those that could not be sent: they return by their visibility timeout.
 */
export async function defer(
  sqs: SQSClient,
  queueUrl: string,
  records: readonly SQSRecord[],
  atLeastSeconds: number,
): Promise<readonly string[]> {
  const sent = await Promise.allSettled(records.map(record => sendAgain(sqs, queueUrl, record, atLeastSeconds)));
  return records.flatMap(({ messageId }, index) => (sent[index]?.status === 'rejected' ? [messageId] : []));
}

async function sendAgain(
  sqs: SQSClient,
  queueUrl: string,
  { body, messageAttributes }: SQSRecord,
  atLeastSeconds: number,
) {
  const deferrals = Number(messageAttributes[COUNT_ATTRIBUTE]?.stringValue ?? 0);
  await sqs.send(
    new SendMessageCommand({
      QueueUrl: queueUrl,
      MessageBody: body,
      DelaySeconds: Math.ceil(Math.max(deferralSeconds(deferrals), atLeastSeconds)),
      MessageAttributes: { [COUNT_ATTRIBUTE]: { DataType: 'Number', StringValue: String(deferrals + 1) } },
    }),
  );
}

import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { type MessageAttributeValue, PublishBatchCommand, PublishCommand, type SNSClient } from '@aws-sdk/client-sns';
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { DistributaryError } from '../../core/errors.ts';
import { encodeHeartbeat, HEARTBEAT_AGGREGATE } from '../../core/pack.ts';
import type { Pack } from './packer.ts';
import type { Row } from './pgoutput.ts';
import type { Sink } from './relay.ts';

export interface AwsSinkOptions {
  readonly sns: SNSClient;
  readonly sqs: SQSClient;
  readonly s3: S3Client;
  readonly topicArn: string;
  readonly payloadBucket: string;
  readonly parkedQueueUrl: string;
}

/** The topic for packs, a bucket for states too large for a message, a queue for rows that no one can read. */
export function awsSink({ sns, sqs, s3, topicArn, payloadBucket, parkedQueueUrl }: AwsSinkOptions): Sink {
  return {
    async publish(packs) {
      let left = packs;
      // SNS may take some and refuse others; what it took is not sent again.
      for (let attempt = 1; left.length > 0; attempt++) left = await publishOnce(sns, topicArn, left, attempt);
    },

    async heartbeat(heartbeat) {
      const MessageAttributes = attributes(HEARTBEAT_AGGREGATE, heartbeat.lane);
      await sns.send(
        new PublishCommand({ TopicArn: topicArn, Message: encodeHeartbeat(heartbeat), MessageAttributes }),
      );
    },

    async keepState({ aggregate, key, version }, state) {
      // The version is part of the name: writing it again writes the same.
      const Key = `${aggregate}/${key}/${version}.json`;
      await s3.send(new PutObjectCommand({ Bucket: payloadBucket, Key, Body: state, ContentType: 'application/json' }));
      return `s3://${payloadBucket}/${Key}`;
    },

    async park(row, error) {
      await sqs.send(
        new SendMessageCommand({
          QueueUrl: parkedQueueUrl,
          MessageBody: parkedBody(row),
          MessageAttributes: reason(error),
        }),
      );
    },
  };
}

/** Tries of one call for what SNS refused; then the relay's own patience begins, which is endless. */
const MAX_PARTIAL_TRIES = 3;

async function publishOnce(
  sns: SNSClient,
  topicArn: string,
  packs: readonly Pack[],
  attempt: number,
): Promise<readonly Pack[]> {
  const { Failed = [] } = await sns.send(
    new PublishBatchCommand({
      TopicArn: topicArn,
      PublishBatchRequestEntries: packs.map(({ aggregate, lane, body }, index) => ({
        Id: String(index),
        Message: body,
        MessageAttributes: attributes(aggregate, lane),
      })),
    }),
  );
  if (Failed.length > 0 && attempt >= MAX_PARTIAL_TRIES) {
    throw new DistributaryError(
      'publish-failed',
      `topic refused ${Failed.length} of ${packs.length} packs: ${Failed[0]?.Code}`,
    );
  }
  return Failed.map(({ Id }) => packs[Number(Id)]!);
}

/** What subscriptions filter by. */
const attributes = (aggregate: string, lane: string): Record<string, MessageAttributeValue> => ({
  aggregate: { DataType: 'String', StringValue: aggregate },
  lane: { DataType: 'String', StringValue: lane },
});

/** Which row it was, without its payload: that may be too large for any message, and is still in the outbox. */
function parkedBody({ payload: _, ...row }: Row): string {
  return JSON.stringify(row);
}

function reason(error: DistributaryError): Record<string, MessageAttributeValue> {
  const text = { error_code: error.code, error_message: error.message, hint: error.hint };
  return Object.fromEntries(
    Object.entries(text).map(([name, StringValue]) => [name, { DataType: 'String', StringValue }]),
  );
}

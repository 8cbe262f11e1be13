import { Agent, request } from 'node:http';
import type { SQSRecord } from 'aws-lambda';

/**
 * The four calls of a poller, in the JSON protocol of SQS. The SDK would add 20 MB and 150 ms to each function instance
 * that is not the function's own.
 */
export interface QueueClient {
  receive(atMost: number, waitSeconds: number, signal: AbortSignal): Promise<readonly ReceivedMessage[]>;
  delete(handles: readonly string[]): Promise<void>;
  /** Makes messages visible again after so many seconds. */
  giveBack(handles: readonly string[], afterSeconds: number): Promise<void>;
}

interface MessageAttribute {
  readonly StringValue?: string;
  readonly BinaryValue?: string;
  readonly DataType: string;
}

export interface ReceivedMessage {
  readonly MessageId: string;
  readonly ReceiptHandle: string;
  readonly MD5OfBody: string;
  readonly Body: string;
  readonly Attributes?: Readonly<Record<string, string>>;
  readonly MessageAttributes?: Readonly<Record<string, MessageAttribute>>;
}

/** SQS takes no more in one request. */
export const MAX_REQUEST_MESSAGES = 10;

export function queueClient(endpoint: string, queueUrl: string, region: string): QueueClient {
  const agent = new Agent({ keepAlive: true });
  const call = (action: string, parameters: object, signal?: AbortSignal) =>
    post(endpoint, agent, region, action, { QueueUrl: queueUrl, ...parameters }, signal);
  const batches = async (action: string, entries: readonly object[]): Promise<void> => {
    for (let at = 0; at < entries.length; at += MAX_REQUEST_MESSAGES) {
      const Entries = entries
        .slice(at, at + MAX_REQUEST_MESSAGES)
        .map((entry, index) => ({ Id: `${index}`, ...entry }));
      await call(action, { Entries });
    }
  };
  return {
    async receive(atMost, waitSeconds, signal) {
      const parameters = {
        MaxNumberOfMessages: Math.min(atMost, MAX_REQUEST_MESSAGES),
        WaitTimeSeconds: waitSeconds,
        MessageSystemAttributeNames: ['All'],
        MessageAttributeNames: ['All'],
      };
      const answer = (await call('ReceiveMessage', parameters, signal)) as { Messages?: ReceivedMessage[] };
      return answer.Messages ?? [];
    },
    delete: handles =>
      batches(
        'DeleteMessageBatch',
        handles.map(ReceiptHandle => ({ ReceiptHandle })),
      ),
    giveBack: (handles, VisibilityTimeout) =>
      batches(
        'ChangeMessageVisibilityBatch',
        handles.map(ReceiptHandle => ({ ReceiptHandle, VisibilityTimeout })),
      ),
  };
}

function post(
  endpoint: string,
  agent: Agent,
  region: string,
  action: string,
  parameters: object,
  signal?: AbortSignal,
): Promise<unknown> {
  const body = JSON.stringify(parameters);
  const headers = {
    'content-type': 'application/x-amz-json-1.0',
    'content-length': Buffer.byteLength(body),
    'x-amz-target': `AmazonSQS.${action}`,
    // Unsigned; the emulator reads the region from it.
    authorization: `AWS4-HMAC-SHA256 Credential=local/20260101/${region}/sqs/aws4_request`,
  };
  return new Promise((resolve, reject) => {
    const sent = request(endpoint, { method: 'POST', agent, headers, ...(signal && { signal }) }, answer => {
      const chunks: Buffer[] = [];
      answer.on('data', chunk => chunks.push(chunk));
      answer.once('error', reject);
      answer.once('end', () => {
        const text = Buffer.concat(chunks).toString();
        if (answer.statusCode === 200) resolve(text === '' ? {} : JSON.parse(text));
        else reject(new Error(`${action}: ${answer.statusCode} ${text}`));
      });
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

/** A message as an event source mapping hands it to a function. */
export function recordOf(message: ReceivedMessage, arn: string): SQSRecord {
  const attributes = Object.entries(message.MessageAttributes ?? {}).map(([name, attribute]) => {
    const { StringValue, BinaryValue, DataType } = attribute;
    const value = {
      ...(StringValue !== undefined && { stringValue: StringValue }),
      ...(BinaryValue !== undefined && { binaryValue: BinaryValue }),
      stringListValues: [],
      binaryListValues: [],
      dataType: DataType,
    };
    return [name, value] as const;
  });
  return {
    messageId: message.MessageId,
    receiptHandle: message.ReceiptHandle,
    body: message.Body,
    attributes: message.Attributes as unknown as SQSRecord['attributes'],
    messageAttributes: Object.fromEntries(attributes),
    md5OfBody: message.MD5OfBody,
    eventSource: 'aws:sqs',
    eventSourceARN: arn,
    awsRegion: arn.split(':')[3] ?? '',
  };
}

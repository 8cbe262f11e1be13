import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { countRequests } from '../local/runtime/request-count.ts';

test("what the SDK's clients ask for is counted by service and operation, anew after each look", async () => {
  const server = createServer((asked, response) => void asked.resume().on('end', () => response.end('{}')));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = {
    endpoint: `http://127.0.0.1:${port}`,
    region: 'eu-central-1',
    credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
    forcePathStyle: true,
    maxAttempts: 1,
  };
  const requests = countRequests();
  try {
    // Answers mean nothing to the clients; that they asked is what counts.
    await Promise.allSettled([
      new DynamoDBClient(client).send(new GetItemCommand({ TableName: 'table', Key: { pk: { S: 'a' } } })),
      new DynamoDBClient(client).send(new GetItemCommand({ TableName: 'table', Key: { pk: { S: 'b' } } })),
      new SQSClient(client).send(new SendMessageCommand({ QueueUrl: `${client.endpoint}/queue`, MessageBody: 'a' })),
      new SNSClient(client).send(new PublishCommand({ TopicArn: 'arn:aws:sns:eu-central-1:1:topic', Message: 'a' })),
      new S3Client(client).send(new PutObjectCommand({ Bucket: 'bucket', Key: 'key', Body: 'a' })),
    ]);
    const plain = request(`${client.endpoint}/_bulk`, { method: 'POST' }).end();
    const [answer] = await once(plain, 'response');
    answer.resume();
    requests.add('sqs.messages', 3);
    expect(requests.take()).toEqual({
      'dynamodb.GetItem': 2,
      'sqs.SendMessage': 1,
      'sns.POST': 1,
      's3.PUT': 1,
      'unsigned.POST': 1,
      'sqs.messages': 3,
    });
    expect(requests.take()).toBeUndefined();
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

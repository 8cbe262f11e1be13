import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, DeleteMessageBatchCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { startFauxqs } from 'fauxqs';
import { decodePack } from '../core/pack.ts';

const SERVICE = join(import.meta.dirname, '..', 'functions', 'relay', 'service.ts');
/** As in the image: see lib/relay-service.ts. */
const PROGRAM = `await (await import(${JSON.stringify(SERVICE)})).serve()`;
const REGION = 'us-east-1';
const credentials = { accessKeyId: 'x', secretAccessKey: 'x' };

/** A topic with one queue behind it, and what else the relay is told of. */
export interface Topic {
  /** What the task's environment says of them. */
  readonly environment: Readonly<Record<string, string>>;
  /** Keys of all changes that have arrived so far. */
  arrived(): Promise<ReadonlySet<string>>;
  stop(): Promise<void>;
}

export async function startTopic(): Promise<Topic> {
  const server = await startFauxqs({ port: 0, logger: false });
  const settings = { endpoint: server.address, region: REGION, credentials };
  const [sns, sqs, s3] = [
    new SNSClient(settings),
    new SQSClient(settings),
    new S3Client({ ...settings, forcePathStyle: true }),
  ];
  const { TopicArn = '' } = await sns.send(new CreateTopicCommand({ Name: 'changes' }));
  const queue = async (QueueName: string) => (await sqs.send(new CreateQueueCommand({ QueueName }))).QueueUrl!;
  const [parked, listener] = [await queue('parked'), await queue('listener')];
  const Endpoint = `arn:aws:sqs:${REGION}:000000000000:listener`;
  await sns.send(
    new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint, Attributes: { RawMessageDelivery: 'true' } }),
  );
  await s3.send(new CreateBucketCommand({ Bucket: 'payloads' }));
  const keys = new Set<string>();
  return {
    environment: {
      AWS_ENDPOINT_URL: server.address,
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      TOPIC_ARN: TopicArn,
      PAYLOAD_BUCKET: 'payloads',
      PARKED_QUEUE_URL: parked,
    },
    async arrived() {
      const receive = new ReceiveMessageCommand({ QueueUrl: listener, MaxNumberOfMessages: 10 });
      const { Messages = [] } = await sqs.send(receive);
      for (const item of Messages.flatMap(({ Body }) => decodePack(Body!))) {
        if (item.kind === 'change') keys.add(item.change.key);
      }
      const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
      if (Entries.length > 0) await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: listener, Entries }));
      return keys;
    },
    async stop() {
      for (const client of [sns, sqs, s3]) client.destroy();
      await server.stop();
    },
  };
}

/** The relay as a process that nobody's timeout ends. */
export interface RelayProcess {
  /** All that it has logged. */
  said(): string;
  /** Its exit code. */
  readonly ended: Promise<number | null>;
  kill(signal: NodeJS.Signals): void;
}

export function startRelayProcess(environment: Readonly<Record<string, string>>): RelayProcess {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', PROGRAM], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, ...environment },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (said += String(chunk)));
  const gone = () => void child.kill('SIGKILL');
  process.once('exit', gone);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', code => {
      process.off('exit', gone);
      resolve(code);
    });
  });
  return { said: () => said, ended, kill: signal => void child.kill(signal) };
}

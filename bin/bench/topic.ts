import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { queueUrl, startAws } from '../../local/aws.ts';
import { CREDENTIALS } from '../../local/credentials.ts';
import { ACCOUNT, REGION } from '../../local/template/intrinsics.ts';
import type { RelayRun } from './relay-process.ts';

/** A topic of local mode with one queue subscribed, as a store's standard lane is. */
export interface Topic {
  readonly target: NonNullable<RelayRun['topic']>;
  /** Messages that arrived in the queue. */
  arrived(): Promise<number>;
  close(): Promise<void>;
}

const NAME = 'bench';

export async function openTopic(): Promise<Topic> {
  const dataDir = mkdtempSync(join(tmpdir(), 'distributary-bench-'));
  const aws = await startAws({ dataDir });
  const topicArn = `arn:aws:sns:${REGION}:${ACCOUNT}:${NAME}`;
  const queueArn = `arn:aws:sqs:${REGION}:${ACCOUNT}:${NAME}`;
  await aws.provision({
    region: REGION,
    topics: [{ name: NAME, arn: topicArn }],
    queues: [{ name: NAME, arn: queueArn, url: queueUrl(aws.endpoint, ACCOUNT, NAME), attributes: {} }],
    subscriptions: [{ topicArn, queueArn, attributes: { RawMessageDelivery: 'true' } }],
    buckets: [],
  });
  return {
    target: { endpoint: aws.endpoint, region: REGION, credentials: CREDENTIALS, arn: topicArn },
    arrived: async () => (await aws.queues()).reduce((sum, { visible }) => sum + visible, 0),
    async close() {
      await aws.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

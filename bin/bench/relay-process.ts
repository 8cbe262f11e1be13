import { S3Client } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { awsSink } from '../../functions/relay/aws-sink.ts';
import { relay, type Sink } from '../../functions/relay/relay.ts';
import { openReplication } from '../../functions/relay/replication.ts';
import { answerOrders } from './child.ts';
import { PUBLICATION } from './wal.ts';

/** The relay in a process of its own, as it runs as a function: what it needs of the processor is its own. */

/** What the relay's process is asked to do: relay so many changes out of a slot. */
export interface RelayRun {
  readonly url: string;
  readonly slot: string;
  readonly rows: number;
  /** @default nowhere */
  readonly topic?: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
    readonly arn: string;
  };
}

export interface RelayRunReport {
  /** From the open stream to the last publication. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly packs: number;
  readonly changes: number;
  /** Publications that were tried again. */
  readonly failures: number;
  readonly peakBytes: number;
}

const NULL_SINK: Sink = {
  publish: async () => {},
  heartbeat: async () => {},
  keepState: async () => 's3://nowhere/nothing',
  park: async (_, error) => Promise.reject(error),
};

function sinkOf({ topic }: RelayRun): Sink {
  if (!topic) return NULL_SINK;
  const { endpoint, region, credentials, arn } = topic;
  const config = { endpoint, region, credentials: { ...credentials } };
  return awsSink({
    sns: new SNSClient(config),
    sqs: new SQSClient(config),
    s3: new S3Client(config),
    topicArn: arn,
    payloadBucket: 'none',
    parkedQueueUrl: 'none',
  });
}

async function run(order: RelayRun): Promise<RelayRunReport> {
  const { url, slot, rows } = order;
  const done = new AbortController();
  const sink = sinkOf(order);
  const stream = await openReplication({
    connection: { connectionString: url },
    slot,
    publication: PUBLICATION,
    signal: done.signal,
  });
  const cpu = process.cpuUsage();
  const start = performance.now();
  const report = { seconds: 0, packs: 0, changes: 0, failures: 0 };
  await relay({
    stream,
    sink,
    signal: done.signal,
    events: {
      published(packs) {
        report.packs += packs.length;
        for (const { changes } of packs) report.changes += changes;
        if (report.changes < rows || report.seconds > 0) return;
        report.seconds = (performance.now() - start) / 1000;
        done.abort();
      },
      parked() {},
      failing() {
        report.failures += 1;
      },
      saw() {},
    },
  });
  const { user, system } = process.cpuUsage(cpu);
  await stream.stop();
  return { ...report, cpuSeconds: (user + system) / 1e6, peakBytes: process.resourceUsage().maxRSS * 1024 };
}

answerOrders(run);

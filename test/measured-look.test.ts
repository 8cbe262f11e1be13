import { createServer } from 'node:http';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { measuredLook } from '../functions/operate-http/measured-look.ts';
import { CREDENTIALS } from '../local/credentials.ts';
import { type Listening, listen } from '../local/http-listen.ts';
import { GET_METRIC_DATA, metricData } from '../local/runtime/metric-data.ts';
import { MetricStore } from '../local/runtime/metrics.ts';

const STORE = 'case-search';
const QUEUES = { standard: 'standard', priority: 'priority', failed: 'failed' };
const MINUTE_MS = 60_000;

let metrics: MetricStore;
let server: Listening;
let cloudWatch: CloudWatchClient;
let requests: number;
let refuses: boolean;
/** One for all that is recorded, lest a minute ends in between. */
let now: number;

/** CloudWatch's protocol over HTTP, answered from what was recorded. */
beforeEach(async () => {
  [metrics, requests, refuses, now] = [new MetricStore(), 0, false, Date.now()];
  const http = createServer(async (request, response) => {
    requests += 1;
    if (refuses) return void response.writeHead(400).end('{}');
    expect(request.headers['x-amz-target']).toBe(GET_METRIC_DATA);
    const chunks = await Array.fromAsync(request as AsyncIterable<Buffer>);
    response.end(JSON.stringify(metricData(metrics, JSON.parse(Buffer.concat(chunks).toString()))));
  });
  server = await listen(http, 0);
  cloudWatch = new CloudWatchClient({
    endpoint: server.url,
    region: 'us-east-1',
    credentials: { ...CREDENTIALS },
    maxAttempts: 1,
  });
});

afterEach(() => {
  cloudWatch.destroy();
  server.stop();
});

/** In the minute before this one, or some before that. */
const record = (service: string, name: string, value: number, minutesAgo = 1): void =>
  metrics.record({ namespace: 'distributary', name, dimensions: { service } }, value, now - minutesAgo * MINUTE_MS);
const deep = (QueueName: string, name: string, value: number, minutesAgo = 1): void =>
  metrics.record({ namespace: 'AWS/SQS', name, dimensions: { QueueName } }, value, now - minutesAgo * MINUTE_MS);

const look = (watermarksOf: () => Promise<object> = async () => ({ standard: Date.now(), priority: Date.now() })) =>
  measuredLook({
    cloudWatch,
    control: { watermarksOf },
    stores: [{ store: STORE, engine: 'opensearch', normalSeconds: 10, maximumSeconds: 60 }],
    queues: { parked: 'parked', stores: { [STORE]: QUEUES } },
  });

test('what functions and queues measure is the way of the data, in one request for every page of some seconds', async () => {
  record('relay', 'source_write_count', 120);
  record('relay', 'relay_heartbeat_count', 6);
  record('relay', 'slot_retained_bytes', 4096);
  record('relay', 'relay_lag_seconds', 0.2);
  record('guardian', 'slot_retained_bytes', 5000);
  record('guardian', 'slot_lost', 0);
  record(STORE, 'freshness_seconds', 3);
  record(STORE, 'freshness_seconds', 9, 30);
  record(STORE, 'indexing_lag_seconds', 12);
  record(STORE, 'applied_count', 40);
  deep('standard', 'ApproximateNumberOfMessagesVisible', 7);
  deep('standard', 'ApproximateNumberOfMessagesNotVisible', 2);
  deep('standard', 'ApproximateNumberOfMessagesDelayed', 1);
  deep('priority', 'ApproximateAgeOfOldestMessage', 4);
  deep('failed', 'ApproximateNumberOfMessagesVisible', 3);
  // Of a queue that has been silent since, nothing is known any more.
  deep('parked', 'ApproximateNumberOfMessagesVisible', 5, 20);
  const looking = look();
  const overview = await looking();
  expect(overview.source).toMatchObject({ answers: true, changesPerSecond: 2 });
  expect(overview.relay).toEqual({
    slot: { active: true, lagBytes: undefined, retainedBytes: 4096, walStatus: 'kept' },
    lagSeconds: { p50: 0.2, p99: 0.2 },
    parked: 0,
  });
  expect(overview.stores).toMatchObject([
    {
      store: STORE,
      freshness: 'behind',
      lag: { p50: 12, p95: 12, p99: 12 },
      lanes: {
        standard: { visible: 7, inFlight: 2, delayed: 1, oldestSeconds: 0 },
        priority: { visible: 0, oldestSeconds: 4 },
      },
      applied: 40,
      failed: 3,
    },
  ]);
  expect(overview.concerns).toEqual([`${STORE} has 3 failed changes`]);
  expect(overview.curve!.map(({ freshnessSeconds }) => freshnessSeconds[STORE])).toEqual([9, 3]);
  expect(overview.curve!.at(-1)).toMatchObject({ changesPerSecond: 2 });
  await looking();
  expect(requests).toBe(1);
});

test('what nobody has measured yet is not known; what is no longer measured is a concern', async () => {
  const before = await look()();
  expect(before.source.answers).toBeUndefined();
  expect(before.concerns).toEqual([]);
  record('guardian', 'slot_retained_bytes', 5000, 20);
  record('guardian', 'slot_lost', 1);
  const after = await look(() => Promise.reject(new Error('the control table does not answer')))();
  expect(after.stores).toMatchObject([{ freshness: 'silent', freshnessSeconds: undefined }]);
  expect(after.concerns).toEqual([
    'the canonical store does not answer',
    'the slot has lost WAL that was not relayed: rebuild every store',
    `${STORE} says nothing yet`,
  ]);
});

test('a CloudWatch that refuses is asked again at the next look', async () => {
  refuses = true;
  const looking = look();
  await expect(looking()).rejects.toThrow();
  refuses = false;
  expect((await looking()).concerns).toEqual([]);
});

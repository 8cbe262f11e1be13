import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { readSeries } from '../functions/operate-http/metric-series.ts';
import { CONSOLE } from '../lib/entry-points.ts';
import { cloudWatch } from './aws/cloudwatch.ts';
import { NAMES, readPlaces } from './aws/places.ts';
import { until } from './local-fixture.ts';

/** The console that was deployed: its function behind its HTTP API, and what CloudWatch answers it. */

const { emulator, endpoints } = readPlaces();
const { control: endpoint, region, credentials } = endpoints;
const TIMEOUT_MS = 60_000;
const client = { endpoint, region, credentials: { ...credentials } };

const onHttpApis = emulator === 'ministack' ? test : test.skip;

onHttpApis(
  'the page is there for everybody, nothing else is, and the way in leads to the issuer',
  async () => {
    const lambda = new LambdaClient(client);
    const FunctionName = NAMES.function(CONSOLE);
    const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
    lambda.destroy();
    const { CONSOLE_URL, OIDC_ISSUER } = Environment!.Variables!;
    const [apiId] = new URL(CONSOLE_URL!).hostname.split('.');
    const ask = (path: string) =>
      fetch(`${endpoint}/_aws/execute-api/${apiId}/$default${path}`, { redirect: 'manual' });
    const page = await ask('/');
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(await (await ask('/console.js')).text()).toContain('EventSource');
    expect((await ask('/api/live')).status).toBe(401);
    const begun = await ask('/sign-in');
    expect([begun.status, begun.headers.get('location')]).toEqual([
      303,
      expect.stringMatching(`${OIDC_ISSUER}/authorize?`),
    ]);
    expect(begun.headers.get('set-cookie')).toMatch(/^__Host-distributary-signing-in=.*SameSite=Lax/);
  },
  TIMEOUT_MS,
);

test(
  'what was measured is read as CloudWatch answers it',
  async () => {
    const service = 'console-under-test';
    await cloudWatch(endpoint, 'PutMetricData', {
      Namespace: 'distributary',
      'MetricData.member.1.MetricName': 'freshness_seconds',
      'MetricData.member.1.Value': '7',
      'MetricData.member.1.Timestamp': new Date(Date.now() - 60_000).toISOString(),
      'MetricData.member.1.Dimensions.member.1.Name': 'service',
      'MetricData.member.1.Dimensions.member.1.Value': service,
    });
    const reader = new CloudWatchClient(client);
    const common = { namespace: 'distributary', metric: 'freshness_seconds', periodSeconds: 60 } as const;
    const measured = { ...common, dimensions: { service }, statistic: 'Maximum' } as const;
    const other = { ...common, dimensions: { service: 'nobody' }, statistic: 'Maximum' } as const;
    await until(async () => (await readSeries(reader, [measured])).newest(measured) === 7, 'the metric');
    const { newest, points } = await readSeries(reader, [other, measured]);
    expect([newest(other), newest(measured), points(measured).length]).toEqual([undefined, 7, 1]);
    reader.destroy();
  },
  TIMEOUT_MS,
);

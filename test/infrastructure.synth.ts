import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECTED_ENGINES } from '../core/store-contract.ts';
import { instruments } from '../functions/instruments.ts';
import { readCatalogue } from '../lib/contract-files.ts';
import { type Properties, type Resource, ROOT, synthesised } from './templates.ts';

const { projected, stores } = readCatalogue(ROOT);
// CDK's own rules for templates are checked here; a violation ends the synthesis.
const templates = await synthesised(true);

const queueOf = (name: string) => templates.one('AWS::SQS::Queue', 'QueueName', `distributary-${name}`);
const functionOf = (name: string) => templates.one('AWS::Lambda::Function', 'FunctionName', `distributary-${name}`);
const alarmOf = (name: string) => templates.one('AWS::CloudWatch::Alarm', 'AlarmName', `distributary-${name}`);
const mappingsOf = (store: string) =>
  templates
    .of('AWS::Lambda::EventSourceMapping', `distributary-${store}`)
    .map(({ stack, properties }) => ({ ...properties, queue: templates.referred(stack, properties.EventSourceArn) }));

test('there is a contract for each engine, so that nothing below is proved of nothing', () => {
  expect(new Set(projected.map(({ engine }) => engine))).toEqual(new Set(PROJECTED_ENGINES));
});

describe.each(projected)('the projection of $store_name', contract => {
  const { store_name: store, delivery, aggregates, freshness_contract } = contract;
  const lanes = [queueOf(store), queueOf(`${store}-priority`)] as const;
  const failed = queueOf(`${store}-failed`);

  test('has a queue for each lane, fed with its aggregates and the heartbeat, as they are', () => {
    const subscriptions = templates.of('AWS::SNS::Subscription', `distributary-${store}`);
    const fed = subscriptions.map(({ stack, properties: { Endpoint, FilterPolicy, RawMessageDelivery } }) => ({
      queue: templates.referred(stack, Endpoint).id,
      raw: RawMessageDelivery,
      filter: FilterPolicy,
    }));
    const aggregate = [...aggregates, 'heartbeat'];
    expect(fed).toEqual([
      { queue: lanes[0].id, raw: true, filter: { aggregate, lane: ['standard'] } },
      { queue: lanes[1].id, raw: true, filter: { aggregate, lane: ['priority'] } },
    ]);
  });

  test('takes messages from the relay only', () => {
    const { properties } = templates
      .of('AWS::SQS::QueuePolicy', `distributary-${store}`)
      .find(({ properties }) => properties.Queues[0].Ref === lanes[0].id)!;
    const allowed = properties.PolicyDocument.Statement.filter(({ Effect }: Properties) => Effect === 'Allow');
    expect(allowed).toEqual([
      expect.objectContaining({
        Principal: { Service: 'sns.amazonaws.com' },
        Condition: { ArnEquals: { 'aws:SourceArn': { Ref: expect.stringContaining('relaytopicarn') } } },
      }),
    ]);
  });

  test('leaves what crashes its function in one failed queue, for two weeks', () => {
    for (const { stack, properties } of lanes) {
      expect(templates.referred(stack, properties.RedrivePolicy.deadLetterTargetArn)).toBe(failed);
      expect(properties.RedrivePolicy.maxReceiveCount).toBe(5);
    }
    expect(failed.properties.MessageRetentionPeriod).toBe(14 * 86_400);
  });

  test('hides a message for at least six times as long as its function may run', () => {
    const { Timeout } = functionOf(`project-${store}`).properties;
    expect(Timeout).toBe(delivery.timeout);
    for (const { properties } of lanes) expect(properties.VisibilityTimeout).toBeGreaterThanOrEqual(6 * Timeout);
  });

  test('reports each failed message by itself, in batches of the contract', () => {
    const [standard, priority] = mappingsOf(store);
    expect(standard).toMatchObject({
      queue: lanes[0],
      BatchSize: delivery.batch_packs,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: delivery.maximum_concurrency },
    });
    expect(standard!.MaximumBatchingWindowInSeconds ?? 0).toBe(delivery.batch_window);
    expect(priority).toMatchObject({ queue: lanes[1], FunctionResponseTypes: ['ReportBatchItemFailures'] });
    expect(priority!.MaximumBatchingWindowInSeconds).toBeUndefined();
  });

  test('keeps the priority lane its share however busy the standard lane is', () => {
    const limits = mappingsOf(store).map(({ ScalingConfig }) => ScalingConfig.MaximumConcurrency);
    const { ReservedConcurrentExecutions } = functionOf(`project-${store}`).properties;
    expect(ReservedConcurrentExecutions).toBe(limits[0] + limits[1]);
  });

  test('rings when it is staler than promised, or silent', () => {
    expect(alarmOf(`${store}-stale`).properties).toMatchObject({
      Namespace: 'distributary',
      MetricName: 'freshness_seconds',
      Dimensions: [{ Name: 'service', Value: store }],
      Statistic: 'Maximum',
      Threshold: freshness_contract.maximum_before_alert,
      ComparisonOperator: 'GreaterThanThreshold',
      TreatMissingData: 'breaching',
    });
  });

  test('rings for the first change that failed for good, and for writes that keep failing', () => {
    expect(alarmOf(`${store}-failed`).properties).toMatchObject({
      MetricName: 'ApproximateNumberOfMessagesVisible',
      Dimensions: [{ Name: 'QueueName', Value: failed.properties.QueueName }],
      Threshold: 0,
      AlarmDescription: expect.stringContaining(`distributary redrive ${store} --function distributary-operate.`),
    });
    expect(alarmOf(`${store}-errors`).properties).toMatchObject({ MetricName: 'indexing_error_count' });
  });

  test('rings for the first document that is wrong, and for the first row that a reader should not have been given', () => {
    for (const [what, metric] of [
      ['drift', 'drift_sample_mismatch_count'],
      ['authorization', 'authorization_mismatch_count'],
    ]) {
      expect(alarmOf(`${store}-${what}`).properties).toMatchObject({
        MetricName: metric,
        Dimensions: [{ Name: 'service', Value: store }],
        Threshold: 0,
        EvaluationPeriods: 1,
        TreatMissingData: 'notBreaching',
      });
    }
  });

  test('has its first target made, again whenever its contract changes', () => {
    const [made] = templates.of('Custom::StoreTarget', `distributary-${store}`);
    expect(templates.referred(made!.stack, made!.properties.ServiceToken)).toBe(functionOf(`provision-${store}`));
    expect(made!.properties).toMatchObject({ Store: store, Content: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  test('is on the dashboard, with its promise', () => {
    const body = JSON.stringify(templates.of('AWS::CloudWatch::Dashboard')[0]!.properties.DashboardBody);
    expect(body).toContain(`${store} (${contract.engine}`);
    for (const metric of ['freshness_seconds', 'drift_sample_mismatch_count', 'authorization_mismatch_count']) {
      expect(body).toContain(`"${metric}\\",\\"service\\",\\"${store}\\"`);
    }
  });
});

test('every alarm names a runbook, and tells someone', () => {
  const alarms = templates.of('AWS::CloudWatch::Alarm');
  expect(alarms.length).toBeGreaterThanOrEqual(projected.length * 5 + 5);
  for (const { properties } of alarms) {
    const said = / Next: .+\. Runbook: docs\/generated\/runbooks\/(.*)\.md$/.exec(properties.AlarmDescription);
    expect(stores.map(({ store_name }) => store_name)).toContain(said?.[1]);
    expect(properties.AlarmActions).toHaveLength(1);
  }
});

test('alarms and dashboard listen to what functions say, under the name under which they say it', () => {
  const { metrics } = instruments('somewhere');
  metrics.addMetric('anything', 'Count', 1);
  const said = metrics.serializeMetrics();
  metrics.clearMetrics();
  const { Namespace, Dimensions } = said._aws.CloudWatchMetrics[0]!;
  expect(said.service).toBe('somewhere');
  expect(Dimensions).toEqual([['service']]);

  const code = readdirSync(join(ROOT, 'functions'), { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.ts'))
    .map(path => readFileSync(join(ROOT, 'functions', path), 'utf8'))
    .join();
  const dashboard = JSON.stringify(templates.of('AWS::CloudWatch::Dashboard')[0]!.properties.DashboardBody);
  const heard = [
    ...templates
      .of('AWS::CloudWatch::Alarm')
      .flatMap(({ properties }) => (properties.Namespace === Namespace ? [properties.MetricName] : [])),
    ...[...dashboard.matchAll(/\[\\"distributary\\",\\"(\w+)\\",\\"service\\"/g)].map(match => match[1]),
  ];
  expect(new Set(heard).size).toBeGreaterThanOrEqual(7);
  expect([...new Set(heard)].filter(name => !code.includes(`addMetric('${name}'`))).toEqual([]);
});

test('the dashboard shows how much of the search domain is taken: what CloudWatch says of it, by what the service says there is', () => {
  const body = JSON.stringify(templates.of('AWS::CloudWatch::Dashboard')[0]!.properties.DashboardBody);
  expect(body).toContain('100 * used * 1048576 / capacity');
  for (const metric of ['ClusterUsedSpace', 'search_capacity_bytes']) expect(body).toContain(`\\"${metric}\\",`);
});

test('a relay that falls silent rings', () => {
  expect(alarmOf('relay-silent').properties).toMatchObject({
    MetricName: 'relay_heartbeat_count',
    Threshold: 1,
    ComparisonOperator: 'LessThanThreshold',
    TreatMissingData: 'breaching',
  });
});

test('a relay is started every minute, two may run, and heartbeats fit three times into the shortest promise', () => {
  const relay = functionOf('relay');
  const [rule] = templates.of('AWS::Events::Rule', relay.stack);
  expect(rule!.properties.ScheduleExpression).toBe('rate(1 minute)');
  expect(templates.referred(relay.stack, rule!.properties.Targets[0].Arn)).toBe(relay);
  expect(relay.properties).toMatchObject({ Timeout: 900, ReservedConcurrentExecutions: 2 });
  const shortest = Math.min(...projected.map(contract => contract.freshness_contract.maximum_before_alert));
  const seconds = Number(relay.properties.Environment.Variables.HEARTBEAT_SECONDS);
  expect(seconds * 3).toBeLessThanOrEqual(shortest);
});

test('in production the loss of a zone takes neither the canonical store nor the search with it', async () => {
  const production = await synthesised(false, { size: 'production' });
  const [search] = production.of('AWS::OpenSearchService::Domain');
  expect(production.of('AWS::RDS::DBInstance').length).toBeGreaterThanOrEqual(2);
  expect(
    new Set(production.of('AWS::EC2::Subnet').map(({ properties }) => JSON.stringify(properties.AvailabilityZone)))
      .size,
  ).toBe(3);
  expect(search!.properties.ClusterConfig).toMatchObject({ InstanceCount: 3, ZoneAwarenessEnabled: true });
  expect(search!.properties.VPCOptions.SubnetIds).toHaveLength(3);
  for (const { deletionPolicy, properties } of production.of('AWS::DynamoDB::GlobalTable')) {
    const isCache = JSON.stringify(properties).includes('"Key":"data:role","Value":"cache"');
    expect(deletionPolicy).toBe(isCache ? 'Delete' : 'Retain');
  }
});

test('the canonical store replicates logically, by IAM, over TLS, encrypted, and is not deleted by mistake', () => {
  const [cluster] = templates.of('AWS::RDS::DBCluster');
  expect(cluster!.properties).toMatchObject({
    EngineVersion: expect.stringMatching(/^17\./),
    EnableIAMDatabaseAuthentication: true,
    StorageEncrypted: true,
    DeletionProtection: true,
  });
  expect(cluster!.deletionPolicy).toBe('Snapshot');
  expect(templates.of('AWS::RDS::DBClusterParameterGroup')[0]!.properties.Parameters).toMatchObject({
    'rds.logical_replication': '1',
    'rds.iam_auth_for_replication': '1',
    'rds.force_ssl': '1',
  });
  expect(templates.of('AWS::EC2::NatGateway')).toEqual([]);
});

test('the search domain knows its own users, speaks TLS 1.2 in a network only, and logs what is slow', () => {
  const [{ properties }] = templates.of('AWS::OpenSearchService::Domain') as [Resource];
  expect(properties).toMatchObject({
    AdvancedSecurityOptions: { Enabled: true, MasterUserOptions: { MasterUserARN: expect.anything() } },
    VPCOptions: { SecurityGroupIds: expect.any(Array) },
    LogPublishingOptions: {
      INDEX_SLOW_LOGS: { Enabled: true },
      SEARCH_SLOW_LOGS: { Enabled: true },
      ES_APPLICATION_LOGS: { Enabled: true },
    },
  });
});

test('a domain that runs out of storage, refuses writes or is red rings', () => {
  const alarms = ['storage', 'blocked', 'health'].map(what => alarmOf(`search-${what}`).properties);
  expect(alarms.map(({ Namespace, MetricName }) => [Namespace, MetricName])).toEqual([
    ['AWS/ES', 'FreeStorageSpace'],
    ['AWS/ES', 'ClusterIndexWritesBlocked'],
    ['distributary', 'search_health'],
  ]);
  const [{ properties }] = templates.of('AWS::OpenSearchService::Domain') as [Resource];
  expect(alarms[0]).toMatchObject({
    ComparisonOperator: 'LessThanThreshold',
    Threshold: (properties.EBSOptions.VolumeSize * 1024) / 4,
  });
});

test('the guardian looks every minute, and what it finds rings, as does its own silence', () => {
  const guardian = functionOf('guardian');
  expect(guardian.stack).not.toBe(functionOf('relay').stack);
  const [rule] = templates.of('AWS::Events::Rule', guardian.stack);
  expect(rule!.properties.ScheduleExpression).toBe('rate(1 minute)');
  expect(templates.referred(guardian.stack, rule!.properties.Targets[0].Arn)).toBe(guardian);
  const found = ['slot-lost', 'slot-at-risk', 'slot-retained', 'source-unsafe'];
  for (const what of found) {
    const { properties } = alarmOf(`guardian-${what}`);
    expect(properties).toMatchObject({ ComparisonOperator: 'GreaterThanThreshold', TreatMissingData: 'notBreaching' });
    expect(properties.Dimensions).toEqual([{ Name: 'service', Value: 'guardian' }]);
  }
  expect(alarmOf('guardian-heartbeat').properties.TreatMissingData).toBe('breaching');
});

test('what was purged is looked for every five minutes, and rings when it stays, or when nobody looks', () => {
  const operate = functionOf('operate');
  const asked = templates
    .of('AWS::Events::Rule', operate.stack)
    .map(({ properties }) => [JSON.parse(properties.Targets[0].Input).operation, properties.ScheduleExpression]);
  expect(asked).toContainEqual(['erase.due', 'rate(5 minutes)']);
  expect(alarmOf('erasure-purge-due').properties).toMatchObject({ Threshold: 1800, TreatMissingData: 'breaching' });
});

test('queues, topics and buckets refuse requests without TLS', () => {
  const policies = ['AWS::SQS::QueuePolicy', 'AWS::SNS::TopicPolicy', 'AWS::S3::BucketPolicy'];
  const guarded = policies.flatMap(type => templates.of(type)).filter(({ properties }) => deniesPlainText(properties));
  const targets = guarded.flatMap(({ stack, properties }) =>
    [properties.Queues ?? properties.Topics ?? properties.Bucket].flat().map(ref => templates.referred(stack, ref)),
  );
  const all = ['AWS::SQS::Queue', 'AWS::SNS::Topic', 'AWS::S3::Bucket'].flatMap(type => templates.of(type));
  expect(names(targets)).toEqual(names(all));
});

test('everything at rest is encrypted, and tables can be brought back to any point in time', () => {
  for (const { properties } of templates.of('AWS::SQS::Queue')) expect(properties.SqsManagedSseEnabled).toBe(true);
  for (const { properties } of templates.of('AWS::SNS::Topic')) expect(properties.KmsMasterKeyId).toBeDefined();
  for (const { properties } of templates.of('AWS::S3::Bucket')) expect(properties.BucketEncryption).toBeDefined();
  for (const { properties } of templates.of('AWS::DynamoDB::GlobalTable')) {
    expect(properties.Replicas[0].PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled).toBe(true);
  }
  expect(templates.of('AWS::OpenSearchService::Domain')[0]!.properties).toMatchObject({
    EncryptionAtRestOptions: { Enabled: true },
    NodeToNodeEncryptionOptions: { Enabled: true },
    DomainEndpointOptions: { EnforceHTTPS: true, TLSSecurityPolicy: expect.stringContaining('TLS-1-2') },
  });
});

test('whatever keeps data says whose it is, what it is worth and how fresh', () => {
  const keeps = ['SQS::Queue', 'S3::Bucket', 'DynamoDB::GlobalTable', 'RDS::DBCluster', 'OpenSearchService::Domain'];
  const resources = keeps.flatMap(type => templates.of(`AWS::${type}`));
  expect(resources.length).toBeGreaterThan(projected.length * 4);
  for (const { properties } of resources) {
    const tags = Object.fromEntries((properties.Tags ?? properties.Replicas[0].Tags).map(tagPair));
    const contracts = stores.filter(({ store_name }) => tags['data:store'].split(' ').includes(store_name));
    expect(contracts.length).toBeGreaterThan(0);
    expect(tags['data:role'].split(' ')).toEqual([...new Set(contracts.map(({ role }) => role))]);
    expect(tags['data:owner'].split(' ')).toEqual([...new Set(contracts.map(({ owner_team }) => owner_team))]);
    expect(tags['data:pii']).toBe(String(contracts.some(({ security }) => security.contains_pii)));
    expect(tags).toHaveProperty('data:canonical-source');
    expect(tags).toHaveProperty('data:freshness');
  }
});

test('every function is ours, on the newest runtime, traced, and keeps its log for a while', () => {
  for (const { stack, properties } of templates.of('AWS::Lambda::Function')) {
    expect(properties).toMatchObject({
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      TracingConfig: { Mode: 'Active' },
      LoggingConfig: { LogFormat: 'JSON' },
    });
    const log = templates.referred(stack, properties.LoggingConfig.LogGroup);
    expect(log.properties).toMatchObject({
      LogGroupName: `/aws/lambda/${properties.FunctionName}`,
      RetentionInDays: 14,
    });
  }
});

test('a stack can be updated without the others: nothing is exported, each shared value has one source', () => {
  const published = templates.of('AWS::SSM::Parameter').map(({ properties }) => properties.Name);
  expect(new Set(published).size).toBe(published.length);
  for (const { Outputs = {}, Parameters = {} } of templates.stacks.values()) {
    expect(JSON.stringify(Outputs)).not.toContain('"Export"');
    const read = Object.values(Parameters).map(parameter => parameter.Default);
    expect(published).toEqual(expect.arrayContaining(read.filter(name => name.startsWith('/distributary/'))));
  }
});

function deniesPlainText({ PolicyDocument }: Properties): boolean {
  return PolicyDocument.Statement.some(
    ({ Effect, Principal, Condition }: Properties) =>
      Effect === 'Deny' && (Principal.AWS ?? Principal) === '*' && Condition?.Bool?.['aws:SecureTransport'] === 'false',
  );
}

const names = (resources: readonly Resource[]): string[] => resources.map(({ path }) => path).sort();
const tagPair = ({ Key, Value }: { Key: string; Value: string }) => [Key, Value] as const;

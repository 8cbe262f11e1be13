// biome-ignore-all lint/suspicious/noTemplateCurlyInString: Fn::Sub has placeholders of the same form
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readAssembly } from '../local/template/assembly.ts';
import { type Model, readModel } from '../local/template/model.ts';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

interface TemplateParts {
  readonly Resources?: object;
  readonly Parameters?: object;
  readonly Conditions?: object;
  readonly Mappings?: object;
  readonly Outputs?: object;
}

/** Writes an assembly as `cdk synth` does, with one asset `code.zip`, and reads it. Stacks depend on those before them. */
function read(stacks: Readonly<Record<string, TemplateParts>>): Model {
  const folder = mkdtempSync(join(tmpdir(), 'template-'));
  folders.push(folder);
  mkdirSync(join(folder, 'asset.code'));
  const file = { source: { path: 'asset.code' }, destinations: { here: { objectKey: 'code.zip' } } };
  writeFileSync(join(folder, 'assets.json'), JSON.stringify({ files: { code: file } }));
  const artifacts: Record<string, object> = {
    assets: { type: 'cdk:asset-manifest', properties: { file: 'assets.json' } },
  };
  const dependencies = ['assets'];
  for (const [name, template] of Object.entries(stacks)) {
    writeFileSync(join(folder, `${name}.template.json`), JSON.stringify(template));
    artifacts[name] = {
      type: 'aws:cloudformation:stack',
      dependencies: [...dependencies],
      properties: { templateFile: `${name}.template.json` },
    };
    dependencies.push(name);
  }
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ artifacts }));
  return readModel(readAssembly(folder), {
    queueUrl: name => `http://aws/${name}`,
    database: { host: 'db.local', port: 5433 },
    searchDomain: 'search.local:9200',
    cache: { host: 'cache.local', port: 6379 },
  });
}

/** What a function's variable resolves to: the shortest way through every intrinsic. */
function resolve(
  value: unknown,
  more: TemplateParts & { Resources?: object } = {},
  before: Record<string, TemplateParts> = {},
) {
  const Resources = { Fn: functionOf({ V: value }), ...more.Resources };
  return read({ ...before, App: { ...more, Resources } }).functions[0]?.environment.V;
}

const functionOf = (Variables: object, more: object = {}) => ({
  Type: 'AWS::Lambda::Function',
  Properties: {
    Code: { S3Bucket: 'bootstrap', S3Key: 'code.zip' },
    Handler: 'index.handler',
    Runtime: 'nodejs24.x',
    Environment: { Variables },
    ...more,
  },
});

const queue = (Properties: object = {}) => ({ Type: 'AWS::SQS::Queue', Properties });
const QUEUE = { Resources: { Queue: queue() } };

test.each([
  ['a pseudo parameter', { Ref: 'AWS::AccountId' }, '000000000000'],
  ['a queue by its URL', { Ref: 'Queue' }, 'http://aws/App-Queue'],
  ['an attribute', { 'Fn::GetAtt': ['Queue', 'Arn'] }, 'arn:aws:sqs:us-east-1:000000000000:App-Queue'],
  ['an attribute in one word', { 'Fn::GetAtt': 'Queue.QueueName' }, 'App-Queue'],
  ['joined parts', { 'Fn::Join': ['/', ['a', { Ref: 'AWS::Region' }]] }, 'a/us-east-1'],
  ['a text with names', { 'Fn::Sub': '${AWS::StackName} ${Queue.QueueName} ${!kept}' }, 'App App-Queue ${kept}'],
  ['a text with names of its own', { 'Fn::Sub': ['${a}-${b}', { a: 'x', b: { Ref: 'AWS::Partition' } }] }, 'x-aws'],
  ['a part of a split text', { 'Fn::Select': [1, { 'Fn::Split': [',', 'a,b,c'] }] }, 'b'],
  ['base64', { 'Fn::Base64': 'hi' }, 'aGk='],
  ['a zone', { 'Fn::Select': ['0', { 'Fn::GetAZs': '' }] }, 'us-east-1a'],
])('resolves %s', (_, value, expected) => {
  expect(resolve(value, QUEUE)).toBe(expected);
});

test('resolves parameters, mappings and conditions', () => {
  const parts = {
    Parameters: { Size: { Type: 'String', Default: 'small' } },
    Mappings: { Limits: { small: { messages: '10' } } },
    Conditions: {
      Small: { 'Fn::Equals': [{ Ref: 'Size' }, 'small'] },
      Neither: { 'Fn::Not': [{ 'Fn::Or': [{ Condition: 'Small' }, { 'Fn::Equals': ['a', 'b'] }] }] },
    },
  };
  const found = { 'Fn::FindInMap': ['Limits', { Ref: 'Size' }, 'messages'] };
  expect(resolve({ 'Fn::If': ['Small', found, 'none'] }, parts)).toBe('10');
  expect(resolve({ 'Fn::If': ['Neither', 'x', 'y'] }, parts)).toBe('y');
  expect(resolve({ 'Fn::If': ['Neither', 'x', { Ref: 'AWS::NoValue' }] }, parts)).toBeUndefined();
});

test('leaves out resources whose condition does not hold', () => {
  const never = { 'Fn::Equals': ['a', 'b'] };
  const { queues } = read({
    App: { Conditions: { never }, Resources: { A: { ...queue(), Condition: 'never' }, B: queue() } },
  });
  expect(queues.map(({ name }) => name)).toEqual(['App-B']);
});

test.each([
  ['an exported output', { 'Fn::ImportValue': 'Base:Queue' }],
  ['a dynamic reference', '{{resolve:ssm:/base/queue}}'],
])('reads what another stack tells by %s', (_, value) => {
  const Base = {
    Resources: {
      Queue: queue({ QueueName: 'orders' }),
      Told: { Type: 'AWS::SSM::Parameter', Properties: { Name: '/base/queue', Value: { Ref: 'Queue' } } },
    },
    Outputs: { Queue: { Value: { Ref: 'Queue' }, Export: { Name: 'Base:Queue' } } },
  };
  expect(resolve(value, {}, { Base })).toBe('http://aws/orders');
});

test('reads what another stack tells by a parameter, also a list', () => {
  const told = (Name: string, Value: unknown) => ({ Type: 'AWS::SSM::Parameter', Properties: { Name, Value } });
  const Base = { Resources: { One: told('/one', 'first'), Many: told('/many', 'a,b') } };
  const Parameters = {
    One: { Type: 'AWS::SSM::Parameter::Value<String>', Default: '/one' },
    Many: { Type: 'AWS::SSM::Parameter::Value<List<String>>', Default: '/many' },
    Unused: { Type: 'AWS::SSM::Parameter::Value<String>', Default: '/cdk-bootstrap/version' },
  };
  expect(resolve({ Ref: 'One' }, { Parameters }, { Base })).toBe('first');
  expect(resolve({ 'Fn::Select': [1, { Ref: 'Many' }] }, { Parameters }, { Base })).toBe('b');
});

test('a database cluster and a search domain lead to the servers of this machine', () => {
  const Resources = {
    Cluster: { Type: 'AWS::RDS::DBCluster', Properties: { Engine: 'aurora-postgresql', DatabaseName: 'app' } },
    Domain: { Type: 'AWS::OpenSearchService::Domain', Properties: { EngineVersion: 'OpenSearch_3.3' } },
  };
  const value = { 'Fn::Sub': '${Cluster.Endpoint.Address}:${Cluster.Endpoint.Port} https://${Domain.DomainEndpoint}' };
  expect(resolve(value, { Resources })).toBe('db.local:5433 https://search.local:9200');
});

test('reads a pipeline: function, mapping, redrive, subscription, schedule, alarm', () => {
  const model = read({
    App: {
      Resources: {
        Fn: functionOf({}, { Timeout: '30', MemorySize: 256, ReservedConcurrentExecutions: 2, Role: { Ref: 'Role' } }),
        Role: { Type: 'AWS::IAM::Role', Properties: {} },
        Failed: queue(),
        Queue: queue({
          VisibilityTimeout: 180,
          RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': ['Failed', 'Arn'] }, maxReceiveCount: 5 },
        }),
        Topic: { Type: 'AWS::SNS::Topic', Properties: { TopicName: 'changes' } },
        Subscription: {
          Type: 'AWS::SNS::Subscription',
          Properties: {
            TopicArn: { Ref: 'Topic' },
            Protocol: 'sqs',
            Endpoint: { 'Fn::GetAtt': ['Queue', 'Arn'] },
            RawMessageDelivery: true,
            FilterPolicy: { lane: ['standard'] },
          },
        },
        Mapping: {
          Type: 'AWS::Lambda::EventSourceMapping',
          Properties: {
            EventSourceArn: { 'Fn::GetAtt': ['Queue', 'Arn'] },
            FunctionName: { Ref: 'Fn' },
            BatchSize: 100,
            MaximumBatchingWindowInSeconds: 1,
            FunctionResponseTypes: ['ReportBatchItemFailures'],
            ScalingConfig: { MaximumConcurrency: 8 },
          },
        },
        Rule: {
          Type: 'AWS::Events::Rule',
          Properties: {
            ScheduleExpression: 'rate(1 minute)',
            Targets: [{ Id: 'T', Arn: { 'Fn::GetAtt': ['Fn', 'Arn'] }, Input: '{"a":1}' }],
          },
        },
        Alarm: {
          Type: 'AWS::CloudWatch::Alarm',
          Properties: {
            AlarmName: 'stale',
            Namespace: 'app',
            MetricName: 'lag',
            Dimensions: [{ Name: 'store', Value: 's' }],
            ExtendedStatistic: 'p95',
            Period: 60,
            EvaluationPeriods: 3,
            DatapointsToAlarm: 2,
            Threshold: 5,
            ComparisonOperator: 'GreaterThanThreshold',
          },
        },
      },
    },
  });
  expect(model.functions).toMatchObject([
    {
      name: 'App-Fn',
      timeoutSeconds: 30,
      memoryMegabytes: 256,
      reservedConcurrency: 2,
      folder: expect.stringMatching(/asset\.code$/),
    },
  ]);
  expect(model.queues.find(({ name }) => name === 'App-Queue')?.attributes).toEqual({
    VisibilityTimeout: '180',
    RedrivePolicy: '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:App-Failed","maxReceiveCount":5}',
  });
  expect(model.subscriptions).toMatchObject([
    {
      topicArn: 'arn:aws:sns:us-east-1:000000000000:changes',
      queueArn: 'arn:aws:sqs:us-east-1:000000000000:App-Queue',
      attributes: { RawMessageDelivery: 'true', FilterPolicy: '{"lane":["standard"]}' },
    },
  ]);
  expect(model.mappings).toMatchObject([
    { functionName: 'App-Fn', batchSize: 100, windowSeconds: 1, reportsFailures: true, maximumConcurrency: 8 },
  ]);
  expect(model.schedules).toMatchObject([{ expression: 'rate(1 minute)', functionName: 'App-Fn', input: { a: 1 } }]);
  expect(model.alarms).toMatchObject([
    {
      name: 'stale',
      metric: { Dimensions: { store: 's' } },
      statistic: 'p95',
      evaluationPeriods: 3,
      datapointsToAlarm: 2,
    },
  ]);
});

test('custom resources come after those that they need', () => {
  const custom = (more: object) => ({
    Type: 'Custom::Step',
    Properties: { ServiceToken: { 'Fn::GetAtt': ['Fn', 'Arn'] } },
    ...more,
  });
  const Resources = { Second: custom({ DependsOn: ['First'] }), First: custom({}), Fn: functionOf({}) };
  const { customResources } = read({ App: { Resources } });
  expect(customResources.map(({ logicalId }) => logicalId)).toEqual(['First', 'Second']);
  expect(customResources[0]).toMatchObject({ functionName: 'App-Fn', properties: {}, type: 'Custom::Step' });
});

test.each([
  [
    'a resource type',
    { R: { Type: 'AWS::Kinesis::Stream', Properties: {} } },
    'App/R: resource type AWS::Kinesis::Stream',
  ],
  ['a property', { R: queue({ FifoQueue: true }) }, 'App/R (AWS::SQS::Queue): property FifoQueue'],
  [
    'a property within',
    { R: queue({ RedrivePolicy: { deadLetterTargetArn: 'x' } }) },
    'App/R (AWS::SQS::Queue): property RedrivePolicy.maxReceiveCount',
  ],
  [
    'a value of it',
    { Fn: functionOf({}, { Runtime: 'python3.13' }) },
    'App/Fn (AWS::Lambda::Function): property Runtime: only Node functions run here',
  ],
  [
    'an attribute',
    { Q: queue(), Fn: functionOf({ V: { 'Fn::GetAtt': ['Q', 'Age'] } }) },
    'App/Q (AWS::SQS::Queue): attribute Age',
  ],
  [
    'an intrinsic function',
    { Fn: functionOf({ V: { 'Fn::Transform': {} } }) },
    'App: intrinsic function Fn::Transform',
  ],
  ['a reference', { Fn: functionOf({ V: { Ref: 'Nobody' } }) }, 'App: reference to Nobody'],
  ['an asset', { Fn: functionOf({}, { Code: { S3Bucket: 'b', S3Key: 'other.zip' } }) }, 'no asset other.zip'],
  [
    'a parameter of the account',
    { Fn: functionOf({ V: '{{resolve:ssm:/elsewhere}}' }) },
    'no stack creates the SSM parameter /elsewhere',
  ],
])('refuses %s that it does not know, by name', (_, Resources, message) => {
  expect(() => read({ App: { Resources } })).toThrow(
    expect.objectContaining({ code: 'template-unsupported', message: expect.stringContaining(message) }),
  );
});

test('names everything that it does not know at once', () => {
  const unknown = { Type: 'AWS::Kinesis::Stream' };
  expect(() => read({ App: { Resources: { A: unknown, B: unknown } } })).toThrow(/^App\/A: .*\nApp\/B: .*$/);
});

test('a folder that holds no synthesis is told so', () => {
  expect(() => readAssembly(tmpdir())).toThrow(/holds no manifest\.json/);
});

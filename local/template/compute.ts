import { z } from 'zod';
import { type Identity, unsupported } from './intrinsics.ts';
import { arnOf, flag, identityOf, type Kind, kindOf, type Naming, number } from './kind.ts';

export interface FunctionModel {
  readonly id: string;
  readonly name: string;
  readonly arn: string;
  /** The folder of its bundle. */
  readonly folder: string;
  /** `file.export`, as Lambda's Handler. */
  readonly handler: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  readonly memoryMegabytes: number;
  readonly reservedConcurrency: number | undefined;
}

export interface EventSourceMapping {
  readonly id: string;
  readonly functionName: string;
  readonly queueArn: string;
  readonly enabled: boolean;
  readonly batchSize: number;
  readonly windowSeconds: number;
  /** Whether the answer lists the messages that failed; otherwise a batch succeeds or fails as a whole. */
  readonly reportsFailures: boolean;
  readonly maximumConcurrency: number | undefined;
}

export interface AsyncInvocation {
  readonly functionName: string;
  readonly maximumRetries: number;
}

/** A resource that a function of the app makes: CloudFormation tells it what, and hears of it by the ResponseURL. */
export interface CustomResource {
  readonly id: string;
  readonly type: string;
  readonly logicalId: string;
  readonly stack: string;
  readonly functionName: string;
  readonly properties: Readonly<Record<string, unknown>>;
  /** Ids of other resources that have to be there first. */
  readonly after: readonly string[];
}

/** Lambda's defaults. */
const TIMEOUT_SECONDS = 3;
const MEMORY_MEGABYTES = 128;
const BATCH_SIZE = 10;

/** From a name or an ARN, with or without version or alias. */
export function functionNameOf(reference: string): string {
  return /:function:([^:]+)/.exec(reference)?.[1] ?? reference.split(':')[0]!;
}

export const functionKind = kindOf({
  types: ['AWS::Lambda::Function'],
  identify(naming) {
    const name = naming.named('FunctionName');
    return identityOf(naming, name, { Arn: arnOf('lambda', `function:${name}`) });
  },
  acts: {
    Code: z.strictObject({ S3Bucket: z.string(), S3Key: z.string() }),
    Handler: z.string().regex(/^.+\.[^.]+$/, 'is no file.export'),
    Runtime: z.string().regex(/^nodejs/, 'only Node functions run here'),
    Environment: z.object({ Variables: z.record(z.string(), z.coerce.string()).default({}) }).optional(),
    Timeout: number.default(TIMEOUT_SECONDS),
    MemorySize: number.default(MEMORY_MEGABYTES),
    ReservedConcurrentExecutions: number.optional(),
  },
  ignores: [
    'FunctionName',
    'Description',
    'Role',
    'Tags',
    'Architectures',
    'TracingConfig',
    'LoggingConfig',
    'VpcConfig',
    'KmsKeyArn',
    'RecursiveLoop',
    'RuntimeManagementConfig',
  ],
  build(properties, { id, type, identity, asset }): FunctionModel {
    const folder = asset(properties.Code.S3Key);
    if (folder === undefined) throw unsupported(`${id} (${type}): no asset ${properties.Code.S3Key} in this assembly`);
    return {
      id,
      name: String(identity.ref),
      arn: String(identity.attribute('Arn')),
      folder,
      handler: properties.Handler,
      environment: properties.Environment?.Variables ?? {},
      timeoutSeconds: properties.Timeout,
      memoryMegabytes: properties.MemorySize,
      reservedConcurrency: properties.ReservedConcurrentExecutions,
    };
  },
});

export const mappingKind = kindOf({
  types: ['AWS::Lambda::EventSourceMapping'],
  identify: naming => identityOf(naming, naming.id, { Id: naming.id, EventSourceMappingArn: naming.id }),
  acts: {
    EventSourceArn: z.string().regex(/^arn:aws:sqs:/, 'only queues are polled'),
    FunctionName: z.string(),
    Enabled: flag.default(true),
    BatchSize: number.default(BATCH_SIZE),
    MaximumBatchingWindowInSeconds: number.default(0),
    FunctionResponseTypes: z.array(z.literal('ReportBatchItemFailures')).default([]),
    ScalingConfig: z.strictObject({ MaximumConcurrency: number.optional() }).optional(),
  },
  ignores: ['Tags', 'MetricsConfig'],
  build: (properties, { id }): EventSourceMapping => ({
    id,
    functionName: functionNameOf(properties.FunctionName),
    queueArn: properties.EventSourceArn,
    enabled: properties.Enabled,
    batchSize: properties.BatchSize,
    windowSeconds: properties.MaximumBatchingWindowInSeconds,
    reportsFailures: properties.FunctionResponseTypes.length > 0,
    maximumConcurrency: properties.ScalingConfig?.MaximumConcurrency,
  }),
});

export const asyncInvocationKind = kindOf({
  types: ['AWS::Lambda::EventInvokeConfig'],
  identify: naming => identityOf(naming, naming.id, {}),
  acts: { FunctionName: z.string(), MaximumRetryAttempts: number.default(2) },
  ignores: ['Qualifier', 'MaximumEventAgeInSeconds'],
  build: ({ FunctionName, MaximumRetryAttempts }): AsyncInvocation => ({
    functionName: functionNameOf(FunctionName),
    maximumRetries: MaximumRetryAttempts,
  }),
});

const isCustom = (type: string): boolean =>
  type.startsWith('Custom::') || type === 'AWS::CloudFormation::CustomResource';

function identifyCustom(naming: Naming): Identity {
  return {
    ref: naming.id,
    attribute(name) {
      throw unsupported(`${naming.id} (${naming.type}): attribute ${name}, known only after the function has run`);
    },
  };
}

export const customResourceKind: Kind<CustomResource> & { matches(type: string): boolean } = {
  types: [],
  matches: isCustom,
  identify: identifyCustom,
  build({ ServiceToken, ServiceTimeout, ...properties }, { id, type, after }) {
    const [stack = '', logicalId = ''] = id.split('/');
    return { id, type, stack, logicalId, functionName: functionNameOf(String(ServiceToken)), properties, after };
  },
};

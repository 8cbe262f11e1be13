import type { CreateTableCommandInput } from '@aws-sdk/client-dynamodb';
import { z } from 'zod';
import { arnOf, flag, identityOf, kindOf, type Naming } from './kind.ts';

export interface Bucket {
  readonly id: string;
  readonly name: string;
}

export interface Table {
  readonly id: string;
  readonly name: string;
  readonly input: CreateTableCommandInput;
}

const MAX_BUCKET_NAME = 63;

export const bucketKind = kindOf({
  types: ['AWS::S3::Bucket'],
  identify(naming) {
    const name = naming.named('BucketName').toLowerCase().slice(0, MAX_BUCKET_NAME);
    const host = `${name}.s3.amazonaws.com`;
    return identityOf(naming, name, { Arn: `arn:aws:s3:::${name}`, DomainName: host, RegionalDomainName: host });
  },
  acts: {},
  ignores: [
    'BucketName',
    'Tags',
    'BucketEncryption',
    'PublicAccessBlockConfiguration',
    'OwnershipControls',
    // The emulator keeps no versions, and nothing here grows old enough to expire.
    'VersioningConfiguration',
    'LifecycleConfiguration',
    'ObjectLockEnabled',
    'ObjectLockConfiguration',
    'LoggingConfiguration',
  ],
  build: (_, { id, identity }): Bucket => ({ id, name: String(identity.ref) }),
});

const keySchema = z.array(z.object({ AttributeName: z.string(), KeyType: z.enum(['HASH', 'RANGE']) }));
const projection = z.object({
  ProjectionType: z.enum(['ALL', 'KEYS_ONLY', 'INCLUDE']),
  NonKeyAttributes: z.array(z.string()).optional(),
});
const tableShape = {
  AttributeDefinitions: z.array(z.object({ AttributeName: z.string(), AttributeType: z.enum(['S', 'N', 'B']) })),
  KeySchema: keySchema,
  GlobalSecondaryIndexes: z
    .array(z.object({ IndexName: z.string(), KeySchema: keySchema, Projection: projection }))
    .optional(),
  LocalSecondaryIndexes: z
    .array(z.object({ IndexName: z.string(), KeySchema: keySchema, Projection: projection }))
    .optional(),
};
const tableIgnores = ['TableName', 'BillingMode', 'SSESpecification', 'WarmThroughput', 'Tags'];

function identifyTable(naming: Naming) {
  const name = naming.named('TableName');
  const arn = arnOf('dynamodb', `table/${name}`);
  return identityOf(naming, name, { Arn: arn, TableId: name });
}

const inputOf = (name: string, shape: z.output<z.ZodObject<typeof tableShape>>): CreateTableCommandInput => ({
  TableName: name,
  BillingMode: 'PAY_PER_REQUEST',
  ...definedOf(shape),
});

const definedOf = <T extends object>(object: T): T =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;

/** What `TableV2` makes. Its one replica carries the settings of the region. */
export const globalTableKind = kindOf({
  types: ['AWS::DynamoDB::GlobalTable'],
  identify: identifyTable,
  acts: {
    ...tableShape,
    Replicas: z
      .array(
        z.strictObject({
          Region: z.string(),
          PointInTimeRecoverySpecification: z.unknown().optional(),
          DeletionProtectionEnabled: flag.optional(),
          ContributorInsightsSpecification: z.unknown().optional(),
          GlobalSecondaryIndexes: z.unknown().optional(),
          TableClass: z.unknown().optional(),
          SSESpecification: z.unknown().optional(),
          Tags: z.unknown().optional(),
        }),
      )
      .length(1),
    // Nothing here lives long enough to expire.
    TimeToLiveSpecification: z.unknown().optional(),
  },
  ignores: [...tableIgnores, 'WriteOnDemandThroughputSettings'],
  build({ Replicas, TimeToLiveSpecification, ...shape }, { id, identity }): Table {
    const name = String(identity.ref);
    return { id, name, input: inputOf(name, shape) };
  },
});

export const tableKind = kindOf({
  types: ['AWS::DynamoDB::Table'],
  identify: identifyTable,
  acts: tableShape,
  ignores: [
    ...tableIgnores,
    'PointInTimeRecoverySpecification',
    'DeletionProtectionEnabled',
    'TimeToLiveSpecification',
    'TableClass',
  ],
  build(shape, { id, identity }): Table {
    const name = String(identity.ref);
    return { id, name, input: inputOf(name, shape) };
  },
});

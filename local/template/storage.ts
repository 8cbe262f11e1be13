import type { CreateTableCommandInput, GlobalSecondaryIndex } from '@aws-sdk/client-dynamodb';
import { z } from 'zod';
import { arnOf, identityOf, kindOf } from './kind.ts';

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
const index = z.object({ IndexName: z.string(), KeySchema: keySchema, Projection: projection });

/** What `TableV2` makes. */
export const tableKind = kindOf({
  types: ['AWS::DynamoDB::GlobalTable'],
  identify(naming) {
    const name = naming.named('TableName');
    return identityOf(naming, name, { Arn: arnOf('dynamodb', `table/${name}`), TableId: name });
  },
  acts: {
    AttributeDefinitions: z.array(z.object({ AttributeName: z.string(), AttributeType: z.enum(['S', 'N', 'B']) })),
    KeySchema: keySchema,
    GlobalSecondaryIndexes: z.array(index).optional(),
  },
  ignores: [
    'TableName',
    'BillingMode',
    'SSESpecification',
    // Its one replica carries what a region sets: recovery, protection, tags.
    'Replicas',
    // Nothing here lives long enough to expire.
    'TimeToLiveSpecification',
    'WriteOnDemandThroughputSettings',
  ],
  build({ GlobalSecondaryIndexes, ...keys }, { id, identity }): Table {
    const name = String(identity.ref);
    const indexes = GlobalSecondaryIndexes && {
      GlobalSecondaryIndexes: GlobalSecondaryIndexes as GlobalSecondaryIndex[],
    };
    return { id, name, input: { TableName: name, BillingMode: 'PAY_PER_REQUEST', ...keys, ...indexes } };
  },
});

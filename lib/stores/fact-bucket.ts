import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { BlockPublicAccess, Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { EnvironmentOf, s3Variables } from '../../core/environment.ts';
import type { BundledFunction } from '../bundled-function.ts';
import type { ControlTable } from '../control-table.ts';
import type { ProjectedStore } from './projected-store.ts';

export interface FactBucketProps {
  readonly control: ControlTable;
}

/** A file that compaction replaced stays readable this long, for queries under way and for mistakes. */
const REPLACED_DAYS = 7;

/** The Parquet files of an analytics store, below one prefix per target. */
export class FactBucket extends Construct implements ProjectedStore {
  readonly bucket: Bucket;
  readonly variables: EnvironmentOf<typeof s3Variables>;

  constructor(scope: Construct, id: string, { control }: FactBucketProps) {
    super(scope, id);
    this.bucket = new Bucket(this, 'Bucket', {
      enforceSSL: true,
      encryption: BucketEncryption.S3_MANAGED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      versioned: true,
      lifecycleRules: [
        {
          noncurrentVersionExpiration: Duration.days(REPLACED_DAYS),
          expiredObjectDeleteMarker: true,
          abortIncompleteMultipartUploadAfter: Duration.days(1),
        },
      ],
      // CloudFormation deletes no bucket that holds something, whatever is asked of it here.
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.variables = { BUCKET_NAME: this.bucket.bucketName, CONTROL_TABLE: control.tableName };
  }

  allowWrite(fn: BundledFunction): void {
    fn.allow(['s3:GetObject', 's3:PutObject'], [this.bucket.arnForObjects('*')]);
    fn.allow(['s3:ListBucket'], [this.bucket.bucketArn]);
  }

  allowProvision(fn: BundledFunction): void {
    this.allowWrite(fn);
  }

  /** Merges files and removes those it replaced. */
  allowCompact(fn: BundledFunction): void {
    this.allowWrite(fn);
    fn.allow(['s3:DeleteObject'], [this.bucket.arnForObjects('*')]);
  }
}

import { Duration } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { archiveVariables, EnvironmentOf } from '../../core/environment.ts';
import type { ProjectedContract } from '../../core/store-contract.ts';
import type { BundledFunction } from '../bundled-function.ts';
import type { ControlTable } from '../control-table.ts';
import { PRIVATE_BUCKET } from '../private-bucket.ts';
import type { ProjectedStore } from './projected-store.ts';

export interface ArchiveBucketProps {
  readonly contract: ProjectedContract;
  readonly control: ControlTable;
}

/** What was taken out of sight goes so many days after its lock and its holds have ended. */
const HIDDEN_DAYS = 7;

/**
 * The objects of an archive. Each says itself how long it is locked, so the bucket has no period of its own: markers are
 * not worth keeping. Object lock cannot be turned off again, and needs versions.
 */
export class ArchiveBucket extends Construct implements ProjectedStore {
  readonly bucket: Bucket;
  readonly variables: EnvironmentOf<typeof archiveVariables>;
  readonly #props: ArchiveBucketProps;

  constructor(scope: Construct, id: string, props: ArchiveBucketProps) {
    super(scope, id);
    this.#props = props;
    this.bucket = new Bucket(this, 'Bucket', {
      ...PRIVATE_BUCKET,
      versioned: true,
      objectLockEnabled: true,
      lifecycleRules: [
        {
          noncurrentVersionExpiration: Duration.days(HIDDEN_DAYS),
          expiredObjectDeleteMarker: true,
          abortIncompleteMultipartUploadAfter: Duration.days(1),
        },
      ],
    });
    this.variables = { ARCHIVE_BUCKET: this.bucket.bucketName, CONTROL_TABLE: props.control.tableName };
  }

  /** A new object with its lock, and a legal hold on those before it. Nothing here shortens a lock or passes it by. */
  allowWrite(fn: BundledFunction): void {
    fn.allow(
      ['s3:GetObject', 's3:PutObject', 's3:PutObjectRetention', 's3:PutObjectLegalHold'],
      [this.bucket.arnForObjects('*')],
    );
    fn.allow(['s3:ListBucket'], [this.bucket.bucketArn]);
    this.#props.control.allow(fn, this.#props.contract.store_name, ['GetItem', 'PutItem', 'Query']);
  }

  allowProvision(fn: BundledFunction): void {
    this.allowWrite(fn);
  }
}

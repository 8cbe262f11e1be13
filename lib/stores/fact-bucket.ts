import { Duration } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { EnvironmentOf, s3Variables } from '../../core/environment.ts';
import type { ProjectedContract } from '../../core/store-contract.ts';
import type { BundledFunction } from '../bundled-function.ts';
import type { ControlTable } from '../control-table.ts';
import { PRIVATE_BUCKET } from '../private-bucket.ts';
import type { ProjectedStore } from './projected-store.ts';

export interface FactBucketProps {
  readonly contract: ProjectedContract;
  readonly control: ControlTable;
}

/** A file that compaction replaced stays this long, for mistakes. */
const REPLACED_DAYS = 7;
/** Where Athena leaves what a query found; no target's name is without a dot. */
export const QUERY_RESULTS = 'queries';
const RESULT_DAYS = 7;

/** The Parquet files of an analytics store, below one prefix per target; the control table says which of them count. */
export class FactBucket extends Construct implements ProjectedStore {
  readonly bucket: Bucket;
  readonly variables: EnvironmentOf<typeof s3Variables>;
  readonly #props: FactBucketProps;

  constructor(scope: Construct, id: string, props: FactBucketProps) {
    super(scope, id);
    this.#props = props;
    this.bucket = new Bucket(this, 'Bucket', {
      ...PRIVATE_BUCKET,
      versioned: true,
      lifecycleRules: [
        {
          noncurrentVersionExpiration: Duration.days(REPLACED_DAYS),
          expiredObjectDeleteMarker: true,
          abortIncompleteMultipartUploadAfter: Duration.days(1),
        },
        { prefix: `${QUERY_RESULTS}/`, expiration: Duration.days(RESULT_DAYS) },
      ],
    });
    this.variables = { BUCKET_NAME: this.bucket.bucketName, CONTROL_TABLE: props.control.tableName };
  }

  /** A file, and its entry among those that count. */
  allowWrite(fn: BundledFunction): void {
    fn.allow(['s3:GetObject', 's3:PutObject'], [this.bucket.arnForObjects('*')]);
    // Without it a file that is gone looks like one that is forbidden.
    fn.allow(['s3:ListBucket'], [this.bucket.bucketArn]);
    this.#props.control.allow(fn, this.#props.contract.store_name, ['GetItem', 'PutItem', 'Query']);
  }

  allowProvision(fn: BundledFunction): void {
    this.allowWrite(fn);
  }

  /** Merges files and removes those it replaced. */
  allowCompact(fn: BundledFunction): void {
    this.allowWrite(fn);
    fn.allow(['s3:DeleteObject'], [this.bucket.arnForObjects('*')]);
    this.#props.control.allow(fn, this.#props.contract.store_name, ['DeleteItem']);
  }
}

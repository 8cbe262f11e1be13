import { RemovalPolicy } from 'aws-cdk-lib';
import { BlockPublicAccess, BucketEncryption, type BucketProps } from 'aws-cdk-lib/aws-s3';

/** What every bucket has: TLS only, encrypted, closed to the public, kept when its stack goes. */
export const PRIVATE_BUCKET = {
  enforceSSL: true,
  encryption: BucketEncryption.S3_MANAGED,
  blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
  // CloudFormation deletes no bucket that holds something, whatever is asked of it here.
  removalPolicy: RemovalPolicy.RETAIN,
} satisfies BucketProps;

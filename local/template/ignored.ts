/** Resource types without effect in local mode, each with the reason. `*` stands for any ending. */
export const IGNORED_TYPES: Readonly<Record<string, string>> = {
  'AWS::ApiGatewayV2::Api': 'its routes say which front door they are of',
  'AWS::ApiGatewayV2::Stage': 'a front door has one stage, and limits nobody',
  'AWS::Cognito::*': 'the local issuer gives tokens to whoever may read its folder, and to browsers as they like',
  'AWS::Athena::*': 'a query engine over the files of a bucket; DuckDB reads them here',
  'AWS::ElastiCache::User': 'the embedded cache has no users; on AWS they log in by IAM',
  'AWS::ElastiCache::UserGroup': 'the embedded cache has no users; on AWS they log in by IAM',
  'AWS::CloudWatch::Dashboard': 'status and the console show the same metrics',
  'AWS::EC2::*': 'everything runs on one machine, on its loopback interface',
  'AWS::Glue::*': 'says how Athena reads the files of a bucket',
  'AWS::IAM::*': 'the embedded servers check no permissions; on AWS they do',
  'AWS::KMS::*': 'the keys of protected fields are files here; nothing else is encrypted at rest on this machine',
  'AWS::Lambda::Permission': 'the embedded servers check no permissions',
  'AWS::Logs::*': 'logs go to files in the data folder',
  'AWS::RDS::DBClusterParameterGroup': 'the embedded PostgreSQL has the same settings by its own start',
  'AWS::RDS::DBInstance': 'the cluster is one embedded server',
  'AWS::RDS::DBSubnetGroup': 'everything runs on one machine',
  'AWS::S3::BucketPolicy': 'the embedded servers check no permissions',
  'AWS::SNS::TopicPolicy': 'the embedded servers check no permissions',
  'AWS::SQS::QueuePolicy': 'the embedded servers check no permissions',
  'AWS::SSM::Parameter': 'read where it is referred to; nothing is made of it',
  'AWS::SecretsManager::*': 'the embedded PostgreSQL has a password of its own',
};

/** Why the type is ignored, or undefined when it is not. */
export function reasonToIgnore(type: string): string | undefined {
  const exact = IGNORED_TYPES[type];
  if (exact !== undefined) return exact;
  return IGNORED_TYPES[`${type.split('::').slice(0, 2).join('::')}::*`];
}

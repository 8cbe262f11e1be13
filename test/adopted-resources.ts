/** Keys of the context by which a deployment takes a network, a database and a search domain that are there already. */

export const NETWORK = { networkId: 'vpc-1a', networkSubnetIds: 'subnet-1, subnet-2' };

export const DATABASE = {
  ...NETWORK,
  databaseHost: 'cases.cluster-abc.eu-central-1.rds.amazonaws.com',
  databaseSecretArn: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:cases',
  databaseResourceId: 'cluster-ABC',
  databaseSecurityGroupId: 'sg-1',
};

const { databaseResourceId: _, ...unknownToIam } = DATABASE;
/** A PostgreSQL that IAM does not know, entered with secrets. */
export const PLAIN_DATABASE = { ...unknownToIam, databaseRoleSecrets: 'cases/' };

export const SEARCH = {
  searchUrl: 'https://vpc-cases.eu-central-1.es.amazonaws.com',
  searchDomainArn: 'arn:aws:es:eu-central-1:111122223333:domain/cases',
  searchSecurityGroupId: 'sg-2',
};

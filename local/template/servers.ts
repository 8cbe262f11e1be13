import { z } from 'zod';
import { arnOf, identityOf, kindOf } from './kind.ts';

/** A database cluster of the template, which local mode runs as one server. */
export interface Cluster {
  readonly id: string;
  readonly databaseName: string;
}

/** The cluster is one server here: its size, backups, networks and maintenance make no difference. */
export const clusterKind = kindOf({
  types: ['AWS::RDS::DBCluster'],
  identify(naming) {
    const name = naming.named('DBClusterIdentifier');
    const { host, port } = naming.surroundings.database;
    return identityOf(naming, name, {
      'Endpoint.Address': host,
      'Endpoint.Port': String(port),
      'ReadEndpoint.Address': host,
      DBClusterArn: arnOf('rds', `cluster:${name}`),
      DBClusterResourceId: name,
    });
  },
  acts: { Engine: z.literal('aurora-postgresql'), DatabaseName: z.string().default('postgres') },
  ignores: [
    'BackupRetentionPeriod',
    'CopyTagsToSnapshot',
    'DatabaseInsightsMode',
    'DBClusterIdentifier',
    'DBClusterParameterGroupName',
    'DBSubnetGroupName',
    'DeletionProtection',
    'EnableCloudwatchLogsExports',
    'EnableHttpEndpoint',
    'EnableIAMDatabaseAuthentication',
    'EngineMode',
    'EngineVersion',
    'KmsKeyId',
    'ManageMasterUserPassword',
    'MasterUsername',
    'MasterUserPassword',
    'MasterUserSecret',
    'PerformanceInsightsEnabled',
    'PerformanceInsightsRetentionPeriod',
    'Port',
    'PreferredBackupWindow',
    'PreferredMaintenanceWindow',
    'ServerlessV2ScalingConfiguration',
    'StorageEncrypted',
    'StorageType',
    'Tags',
    'VpcSecurityGroupIds',
  ],
  build: ({ DatabaseName }, { id }): Cluster => ({ id, databaseName: DatabaseName }),
});

/** A search domain of the template. */
export interface SearchDomain {
  readonly id: string;
  readonly name: string;
}

export const domainKind = kindOf({
  types: ['AWS::OpenSearchService::Domain'],
  identify(naming) {
    const name = naming.named('DomainName');
    const arn = arnOf('es', `domain/${name}`);
    return identityOf(naming, name, { DomainEndpoint: naming.surroundings.searchDomain, Arn: arn, DomainArn: arn });
  },
  acts: { EngineVersion: z.string().regex(/^OpenSearch_/) },
  ignores: [
    'AccessPolicies',
    'AdvancedOptions',
    'AdvancedSecurityOptions',
    'AutoTuneOptions',
    'ClusterConfig',
    'CognitoOptions',
    'DomainEndpointOptions',
    'DomainName',
    'EBSOptions',
    'EncryptionAtRestOptions',
    'IPAddressType',
    'LogPublishingOptions',
    'NodeToNodeEncryptionOptions',
    'OffPeakWindowOptions',
    'SnapshotOptions',
    'SoftwareUpdateOptions',
    'Tags',
    'VPCOptions',
  ],
  build: (_, { id, identity }): SearchDomain => ({ id, name: String(identity.ref) }),
});

/** A cache of the template. */
export interface CacheServer {
  readonly id: string;
}

export const cacheKind = kindOf({
  types: ['AWS::ElastiCache::ServerlessCache'],
  identify(naming) {
    const name = naming.named('ServerlessCacheName');
    const { host, port } = naming.surroundings.cache;
    return identityOf(naming, name, {
      'Endpoint.Address': host,
      'Endpoint.Port': String(port),
      ARN: arnOf('elasticache', `serverlesscache:${name}`),
    });
  },
  acts: { Engine: z.literal('valkey') },
  ignores: [
    // Whoever is on this machine may; and what it keeps is a few kilobytes.
    'UserGroupId',
    'CacheUsageLimits',
    'Description',
    'KmsKeyId',
    'MajorEngineVersion',
    'SecurityGroupIds',
    'ServerlessCacheName',
    'SubnetIds',
    'Tags',
  ],
  build: (_, { id }): CacheServer => ({ id }),
});

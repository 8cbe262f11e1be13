import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { type ISecurityGroup, Port } from 'aws-cdk-lib/aws-ec2';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import {
  AuroraPostgresEngineVersion,
  ClusterInstance,
  Credentials,
  DatabaseCluster,
  DatabaseClusterEngine,
  ParameterGroup,
} from 'aws-cdk-lib/aws-rds';
import { Construct } from 'constructs';
import type { StoreContract } from '../core/store-contract.ts';
import { tagWithRole } from './data-role.ts';
import { type Network, PRIVATE } from './network.ts';
import type { Preset } from './presets.ts';

export interface CanonicalStoreProps {
  readonly contract: StoreContract;
  readonly clusterName: string;
  readonly databaseName: string;
  readonly network: Network;
  /** Whoever wears it may connect. */
  readonly clients: ISecurityGroup;
  readonly preset: Preset;
}

/** Only the migrations log in as this role, by password; they make the roles that log in by IAM. */
const ADMINISTRATOR = 'distributary_admin';
const ENGINE = DatabaseClusterEngine.auroraPostgres({ version: AuroraPostgresEngineVersion.VER_17_7 });

const PARAMETERS = {
  /** The outbox is read through a logical slot. */
  'rds.logical_replication': '1',
  /** The relay logs in to the replication protocol by IAM too, so that no password exists for it. */
  'rds.iam_auth_for_replication': '1',
  'rds.force_ssl': '1',
  /** Else the log quotes the row that a rule refused. */
  log_error_verbosity: 'terse',
};

/** The PostgreSQL that decides: Aurora with logical replication, in a private network. */
export class CanonicalStore extends Construct {
  readonly cluster: DatabaseCluster;

  constructor(scope: Construct, id: string, props: CanonicalStoreProps) {
    super(scope, id);
    const { contract, clusterName, databaseName, network, clients, preset } = props;
    const logs = new LogGroup(this, 'Logs', {
      logGroupName: `/aws/rds/cluster/${clusterName}/postgresql`,
      retention: preset.logDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.cluster = new DatabaseCluster(this, 'Cluster', {
      clusterIdentifier: clusterName,
      engine: ENGINE,
      writer: ClusterInstance.serverlessV2('Writer', { enablePerformanceInsights: true }),
      readers: Array.from({ length: preset.databaseReaders }, (_, index) =>
        ClusterInstance.serverlessV2(`Reader${index + 1}`, { scaleWithWriter: true, enablePerformanceInsights: true }),
      ),
      serverlessV2MinCapacity: preset.databaseCapacity.min,
      serverlessV2MaxCapacity: preset.databaseCapacity.max,
      vpc: network.vpc,
      vpcSubnets: PRIVATE,
      defaultDatabaseName: databaseName,
      credentials: Credentials.fromGeneratedSecret(ADMINISTRATOR),
      parameterGroup: new ParameterGroup(this, 'Parameters', { engine: ENGINE, parameters: PARAMETERS }),
      iamAuthentication: true,
      storageEncrypted: true,
      deletionProtection: preset.deletionProtection,
      removalPolicy: RemovalPolicy.SNAPSHOT,
      backup: { retention: Duration.days(preset.backupDays) },
      copyTagsToSnapshot: true,
      cloudwatchLogsExports: ['postgresql'],
    });
    this.cluster.node.addDependency(logs);
    this.cluster.connections.allowFrom(clients, Port.tcp(this.cluster.clusterEndpoint.port));
    tagWithRole(this, contract);
  }
}

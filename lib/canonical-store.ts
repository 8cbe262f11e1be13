import { Duration, Fn, RemovalPolicy } from 'aws-cdk-lib';
import {
  GatewayVpcEndpointAwsService,
  InterfaceVpcEndpointAwsService,
  IpAddresses,
  type ISecurityGroup,
  type IVpc,
  Port,
  SecurityGroup,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
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
import type { Preset } from './configuration.ts';
import { tagWithRole } from './data-role.ts';

export interface CanonicalStoreProps {
  readonly contract: StoreContract;
  readonly clusterName: string;
  readonly preset: Preset;
}

export const DATABASE_NAME = 'distributary';
/** Only the migrations log in as this role, by password; they make the roles that log in by IAM. */
const ADMINISTRATOR = 'distributary_admin';
const ENGINE = DatabaseClusterEngine.auroraPostgres({ version: AuroraPostgresEngineVersion.VER_17_7 });

const PARAMETERS = {
  /** The outbox is read through a logical slot. */
  'rds.logical_replication': '1',
  /** The relay logs in to the replication protocol by IAM too, so that no password exists for it. */
  'rds.iam_auth_for_replication': '1',
  'rds.force_ssl': '1',
};

/** The PostgreSQL that decides: a private network without a way out, and in it Aurora with logical replication. */
export class CanonicalStore extends Construct {
  readonly vpc: IVpc;
  /** Private, one to a zone. */
  readonly subnetIds: string[];
  readonly cluster: DatabaseCluster;
  /** Whoever wears it may connect. */
  readonly clients: ISecurityGroup;

  constructor(scope: Construct, id: string, { contract, clusterName, preset }: CanonicalStoreProps) {
    super(scope, id);
    this.vpc = this.#network(preset);
    this.subnetIds = this.vpc.isolatedSubnets.map(({ subnetId }) => subnetId);
    this.clients = new SecurityGroup(this, 'Clients', {
      vpc: this.vpc,
      description: 'May connect to the canonical store',
    });
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
      vpc: this.vpc,
      vpcSubnets: PRIVATE,
      defaultDatabaseName: DATABASE_NAME,
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
    this.cluster.connections.allowFrom(this.clients, Port.tcp(this.cluster.clusterEndpoint.port));
    tagWithRole(this, contract);
  }

  /** No NAT: what runs in here reaches the services named here and nothing else. */
  #network({ zones }: Preset): IVpc {
    const vpc = new Vpc(this, 'Network', {
      ipAddresses: IpAddresses.cidr('10.20.0.0/16'),
      // Said rather than looked up, so that a synthesis needs no account.
      availabilityZones: Array.from({ length: zones }, (_, index) => Fn.select(index, Fn.getAzs())),
      natGateways: 0,
      subnetConfiguration: [{ name: 'private', subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 20 }],
      // It would take a helper function; nothing here is in the default group.
      restrictDefaultSecurityGroup: false,
    }) as IVpc;
    vpc.addGatewayEndpoint('S3', { service: GatewayVpcEndpointAwsService.S3 });
    vpc.addGatewayEndpoint('DynamoDb', { service: GatewayVpcEndpointAwsService.DYNAMODB });
    for (const [name, service] of Object.entries(CALLED_FROM_INSIDE)) {
      vpc.addInterfaceEndpoint(name, { service, subnets: PRIVATE });
    }
    return vpc;
  }
}

const PRIVATE = { subnetType: SubnetType.PRIVATE_ISOLATED };

/** An interface endpoint costs by the hour and zone, so only for what a function in the network calls. */
const CALLED_FROM_INSIDE = {
  /** The relay publishes. */
  Sns: InterfaceVpcEndpointAwsService.SNS,
  /** The relay parks rows; projectors of search defer messages and keep failed ones. */
  Sqs: InterfaceVpcEndpointAwsService.SQS,
  /** The migrations read the owner's password. */
  SecretsManager: InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
};

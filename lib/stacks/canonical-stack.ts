import { CfnSecurityGroupIngress, type ISecurityGroup, SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import type { Construct, IDependable } from 'constructs';
import { isProtectedContract } from '../../core/store-contract.ts';
import { AMAZON_AUTHORITIES } from '../canonical-access.ts';
import { CanonicalStore } from '../canonical-store.ts';
import { tagWithRole } from '../data-role.ts';
import { Migrations, type MigrationsProps } from '../migrations.ts';
import { Network } from '../network.ts';
import { type Blueprint, PipelineStack } from './pipeline-stack.ts';

/** A PostgreSQL that the pipeline can reach, made here or before. */
interface Database {
  readonly host: string;
  /** The writer where there are no readers. */
  readonly readerHost: string;
  readonly port: string;
  readonly secretArn: string;
  /** By which IAM knows it. */
  readonly resourceId: string | undefined;
  readonly ready: readonly IDependable[];
}

/** The store that decides what is true, with its schema, and the network that it is in. */
export class CanonicalStack extends PipelineStack {
  constructor(scope: Construct, blueprint: Blueprint) {
    super(scope, {
      ...blueprint,
      part: 'canonical',
      description: 'Canonical store of the pipeline: PostgreSQL, its network and its schema',
    });
    const { configuration } = blueprint;
    tagWithRole(this, blueprint.catalogue.canonical);
    if (configuration.target === 'local')
      this.#migrate({ variables: { DATABASE_URL: configuration.databaseUrl! }, after: [] });
    else this.#build();
  }

  #build(): void {
    const { configuration, preset, shared } = this.blueprint;
    const { networkId, networkSubnetIds } = configuration;
    const network = new Network(this, 'Network', {
      zones: preset.zones,
      containers: configuration.relay === 'service',
      keys: this.blueprint.catalogue.projected.some(isProtectedContract),
      existing: networkId === undefined ? undefined : { networkId, subnetIds: networkSubnetIds! },
    });
    const clients = new SecurityGroup(this, 'Clients', {
      vpc: network.vpc,
      description: 'May connect to the canonical store',
    });
    const database = configuration.databaseHost === undefined ? this.#create(network, clients) : this.#adopt(clients);
    const { host, readerHost, port, secretArn, resourceId, ready } = database;
    this.#migrate({
      variables: {
        DATABASE_HOST: host,
        DATABASE_PORT: port,
        DATABASE_NAME: configuration.databaseName,
        DATABASE_SECRET_ARN: secretArn,
        NODE_EXTRA_CA_CERTS: AMAZON_AUTHORITIES,
      },
      secretArn,
      placement: { subnetIds: network.subnetIds, securityGroupIds: [clients.securityGroupId] },
      after: ready,
    });
    shared.publish(this, {
      vpcId: network.vpc.vpcId,
      subnetIds: network.subnetIds.join(','),
      databaseHost: host,
      databaseReaderHost: readerHost,
      databasePort: port,
      ...(resourceId !== undefined && { databaseResourceId: resourceId }),
      databaseClients: clients.securityGroupId,
    });
  }

  #create(network: Network, clients: ISecurityGroup): Database {
    const { catalogue, configuration, names, preset } = this.blueprint;
    const { cluster } = new CanonicalStore(this, 'Store', {
      contract: catalogue.canonical,
      clusterName: names.cluster,
      databaseName: configuration.databaseName,
      network,
      clients,
      preset,
    });
    return {
      host: cluster.clusterEndpoint.hostname,
      readerHost: cluster.clusterReadEndpoint.hostname,
      port: String(cluster.clusterEndpoint.port),
      secretArn: cluster.secret!.secretArn,
      resourceId: cluster.clusterResourceIdentifier,
      ready: [cluster],
    };
  }

  /** Makes nothing but the rule that lets the pipeline in. */
  #adopt(clients: ISecurityGroup): Database {
    const { databaseHost, databasePort, databaseSecretArn, databaseResourceId, databaseSecurityGroupId } =
      this.blueprint.configuration;
    const ingress =
      databaseSecurityGroupId === undefined
        ? []
        : [
            new CfnSecurityGroupIngress(this, 'LetsClientsIn', {
              groupId: databaseSecurityGroupId,
              sourceSecurityGroupId: clients.securityGroupId,
              ipProtocol: 'tcp',
              fromPort: databasePort,
              toPort: databasePort,
            }),
          ];
    return {
      host: databaseHost!,
      readerHost: databaseHost!,
      port: String(databasePort),
      secretArn: databaseSecretArn!,
      resourceId: databaseResourceId,
      ready: ingress,
    };
  }

  #migrate(reach: Pick<MigrationsProps, 'variables' | 'secretArn' | 'placement' | 'after'>): void {
    const { bundles, names, preset } = this.blueprint;
    const functionName = names.function('migrate');
    new Migrations(this, 'Migrations', { ...reach, bundle: bundles.of('migrate'), functionName, preset });
  }
}

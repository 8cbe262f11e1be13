import type { Construct } from 'constructs';
import { CanonicalStore } from '../canonical-store.ts';
import { Migrations } from '../migrations.ts';
import { type Blueprint, PipelineStack } from './pipeline-stack.ts';

/** The store that decides what is true, with its schema. */
export class CanonicalStack extends PipelineStack {
  constructor(scope: Construct, blueprint: Blueprint) {
    super(scope, {
      ...blueprint,
      part: 'canonical',
      description: 'Canonical store of the pipeline: Aurora PostgreSQL',
    });
    const { catalogue, bundles, names, preset, shared } = blueprint;
    const store = new CanonicalStore(this, 'Store', {
      contract: catalogue.canonical,
      clusterName: names.cluster,
      preset,
    });
    new Migrations(this, 'Migrations', {
      store,
      bundle: bundles.of('migrate'),
      functionName: names.function('migrate'),
      preset,
    });
    const { vpc, subnetIds, cluster, clients } = store;
    shared.publish(this, {
      vpcId: vpc.vpcId,
      subnetIds: subnetIds.join(','),
      databaseHost: cluster.clusterEndpoint.hostname,
      databasePort: String(cluster.clusterEndpoint.port),
      databaseResourceId: cluster.clusterResourceIdentifier,
      databaseClients: clients.securityGroupId,
    });
  }
}
